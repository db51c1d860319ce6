"""Now. Everything that asks for the time asks here, so that a test can move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current moment, in UTC."""
    return datetime.now(UTC)


def seconds() -> float:
    """A clock for durations, which no adjustment of the time of day moves."""
    return time.monotonic()


def sleep(duration_seconds: float) -> None:
    """Wait; not at all for a negative duration."""
    time.sleep(max(0.0, duration_seconds))
