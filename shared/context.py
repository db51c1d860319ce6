"""What belongs to the request being served and to nobody else: ids, counters, the idempotency record."""

from __future__ import annotations

import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from shared import traceparent
from shared.traceparent import Trace


@dataclass(slots=True)
class Context:
    """One request. `shared.web` makes it; the modules that talk to the outside read and count in it."""

    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    trace: Trace = field(default_factory=traceparent.begun)
    function: str = ""
    route: str = ""  # "/api/detect/<detection_id>", once it is known
    ip: str = ""  # of IPv6 the /64
    if_match: str = ""  # the ETag a change is meant for
    webhook_id: str = ""  # of a verified webhook: the same each time that it is sent
    caller_id: str | None = None
    idempotency_record: str | None = None  # open: the business procedure closes it
    change_in_flight: bool = False  # the procedure was sent, and what became of it isn't known yet
    database_round_trips: int = 0
    calls: list[tuple[str, float, int | str | None]] = field(default_factory=list)  # name, milliseconds, outcome
    reported: bool = False  # an exception is on its way to Sentry
    limits: list[dict[str, Any]] = field(default_factory=list)  # as the limiter last answered


_current: ContextVar[Context] = ContextVar("context")


def current() -> Context:
    """The request being served; outside of one (a test calling a route as plain Python) a fresh one."""
    context = _current.get(None)
    if context is None:
        context = begin(Context())
    return context


def begin(context: Context) -> Context:
    """Make this the current request of this thread."""
    _current.set(context)
    return context
