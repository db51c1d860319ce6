"""What engines find, and what tests in SQL do with it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from tests.database.acting import Database, Person, run

MUGS = [{"name": "Mug", "quantity": 2}]


def sha256() -> str:
    """What no other image or prompt has."""
    return uuid4().hex * 2


def detection(**changes: Any) -> dict[str, Any]:
    """As detect records it: of an image nobody else sent."""
    return {
        "kind": "general",
        "image_sha256": sha256(),
        "prompt_sha256": "0" * 64,
        "items": [],
        "text": "",
        "confidence": 0,
        "provider": "local",
        "model": "test",
        "cost_micro_usd": 0,
        "fallback_reason": None,
        "processing_time_ms": 1,
        **changes,
    }


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


def rows(db: Database, workspace_id: UUID) -> list[tuple[Any, ...]]:
    """(id, whose, what it repeats) of a workspace's detections, newest first."""
    return db.owner.rows(
        "select id, user_id, repeats from public.detections where workspace_id = %s order by created_at desc",
        workspace_id,
    )


def told(db: Database, chain: UUID, action: str) -> list[tuple[Any, ...]]:
    """(actor, target, details) of a chain's entries of one kind."""
    return [(actor, target, details) for what, actor, target, details, _ in db.audit(chain) if what == action]


def correct(person: Person, made: str, items: object) -> dict[str, Any]:
    """What correcting is answered, whatever is said."""
    with person.transaction() as connection:
        [(answer,)] = run(
            connection, "select public.correct_detection(%s, %s)", made, None if items is None else Jsonb(items)
        )
    found: dict[str, Any] = answer
    return found


def units(**named: int) -> list[dict[str, Any]]:
    return [{"name": name.replace("_", " "), "quantity": quantity} for name, quantity in named.items()]
