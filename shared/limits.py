"""Rate limits and idempotency: what happens before a request does its work, in one round trip.

The rules are SQL (`begin_request`, `take_limits`), so that all instances share them and they are exact. When the
database is away a limited request is refused (503): limits stand only on authentication, AI and payment, not on reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from shared import context, log
from shared.errors import Problem


class Limit(NamedTuple):
    """At most `quota` units in any window of `window_seconds`, per subject."""

    name: str
    quota: int
    window_seconds: int

    def wanted(self, subject: str, units: int = 1) -> dict[str, object]:
        """As `take_limits` wants it. The subject (a user id, an address, an IP) is hashed at rest."""
        return {**self._asdict(), "subject": subject, "units": units}


class Begun(NamedTuple):
    """What `begin` found: the workspace meant, and the first answer where this request repeats another."""

    workspace_id: UUID | None
    replay: tuple[int, Any] | None


def begin(
    *,
    caller_id: str | None = None,
    wanted: Sequence[dict[str, object]] = (),
    route: str | None = None,
    key: str | None = None,
    fingerprint: str | None = None,
    lease_seconds: int = 60,
    permission: str | None = None,
    workspace_id: str | None = None,
) -> Begun:
    """Take the limits, open the idempotency record, check the permission: together or not at all.

    Raises `Problem` 429 (limit), 403/404 (permission), 409 (the same key is being served), 422 (the key was used for
    another request), 503 (database away).
    """
    from shared.database import as_service

    request = context.current()
    begun = as_service().value(
        "begin_request",
        caller=caller_id,
        limits=list(wanted),
        route=route,
        key=key,
        fingerprint=fingerprint,
        lease_seconds=lease_seconds,
        permission=permission,
        workspace_id=workspace_id,
    )
    record = begun["idempotency"] or {"state": None}
    match record["state"]:
        case "answered":
            return Begun(None, (record["status"], record["answer"]))
        case "in_progress":
            raise in_progress()
        case "reused":
            raise Problem(422, "idempotency_key_reused", "This Idempotency-Key was used for a different request.")
    _admit(begun)
    request.idempotency_record = record.get("id")
    return Begun(UUID(begun["workspace_id"]) if begun["workspace_id"] else None, None)


def take(*wanted: dict[str, object]) -> None:
    """Take units that only the body tells the number of: all or none. Raises `Problem` 429, 503."""
    from shared.database import as_service

    _admit(as_service().value("begin_request", limits=list(wanted)))


def _admit(begun: dict[str, Any]) -> None:
    """Note how the limits stand. Raises the refusal, if it is one."""
    request = context.current()
    request.limits = begun["limits"] or []
    if begun["refusal"]:
        refusal = begun["refusal"]
        headers = retry_after(request.limits) if refusal["status"] == 429 else None
        raise Problem(refusal["status"], refusal["code"], refusal["detail"], headers=headers)


def release() -> None:
    """Free the idempotency key of a request that ended before it changed anything."""
    from shared.database import as_service

    request = context.current()
    record, request.idempotency_record = request.idempotency_record, None
    try:
        as_service().value("release_idempotent", id=record)
    except Problem:
        log.write("warning", event="idempotency key not released")  # its lease ends by itself


def in_progress() -> Problem:
    """409: a request with the same Idempotency-Key is being served right now."""
    return Problem(
        409,
        "request_in_progress",
        "A request with this Idempotency-Key is still being served.",
        headers={"Retry-After": "1"},
    )


def headers(states: Sequence[dict[str, Any]]) -> dict[str, str]:
    """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers)."""
    if not states:
        return {}
    return {
        "RateLimit-Policy": ", ".join(f'"{s["name"]}";q={s["quota"]};w={s["window_seconds"]}' for s in states),
        "RateLimit": ", ".join(f'"{s["name"]}";r={s["remaining"]};t={s["reset_seconds"]}' for s in states),
    }


def retry_after(states: Sequence[dict[str, Any]]) -> dict[str, str]:
    """`Retry-After`: when every limit that refused would admit the same request."""
    return {"Retry-After": str(max((s["reset_seconds"] for s in states if s["blocked"]), default=1))}
