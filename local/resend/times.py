"""Times as the vendor reads and writes them. Inside they are seconds since 1970."""

import re
from datetime import UTC, datetime

from local.resend.errors import invalid

FURTHEST = 30 * 24 * 3600  # how far ahead a mail may be scheduled, seconds
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
SPOKEN = re.compile(r"in (\d{1,6}|an?) (s|sec|second|m|min|minute|h|hour|d|day)s?", re.IGNORECASE)


def iso(at: float) -> str:
    """`2026-11-21T10:00:00.000Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def scheduled(told: object, now: float) -> float:
    """When a mail shall go: ISO 8601 (UTC where it says no zone), or `in 5 min`, `in 2 hours`, `in 1 day`.

    Raises Refused 422 for what can't be read, is over, or is more than 30 days ahead.
    """
    if not isinstance(told, str):
        raise invalid("Invalid `scheduled_at` field. It must be a string.")
    at = _read(told.strip(), now)
    if at is None:
        raise invalid("Invalid `scheduled_at` field. It must be an ISO 8601 date or like `in 5 min`.")
    if at <= now:
        raise invalid("Invalid `scheduled_at` field. It must be in the future.")
    if at > now + FURTHEST:
        raise invalid("Invalid `scheduled_at` field. It must be within 30 days.")
    return at


def _read(told: str, now: float) -> float | None:
    spoken = SPOKEN.fullmatch(told)
    if spoken:
        count = int(spoken[1]) if spoken[1].isdigit() else 1
        return now + count * UNITS[spoken[2][0].lower()]
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
