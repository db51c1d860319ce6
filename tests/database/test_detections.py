"""Detections: given again for a day, recorded together or not at all, seen by those who may, and corrected."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.database.acting import Actor, Database, Person, at_once, run
from tests.database.detecting import detection

ROUNDS = 5
MUGS = [{"name": "Mug", "quantity": 2}]
CORRECTIONS = """
    select user_id, items, detected, present, correct from public.detection_corrections where detection_id = %s
"""


def find(db: Database, person: Person, made: dict[str, Any], **changes: Any) -> str | None:
    """The id of what is given again where a person asks the question of `made`, or another."""
    question = {name: made[name] for name in ("kind", "image_sha256", "prompt_sha256")}
    asked = {"workspace_id": person.workspace_id, **question, **changes}
    found = db.service.call("find_detection", caller=person.id, **asked)
    return None if found is None else str(found)


def record(db: Database, person: Person, *outcomes: dict[str, Any], **where: Any) -> list[dict[str, Any]]:
    """Record a batch; the outcomes as they are answered."""
    answer = db.service.call(
        "record_detections",
        caller=person.id,
        workspace_id=where.get("workspace_id", person.workspace_id),
        outcomes=list(outcomes),
        batch=True,
    )
    assert answer["status"] == 200, answer
    found: list[dict[str, Any]] = answer["body"]["data"]
    return found


def made_by(db: Database, person: Person, **changes: Any) -> str:
    """The id of a new detection."""
    [outcome] = record(db, person, {"detection": detection(**changes)})
    return str(outcome["detection"]["detection_id"])


def age(db: Database, made: str, interval: str) -> None:
    """As if so much time had passed."""
    db.owner.rows("update public.detections set created_at = created_at - %s::interval where id = %s", interval, made)


def told(db: Database, chain: UUID, action: str) -> list[tuple[Any, ...]]:
    """(actor, target, details) of a chain's entries of one kind."""
    return [(actor, target, details) for what, actor, target, details, _ in db.audit(chain) if what == action]


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


def rows(db: Database, workspace_id: UUID) -> list[tuple[Any, ...]]:
    """(id, whose, what it repeats) of a workspace's detections, newest first."""
    return db.owner.rows(
        "select id, user_id, repeats from public.detections where workspace_id = %s order by created_at desc",
        workspace_id,
    )


PROBLEM = {"status": 422, "problem": {"code": "image_unreadable", "status": 422}}


