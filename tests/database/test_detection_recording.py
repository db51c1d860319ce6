"""Detections are recorded together or not at all, each answered in its place."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.acting import Actor, Database, Person
from tests.database.detecting import MUGS, detection, made_by, record, rows, told

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
