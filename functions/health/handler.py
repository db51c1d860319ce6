"""GET /api/health: is this up, and is what it stands on? Public, unlimited, writes nothing, tells no secrets.

`?probe=live` touches nothing at all: it is for the platform's own probe. Without it the database, auth and storage are
asked side by side, two seconds each; the status is 503 when the database is away. Needs no pydantic: it starts fastest.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Literal

from shared import __version__, clock, gateway
from shared.binding import Reply
from shared.errors import Problem, invalid
from shared.web import Function

CHECK_SECONDS = 2.0
CHECKS = {
    "database": "/rest/v1/permissions?select=name&limit=1",
    "auth": "/auth/v1/health",
    "storage": "/storage/v1/status",
}


@dataclass(frozen=True, slots=True)
class Probe:
    """Which probe is meant. Other parameters, which monitors add against caches, are let be."""

    probe: Literal["live"] | None = None

    @classmethod
    def from_query(cls, parameters: dict[str, str]) -> Probe:
        given = parameters.get("probe")
        if given is None:
            return cls()
        if given != "live":
            raise invalid("/probe", "literal_error", "Input should be 'live'.")
        return cls("live")


@dataclass(frozen=True, slots=True)
class Check:
    """One dependency: `ok` or `unavailable`, and how long it took to say so."""

    status: Literal["ok", "unavailable"]
    latency_ms: int


@dataclass(frozen=True, slots=True)
class Health:
    """`ok`, `degraded` (auth or storage is away) or `unavailable` (the database is)."""

    status: Literal["ok", "degraded", "unavailable"]
    version: str
    checks: dict[str, Check]


app = Function("health", memory_mb=256)


@app.get(public=True, also={503: Health})
def health(query: Probe) -> Reply[Health]:
    """Whether the service is up, and each of its dependencies."""
    checks = {} if query.probe == "live" else check_all()
    if all(check.status == "ok" for check in checks.values()):
        status: Literal["ok", "degraded", "unavailable"] = "ok"
    else:
        status = "degraded" if checks["database"].status == "ok" else "unavailable"
    return Reply(Health(status, __version__, checks), status=503 if status == "unavailable" else 200)


def check_all() -> dict[str, Check]:
    """Ask all dependencies at once; none holds the answer up for longer than `CHECK_SECONDS`."""
    workers = ThreadPoolExecutor(max_workers=len(CHECKS))
    started = clock.seconds()
    running = {name: workers.submit(copy_context().run, ask, path) for name, path in CHECKS.items()}
    try:
        return {name: result(future, started) for name, future in running.items()}
    finally:
        workers.shutdown(wait=False, cancel_futures=True)


def ask(path: str) -> Check:
    """One dependency."""
    started = clock.seconds()
    try:
        status = gateway.send("GET", path, secret=True, read_seconds=CHECK_SECONDS).status
    except Problem:
        status = 503
    return Check(status="ok" if status < 400 else "unavailable", latency_ms=round((clock.seconds() - started) * 1000))


def result(future: Future[Check], started: float) -> Check:
    """What a check found, or that it took too long."""
    try:
        return future.result(timeout=max(0.0, CHECK_SECONDS - (clock.seconds() - started)))
    except TimeoutError:
        return Check(status="unavailable", latency_ms=round((clock.seconds() - started) * 1000))