class TestRecording:
    def test_a_mixed_batch_is_answered_in_order(self, db: Database, owner: Person) -> None:
        earlier = made_by(db, owner)
        outcomes = record(
            db, owner, {"detection": detection(text="first")}, PROBLEM, {"repeats": earlier},
            {"detection": detection(text="last")},
        )  # fmt: skip
        assert [outcome["status"] for outcome in outcomes] == [201, 422, 200, 201]
        assert [outcome.get("detection", {}).get("text") for outcome in outcomes] == ["first", None, "", "last"]
        assert [outcome.get("detection", {}).get("cached") for outcome in outcomes] == [False, None, True, False]
        assert outcomes[1] == PROBLEM
        assert outcomes[2]["detection"]["detection_id"] == earlier
        assert len(rows(db, owner.workspace_id)) == 3
        entries = told(db, owner.workspace_id, "detection.created")
        assert [target for _, target, _ in entries[1:]] == [
            outcomes[place]["detection"]["detection_id"] for place in (0, 3)
        ]

    def test_alone_a_detection_is_answered_as_itself(self, db: Database, owner: Person) -> None:
        outcome = {"detection": detection(items=MUGS, fallback_reason="gemini: timeout", cost_micro_usd=3)}
        sent: dict[str, Any] = {"caller": owner.id, "workspace_id": owner.workspace_id, "batch": False}
        answer = db.service.call("record_detections", outcomes=[outcome], **sent)
        assert answer["status"] == 201
        assert set(answer["body"]) == {
            "detection_id", "kind", "items", "text", "confidence", "provider", "model", "cost_micro_usd",
            "fallback_reason", "processing_time_ms", "cached", "created_at",
        }  # fmt: skip
        repeats = [{"repeats": answer["body"]["detection_id"]}]
        assert db.service.call("record_detections", outcomes=repeats, **sent)["status"] == 200
        [(actor, target, details)] = told(db, owner.workspace_id, "detection.created")
        assert (actor, target) == (owner.user_id, answer["body"]["detection_id"])
        assert details == {"kind": "general", "provider": "local", "items": 1}

    @pytest.mark.parametrize(
        "wrong",
        [
            {"kind": "no kind"},
            {"items": {}},
            {"items": [{}] * 201},
            {"confidence": 1.5},
            {"image_sha256": "0"},
            {"prompt_sha256": None},
            {"cost_micro_usd": -1},
            {"cost_micro_usd": None},
            {"text": "x" * 20_001},
            {"processing_time_ms": 1e12},
            {"fallback_reason": "x" * 501},
        ],
        ids=lambda wrong: f"{next(iter(wrong))} {str(next(iter(wrong.values())))[:10]}",
    )
    def test_with_one_that_is_wrong_nothing_is_recorded(
        self, db: Database, owner: Person, wrong: dict[str, Any]
    ) -> None:
        before = db.audit(owner.workspace_id)
        with pytest.raises((psycopg.errors.IntegrityError, psycopg.errors.DataError)):
            record(db, owner, {"detection": detection()}, {"detection": detection(**wrong)})
        assert (rows(db, owner.workspace_id), db.audit(owner.workspace_id)) == ([], before)

    def test_ids_owners_and_times_are_not_the_engines_to_say(self, db: Database, owner: Person) -> None:
        other = db.sign_up()
        forged = {"id": str(uuid4()), "workspace_id": other.home, "user_id": other.id, "created_at": "2001-01-01"}
        [outcome] = record(db, owner, {"detection": {**detection(), **forged, "repeats": forged["id"]}})
        assert rows(db, owner.workspace_id) == [(UUID(outcome["detection"]["detection_id"]), owner.user_id, None)]
        assert outcome["detection"]["detection_id"] != forged["id"]
        assert not outcome["detection"]["created_at"].startswith("2001")

    @pytest.mark.parametrize(("change", "status"), [("leaves", 404), ("becomes a reader", 403), ("is deleted", 404)])
    def test_for_who_lost_the_permission_meanwhile_nothing_is_recorded(
        self, db: Database, owner: Person, change: str, status: int
    ) -> None:
        staff = db.member(owner.workspace_id, "staff")
        original = made_by(db, owner)
        before = rows(db, owner.workspace_id)
        here: dict[str, Any] = {"workspace_id": owner.home, "user_id": staff.id}
        match change:
            case "leaves":
                owner.call("remove_member", **here)
            case "becomes a reader":
                owner.call("change_member", **here, role="readonly")
            case _:
                db.owner.rows("delete from auth.users where id = %s", staff.user_id)
        for outcome in ({"detection": detection()}, {"repeats": original}):
            answer = db.service.call(
                "record_detections", caller=staff.id, workspace_id=owner.workspace_id,
                outcomes=[outcome, PROBLEM], batch=True,
            )  # fmt: skip
            assert answer["status"] == status
        assert rows(db, owner.workspace_id) == before
        denied = told(db, owner.workspace_id if status == 403 else UUID(int=0), "access.denied")
        assert [entry for entry in denied if entry[0] == staff.user_id] == [
            (staff.user_id, owner.home, {"permission": "detect.use"})
        ] * 2

    def test_closes_its_request(self, db: Database, owner: Person) -> None:
        begun = db.service.call(
            "begin_request", caller=owner.id, route="POST /api/detect", key=uuid4().hex, fingerprint="f",
            permission="detect.use", workspace_id=owner.workspace_id,
        )  # fmt: skip
        answer = db.service.call(
            "record_detections", headers={"X-Idempotency-Record": begun["idempotency"]["id"]}, caller=owner.id,
            workspace_id=owner.workspace_id, outcomes=[{"detection": detection()}], batch=False,
        )  # fmt: skip
        kept = db.owner.rows("select status, answer from private.idempotency where id = %s", begun["idempotency"]["id"])
        assert kept == [(201, answer["body"])]

    @pytest.mark.parametrize("who", ["owner", "anon"])
    def test_is_not_for_people(self, db: Database, owner: Person, who: str) -> None:
        actor: Actor = owner if who == "owner" else db.anon
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            actor.call(
                "record_detections", caller=owner.id, workspace_id=owner.workspace_id,
                outcomes=[{"detection": detection()}], batch=True,
            )  # fmt: skip


def listed(person: Person, **asked: Any) -> list[str]:
    """The ids of a page."""
    answer = person.call("list_detections", **asked)
    assert answer["status"] == 200
    return [each["detection_id"] for each in answer["body"]]


