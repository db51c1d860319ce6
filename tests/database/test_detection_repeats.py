"""Detections are given again for a day to whoever asks the same, and each time recorded."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.database.acting import Database, Person, at_once
from tests.database.detecting import MUGS, age, detection, made_by, record, rows, told

ROUNDS = 5


def find(db: Database, person: Person, made: dict[str, Any], **changes: Any) -> str | None:
    """The id of what is given again where a person asks the question of `made`, or another."""
    question = {name: made[name] for name in ("kind", "image_sha256", "prompt_sha256")}
    asked = {"workspace_id": person.workspace_id, **question, **changes}
    found = db.service.call("find_detection", caller=person.id, **asked)
    return None if found is None else str(found)


class TestFinding:
    def test_the_same_question(self, db: Database, owner: Person) -> None:
        asked = detection()
        made = made_by(db, owner, **asked)
        assert find(db, owner, asked) == made

    @pytest.mark.parametrize(
        "changes", [{"kind": "pantry"}, {"image_sha256": "a" * 64}, {"prompt_sha256": "b" * 64}], ids=str
    )
    def test_another_question_is_another(self, db: Database, owner: Person, changes: dict[str, str]) -> None:
        asked = detection()
        made_by(db, owner, **asked)
        assert find(db, owner, asked, **changes) is None

    def test_another_workspace_has_its_own(self, db: Database, owner: Person) -> None:
        asked = detection()
        made_by(db, owner, **asked)
        other = db.sign_up()
        assert find(db, other, asked) is None
        assert find(db, owner, asked, workspace_id=other.workspace_id) is None

    def test_lasts_a_day(self, db: Database, owner: Person) -> None:
        asked = detection()
        made = made_by(db, owner, **asked)
        age(db, made, "23 hours 59 minutes")
        assert find(db, owner, asked) == made
        age(db, made, "2 minutes")
        assert find(db, owner, asked) is None

    def test_what_was_answered_in_somebodys_stead_is_not_given_again(self, db: Database, owner: Person) -> None:
        asked = detection(fallback_reason="gemini: timeout")
        made_by(db, owner, **asked)
        assert find(db, owner, asked) is None

    def test_the_latest_counts(self, db: Database, owner: Person) -> None:
        asked = detection()
        older, newer = made_by(db, owner, **asked), made_by(db, owner, **asked)
        age(db, older, "1 minute")
        assert find(db, owner, asked) == newer

    def test_ones_own_before_a_later_one_of_somebody_else(self, db: Database, owner: Person) -> None:
        asked, staff = detection(), db.member(owner.workspace_id, "staff")
        mine = made_by(db, owner, **asked)
        age(db, mine, "1 hour")
        theirs = made_by(db, staff, **asked)
        assert (find(db, owner, asked), find(db, staff, asked)) == (mine, theirs)
        assert find(db, db.member(owner.workspace_id, "buyer"), asked) == theirs

    def test_a_repeat_is_not_found_and_does_not_prolong_the_day(self, db: Database, owner: Person) -> None:
        asked, staff = detection(), db.member(owner.workspace_id, "staff")
        made = made_by(db, owner, **asked)
        record(db, staff, {"repeats": made})
        assert find(db, staff, asked) == made
        age(db, made, "25 hours")
        assert find(db, staff, asked) is None


class TestGivingAgain:
    def test_ones_own_is_the_same_and_makes_nothing(self, db: Database, owner: Person) -> None:
        [first] = record(db, owner, {"detection": detection(items=MUGS)})
        before = db.audit(owner.workspace_id)
        [again] = record(db, owner, {"repeats": first["detection"]["detection_id"]})
        assert (first["status"], again["status"]) == (201, 200)
        assert again["detection"] == {**first["detection"], "cached": True}
        assert (len(rows(db, owner.workspace_id)), db.audit(owner.workspace_id)) == (1, before)

    def test_somebody_elses_becomes_one_of_ones_own(self, db: Database, owner: Person) -> None:
        buyer = db.member(owner.workspace_id, "buyer")
        asked = detection(items=MUGS, text="MUG", confidence=0.5, cost_micro_usd=810, provider="gemini")
        [first] = record(db, owner, {"detection": asked})
        original = first["detection"]["detection_id"]
        age(db, original, "1 hour")
        [second], [third] = (record(db, buyer, {"repeats": original}) for _ in range(2))
        assert third == second
        copied = second["detection"]
        assert (second["status"], copied["cached"]) == (200, True)
        assert copied["detection_id"] != original
        alike = ("kind", "items", "text", "confidence", "provider", "model", "cost_micro_usd")
        assert [copied[name] for name in alike] == [first["detection"][name] for name in alike]
        assert copied["created_at"] > first["detection"]["created_at"]
        assert rows(db, owner.workspace_id) == [
            (UUID(copied["detection_id"]), buyer.user_id, UUID(original)),
            (UUID(original), owner.user_id, None),
        ]
        assert told(db, owner.workspace_id, "detection.repeated") == [
            (buyer.user_id, copied["detection_id"], {"repeats": original})
        ]

    def test_asked_at_once_it_becomes_one_not_many(self, db: Database, owner: Person) -> None:
        buyer = db.member(owner.workspace_id, "buyer")
        for _ in range(ROUNDS):
            original = made_by(db, owner)
            answers = at_once(10, lambda _, original=original: record(db, buyer, {"repeats": original}))  # type: ignore[misc]
            assert len({answer[0]["detection"]["detection_id"] for answer in answers}) == 1
            copies = "select count(*) from public.detections where repeats = %s"
            assert db.owner.value(copies, original) == 1
        assert len(told(db, owner.workspace_id, "detection.repeated")) == ROUNDS

    def test_a_copy_lives_on_without_what_it_was_copied_from(self, db: Database, owner: Person) -> None:
        buyer = db.member(owner.workspace_id, "buyer")
        original = made_by(db, owner, items=MUGS)
        [copied] = record(db, buyer, {"repeats": original})
        db.owner.rows("delete from public.detections where id = %s", original)
        read = buyer.call("read_detection", detection_id=copied["detection"]["detection_id"])
        assert (read["status"], read["body"]["items"]) == (200, MUGS)

    def test_another_workspaces_is_never_given(self, db: Database, owner: Person) -> None:
        stranger = db.sign_up()
        original = made_by(db, owner, items=MUGS)
        with pytest.raises(psycopg.errors.IntegrityError):
            record(db, stranger, {"repeats": original})
        assert rows(db, stranger.workspace_id) == []
