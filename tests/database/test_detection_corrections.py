"""What people say was truly there, and how much of it had been found."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.database.acting import Database, Person, at_once, run
from tests.database.detecting import MUGS, correct, made_by, told, units

CORRECTIONS = """
    select user_id, items, detected, present, correct from public.detection_corrections where detection_id = %s
"""


def figures(answer: dict[str, Any]) -> tuple[int, int, int]:
    """(detected, present, correct)."""
    body = answer["body"]
    return body["detected"], body["present"], body["correct"]


class TestCorrecting:
    @pytest.mark.parametrize(
        ("found", "said", "expected"),
        [
            (units(mug=2), units(mug=2), (2, 2, 2)),
            (units(mug=2), units(mug=5), (2, 5, 2)),
            (units(mug=5), units(mug=2), (5, 2, 2)),
            (units(mug=2), units(cup=2), (2, 2, 0)),
            (units(mug=2, cup=3), units(cup=1, spoon=4), (5, 5, 1)),
            (units(mug=2), [], (2, 0, 0)),
            ([], units(mug=2), (0, 2, 0)),
            ([], [], (0, 0, 0)),
            (units(Mug=2), units(mUG=2), (2, 2, 2)),
            (units(Ölmühle=1), units(ÖLMÜHLE=1), (1, 1, 1)),
            ([{"name": " Red \t\n mug ", "quantity": 1}], units(red_mug=1), (1, 1, 1)),
            (units(redmug=1), units(red_mug=1), (1, 1, 0)),
            # of one name all lines together
            (units(mug=2, MUG=3), units(Mug=4), (5, 4, 4)),
            (units(mug=4), units(mug=1, Mug=1, MUG=1), (4, 3, 3)),
        ],
    )
    def test_counts_units_by_name(
        self, db: Database, owner: Person, found: object, said: object, expected: tuple[int, int, int]
    ) -> None:
        made = made_by(db, owner, items=found)
        answer = correct(owner, made, said)
        assert (answer["status"], figures(answer)) == (201, expected)
        assert answer["body"]["items"] == said
        assert set(answer["body"]) == {"detection_id", "items", "detected", "present", "correct", "created_at"}
        assert db.owner.rows(CORRECTIONS, made) == [(owner.user_id, said, *expected)]
        assert told(db, owner.workspace_id, "detection.corrected") == [
            (owner.user_id, made, dict(zip(("detected", "present", "correct"), expected, strict=True)))
        ]

    def test_the_last_word_counts(self, db: Database, owner: Person) -> None:
        staff = db.member(owner.workspace_id, "staff")
        made = made_by(db, owner, items=units(mug=2))
        assert figures(correct(owner, made, units(mug=1))) == (2, 1, 1)
        assert figures(correct(staff, made, units(mug=2, cup=1))) == (2, 3, 2)
        assert db.owner.rows(CORRECTIONS, made) == [(staff.user_id, units(mug=2, cup=1), 2, 3, 2)]
        assert [entry[0] for entry in told(db, owner.workspace_id, "detection.corrected")] == [
            owner.user_id, staff.user_id,
        ]  # fmt: skip
        assert owner.call("read_detection", detection_id=made)["body"]["items"] == units(mug=2), "as it was found"

    def test_said_at_once_one_of_them_is_the_last(self, db: Database, owner: Person) -> None:
        made = made_by(db, owner, items=units(mug=5))
        at_once(10, lambda number: correct(owner, made, units(mug=number + 1)))
        [(_, items, detected, present, right)] = db.owner.rows(CORRECTIONS, made)
        assert (detected, present, right) == (5, items[0]["quantity"], min(5, items[0]["quantity"]))
        assert len(told(db, owner.workspace_id, "detection.corrected")) == 10

    def test_as_much_as_there_can_be(self, db: Database, owner: Person) -> None:
        most = [{"name": f"{number:03}" + "x" * 197, "quantity": 1_000_000} for number in range(200)]
        made = made_by(db, owner, items=most)
        assert figures(correct(owner, made, most)) == (200_000_000,) * 3

    def test_all_that_an_item_may_say(self, db: Database, owner: Person) -> None:
        said = [
            {"name": "Mug", "quantity": 1, "type": "cup", "tags": ["red", ""]},
            {"name": "Mug", "quantity": 1_000_000, "type": None, "tags": []},
        ]
        assert correct(owner, made_by(db, owner), said)["body"]["items"] == said

    @pytest.mark.parametrize(
        "said",
        [
            None,
            "Mug",
            5,
            {},
            {"name": "Mug", "quantity": 1},
            ["Mug"],
            [None],
            [5],
            [[]],
            [[{"name": "Mug", "quantity": 1}]],
            [{}],
            [{"name": "Mug"}],
            [{"quantity": 1}],
            [{"name": None, "quantity": 1}],
            [{"name": "", "quantity": 1}],
            [{"name": " \u00a0\u3000\t", "quantity": 1}],
            [{"name": "x" * 201, "quantity": 1}],
            [{"name": "a\x1b[31mb", "quantity": 1}],
            [{"name": 5, "quantity": 1}],
            [{"name": {"en": "Mug"}, "quantity": 1}],
            [{"name": ["Mug"], "quantity": 1}],
            [{"name": "Mug", "quantity": None}],
            [{"name": "Mug", "quantity": 0}],
            [{"name": "Mug", "quantity": -1}],
            [{"name": "Mug", "quantity": 1.5}],
            [{"name": "Mug", "quantity": 2.0}],
            [{"name": "Mug", "quantity": 1_000_001}],
            [{"name": "Mug", "quantity": 2**31}],
            [{"name": "Mug", "quantity": 10**40}],
            [{"name": "Mug", "quantity": "2"}],
            [{"name": "Mug", "quantity": "NaN"}],
            [{"name": "Mug", "quantity": True}],
            [{"name": "Mug", "quantity": [1]}],
            [{"name": "Mug", "quantity": 1, "admin": True}],
            [{"name": "Mug", "quantity": 1, "type": 5}],
            [{"name": "Mug", "quantity": 1, "type": "x" * 201}],
            [{"name": "Mug", "quantity": 1, "tags": None}],
            [{"name": "Mug", "quantity": 1, "tags": "red"}],
            [{"name": "Mug", "quantity": 1, "tags": [5]}],
            [{"name": "Mug", "quantity": 1, "tags": [None]}],
            [{"name": "Mug", "quantity": 1, "tags": ["x"] * 101}],
            [{"name": "Mug", "quantity": 1}, {"name": "Mug"}],
            [{"name": "Mug", "quantity": 1}] * 201,
            [{"name": "Mug", "quantity": 1, "tags": ["x" * 200] * 100}] * 200,
        ],
        ids=lambda said: str(said)[:60],
    )
    def test_what_is_no_list_of_items_is_refused(self, db: Database, owner: Person, said: object) -> None:
        made = made_by(db, owner, items=units(mug=1))
        correct(owner, made, units(mug=1))
        answer = correct(owner, made, said)
        assert (answer["status"], answer["code"]) == (422, "invalid_items")
        assert db.owner.rows(CORRECTIONS, made) == [(owner.user_id, units(mug=1), 1, 1, 1)]
        assert len(told(db, owner.workspace_id, "detection.corrected")) == 1

    @pytest.mark.parametrize("quantity", ["1e999", "1e-5", "-1e999", "1e131071", "0.9999999", "100000000000000000000"])
    def test_numbers_that_only_json_knows_are_refused(self, db: Database, owner: Person, quantity: str) -> None:
        made = made_by(db, owner)
        with owner.transaction() as connection:
            items = '[{"name": "Mug", "quantity": ' + quantity + "}]"
            [(answer,)] = run(connection, "select public.correct_detection(%s, %s::jsonb)", made, items)
        assert (answer["status"], answer["code"]) == (422, "invalid_items")
        assert db.owner.rows(CORRECTIONS, made) == []

    @pytest.mark.parametrize("quantity", ["NaN", "Infinity", "1e99999999"])
    def test_numbers_that_not_even_json_knows_are_an_error_of_the_value(
        self, db: Database, owner: Person, quantity: str
    ) -> None:
        items = '[{"name": "Mug", "quantity": ' + quantity + "}]"
        with pytest.raises(psycopg.errors.DataError) as caught, owner.transaction() as connection:
            run(connection, "select public.correct_detection(%s, %s::jsonb)", uuid4(), items)
        assert str(caught.value.sqlstate).startswith("22")

    def test_a_whole_number_however_it_is_written(self, db: Database, owner: Person) -> None:
        made = made_by(db, owner, items=units(mug=100))
        with owner.transaction() as connection:
            items = '[{"name": "Mug", "quantity": 1e2}]'
            [(answer,)] = run(connection, "select public.correct_detection(%s, %s::jsonb)", made, items)
        assert figures(answer) == (100, 100, 100)

    def test_is_for_who_sees_it_and_may_detect(self, db: Database, owner: Person) -> None:
        buyer, other = (db.member(owner.workspace_id, "buyer") for _ in range(2))
        reader, stranger = db.member(owner.workspace_id, "readonly"), db.sign_up()
        made = made_by(db, buyer, items=MUGS)
        for person, status in ((buyer, 201), (owner, 201), (reader, 403), (other, 404), (stranger, 404)):
            assert correct(person, made, MUGS)["status"] == status, person
        assert [entry[0] for entry in told(db, owner.workspace_id, "detection.corrected")] == [
            buyer.user_id, owner.user_id,
        ]  # fmt: skip
        assert told(db, owner.workspace_id, "access.denied") == [
            (reader.user_id, owner.home, {"permission": "detect.use"})
        ]

    def test_a_token_of_somebody_who_signed_out_changes_nothing(self, db: Database, owner: Person) -> None:
        made = made_by(db, owner, items=MUGS)
        db.owner.rows("delete from auth.sessions where user_id = %s", owner.user_id)
        assert correct(owner, made, MUGS)["status"] == 401
        assert db.owner.rows(CORRECTIONS, made) == []

    def test_goes_with_the_detection_and_outlives_who_said_it(self, db: Database, owner: Person) -> None:
        staff = db.member(owner.workspace_id, "staff")
        made = made_by(db, owner, items=MUGS)
        correct(staff, made, MUGS)
        db.owner.rows("delete from auth.users where id = %s", staff.user_id)
        assert db.owner.rows(CORRECTIONS, made) == [(None, MUGS, 2, 2, 2)]
        db.owner.rows("delete from public.detections where id = %s", made)
        assert db.owner.rows(CORRECTIONS, made) == []