class TestListing:
    def test_is_newest_first_and_all_of_the_workspace_for_who_sees_its_inventory(
        self, db: Database, owner: Person
    ) -> None:
        buyer, reader = db.member(owner.workspace_id, "buyer"), db.member(owner.workspace_id, "readonly")
        made = [made_by(db, person) for person in (owner, buyer, owner, buyer)]
        elsewhere = db.sign_up()
        made_by(db, elsewhere)
        for person in (owner, reader):
            assert listed(person, workspace_id=owner.home) == made[::-1]
        assert listed(buyer, workspace_id=owner.home) == [made[3], made[1]]
        assert listed(owner) == made[::-1], "the default workspace"

    def test_pages_follow_each_other_over_equal_times(self, db: Database, owner: Person) -> None:
        buyer = db.member(owner.workspace_id, "buyer")
        for person in (owner, buyer):
            record(db, person, *({"detection": detection()} for _ in range(11)))  # one transaction: one time
        for person, count in ((owner, 22), (buyer, 11)):
            found: list[str] = []
            while page := listed(person, after=found[-1] if found else None, page_size=3):
                found += page
            assert len(found) == len(set(found)) == count
            assert found == listed(person, page_size=101)

    def test_what_is_made_meanwhile_moves_nothing(self, db: Database, owner: Person) -> None:
        made = [made_by(db, owner) for _ in range(4)]
        first = listed(owner, page_size=2)
        made_by(db, owner)
        assert listed(owner, after=first[-1]) == made[1::-1]

    def test_a_cursor_of_elsewhere_leads_nowhere(self, db: Database, owner: Person) -> None:
        made_by(db, owner)
        buyer, stranger = db.member(owner.workspace_id, "buyer"), db.sign_up()
        made_by(db, buyer)
        for person, cursor in (
            (owner, made_by(db, stranger)),
            (owner, str(uuid4())),
            (buyer, made_by(db, owner)),  # in the same workspace, but not theirs to see
        ):
            assert listed(person, after=cursor) == []

    def test_a_page_is_never_larger_than_101(self, db: Database, owner: Person) -> None:
        record(db, owner, *({"detection": detection()} for _ in range(120)))
        assert len(listed(owner, page_size=10_000)) == len(listed(owner, page_size=None)) == 101
        assert len(listed(owner)) == 51
        assert listed(owner, page_size=0) == []
        with pytest.raises(psycopg.errors.DataError):
            owner.call("list_detections", page_size=-1)

    def test_strangers_and_former_members_find_nothing_and_that_is_told(self, db: Database, owner: Person) -> None:
        made_by(db, owner)
        former, stranger = db.member(owner.workspace_id, "staff"), db.sign_up()
        db.owner.rows("delete from public.members where user_id = %s and workspace_id = %s", former.id, owner.home)
        for person in (former, stranger):
            for workspace in (owner.home, str(uuid4())):
                answer = person.call("list_detections", workspace_id=workspace)
                assert (answer["status"], answer["code"]) == (404, "not_found")
        told_of = {(actor, target) for actor, target, _ in told(db, UUID(int=0), "access.denied")}
        assert {(former.user_id, owner.home), (stranger.user_id, owner.home)} <= told_of

    def test_who_is_in_no_workspace_finds_none(self, db: Database, owner: Person) -> None:
        person = db.sign_up()
        db.owner.rows("delete from public.workspaces where id = %s", person.workspace_id)
        assert person.call("list_detections")["status"] == 404


class TestReading:
    def test_is_for_who_made_it_and_who_sees_the_inventory(self, db: Database, owner: Person) -> None:
        buyer, other = (db.member(owner.workspace_id, "buyer") for _ in range(2))
        reader, stranger = db.member(owner.workspace_id, "readonly"), db.sign_up()
        made = made_by(db, buyer, items=MUGS)
        for person, status in ((owner, 200), (buyer, 200), (reader, 200), (other, 404), (stranger, 404)):
            assert person.call("read_detection", detection_id=made)["status"] == status, person
        owner.call("remove_member", workspace_id=owner.home, user_id=buyer.id)
        assert buyer.call("read_detection", detection_id=made)["status"] == 404

    def test_tells_the_correction_and_no_hashes(self, db: Database, owner: Person) -> None:
        made = made_by(db, owner, items=MUGS)
        before = owner.call("read_detection", detection_id=made)["body"]
        assert before.pop("corrected_items") is None
        assert owner.call("list_detections")["body"] == [before]
        assert not {"image_sha256", "prompt_sha256", "user_id", "workspace_id"} & set(before)
        owner.call("correct_detection", detection_id=made, items=[{"name": "Cup", "quantity": 1}])
        after = owner.call("read_detection", detection_id=made)["body"]
        assert after == {**before, "corrected_items": [{"name": "Cup", "quantity": 1}]}

    @pytest.mark.parametrize("procedure", ["read_detection", "correct_detection"])
    def test_what_is_not_there_is_there_for_nobody(self, db: Database, owner: Person, procedure: str) -> None:
        admin = db.sign_up()
        db.owner.rows("insert into public.platform_admins (user_id) values (%s)", admin.user_id)
        arguments: dict[str, Any] = {"items": MUGS} if procedure == "correct_detection" else {}
        for person in (owner, admin):
            for missing in (str(uuid4()), None):
                answer = person.call(procedure, detection_id=missing, **arguments)
                assert (answer["status"], answer.get("code")) == (404, "not_found")

    def test_a_platform_admin_reads_all(self, db: Database, owner: Person) -> None:
        admin = db.sign_up()
        db.owner.rows("insert into public.platform_admins (user_id) values (%s)", admin.user_id)
        made = made_by(db, owner)
        assert admin.call("read_detection", detection_id=made)["status"] == 200
        assert listed(admin, workspace_id=owner.home) == [made]


def correct(person: Person, made: str, items: object) -> dict[str, Any]:
    """What correcting is answered, whatever is said."""
    with person.transaction() as connection:
        [(answer,)] = run(
            connection, "select public.correct_detection(%s, %s)", made, None if items is None else Jsonb(items)
        )
    found: dict[str, Any] = answer
    return found


def figures(answer: dict[str, Any]) -> tuple[int, int, int]:
    """(detected, present, correct)."""
    body = answer["body"]
    return body["detected"], body["present"], body["correct"]


def units(**named: int) -> list[dict[str, Any]]:
    return [{"name": name.replace("_", " "), "quantity": quantity} for name, quantity in named.items()]


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


class TestAccuracy:
    def test_by_kind_and_provider_and_altogether(self, db: Database, owner: Person) -> None:
        said = [
            # (kind, provider, found, truly there): units detected, present, correct
            ("pantry", "gemini", units(mug=3, cup=1), units(mug=2, cup=2)),  # 4 4 3
            ("pantry", "gemini", units(spoon=5), units(fork=2)),  # 5 2 0
            ("pantry", "local", units(mug=1), units(mug=1)),  # 1 1 1
            ("apparel", "local", [], units(shirt=3)),  # 0 3 0
            ("general", "local", units(thing=2), []),  # 2 0 0
        ]
        for kind, provider, found, true in said:
            correct(owner, made_by(db, owner, kind=kind, provider=provider, items=found), true)
        made_by(db, owner, kind="document", items=MUGS)  # nobody said anything about it
        stranger = db.sign_up()
        correct(stranger, made_by(db, stranger, items=MUGS), MUGS)

        def part(corrected: int, detected: int, present: int, right: int, *ratios: float | None) -> dict[str, Any]:
            counts = {"corrected": corrected, "detected": detected, "present": present, "correct": right}
            return {**counts, "precision": ratios[0], "recall": ratios[1]}

        answer = owner.call("detection_accuracy", workspace_id=owner.home)
        assert answer["status"] == 200
        assert answer["body"] == {
            "data": [
                {"kind": "apparel", "provider": "local", **part(1, 0, 3, 0, None, 0)},
                {"kind": "general", "provider": "local", **part(1, 2, 0, 0, 0, None)},
                {"kind": "pantry", "provider": "gemini", **part(2, 9, 6, 3, 0.3333, 0.5)},
                {"kind": "pantry", "provider": "local", **part(1, 1, 1, 1, 1, 1)},
            ],
            "total": part(5, 12, 10, 4, 0.3333, 0.4),
        }
        assert owner.call("detection_accuracy")["body"] == answer["body"], "the default workspace"

    def test_of_nothing(self, db: Database, owner: Person) -> None:
        nothing = {"corrected": 0, "detected": 0, "present": 0, "correct": 0, "precision": None, "recall": None}
        assert owner.call("detection_accuracy")["body"] == {"data": [], "total": nothing}

    def test_a_correction_said_again_counts_once(self, db: Database, owner: Person) -> None:
        made = made_by(db, owner, items=MUGS)
        for quantity in (1, 4):
            correct(owner, made, units(mug=quantity))
        total = owner.call("detection_accuracy")["body"]["total"]
        assert total == {"corrected": 1, "detected": 2, "present": 4, "correct": 2, "precision": 1, "recall": 0.5}

    @pytest.mark.parametrize(
        ("role", "status"), [("manager", 200), ("inventory_manager", 200), ("staff", 403), ("buyer", 403)]
    )
    def test_is_for_who_reads_reports(self, db: Database, owner: Person, role: str, status: int) -> None:
        person = db.member(owner.workspace_id, role)
        assert person.call("detection_accuracy", workspace_id=owner.home)["status"] == status
        denied = told(db, owner.workspace_id, "access.denied")
        assert denied == ([] if status == 200 else [(person.user_id, owner.home, {"permission": "reports.read"})])
