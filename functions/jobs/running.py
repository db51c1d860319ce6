"""One run of a job: by lease, within its time, recorded however it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared import clock, gateway, log
from shared.database import as_service
from shared.errors import Problem

# How much longer than its process a run's lease lives. Before that another run would meet one still at work.
LEASE_MARGIN_SECONDS = 5
# Of the time a process has, what the work leaves for what it began last and for saying how it ended.
ENDING_SECONDS = 15.0
# The longest that the database may keep us waiting: a connection is tried twice.
ANSWER_SECONDS = 2 * gateway.CONNECT_SECONDS + gateway.READ_SECONDS


@dataclass(slots=True)
class Run:
    """A run as its job sees it: how long it still may take, and what it has done so far."""

    deadline: float
    """By `clock.seconds`."""
    counts: Counter[str] = field(default_factory=Counter)
    """What is in here is recorded, also where the work then fails."""

    @property
    def seconds_left(self) -> float:
        """Until the work should have come to an end."""
        return self.deadline - clock.seconds()


class Job(NamedTuple):
    """When it is run (as cron writes it, UTC), and its work: counts in `Run.counts`, ends by `Run.deadline`.

    What it raises ends the run as failed, under the code of a `Problem` or as `internal`.
    """

    schedule: str
    work: Callable[[Run], None]


def once(name: str, work: Callable[[Run], None], most_seconds: int) -> dict[str, Any]:
    """Run it, unless it is under way: `{"outcome", "run_id", "counts"}`.

    Raises what the work raises, after the run was recorded as failed and its lease given back.
    """
    started = clock.seconds()
    begun = as_service().value("begin_job", job=name, lease_seconds=most_seconds + LEASE_MARGIN_SECONDS)
    if begun is None:
        return {"outcome": "already_running", "run_id": None, "counts": {}}
    run = Run(deadline=started + most_seconds - ENDING_SECONDS)
    until = started + most_seconds
    try:
        work(run)
    except Exception as error:
        code = error.code if isinstance(error, Problem) else "internal"
        try:
            _end(begun["id"], run, until, outcome="failed", error=code)
        except Problem:
            log.write("warning", event="run not ended", job=name)  # its lease ends by itself
        if isinstance(error, Problem) and error.status < 500:  # refused to us, not to whoever called
            raise RuntimeError(f"a job was refused something: {code}") from error
        raise
    ended = _end(begun["id"], run, until, outcome="done", error=None)
    return {"outcome": "done" if ended else "superseded", "run_id": begun["id"], "counts": run.counts}


def _end(run_id: str, run: Run, until: float, *, outcome: str, error: str | None) -> bool:
    """Whether the run was still ours to end. Tried again while there is time: else the next waits for the lease."""
    for wait_seconds in (1.0, 3.0, None):
        try:
            ended = as_service().value("end_job", run=run_id, outcome=outcome, counts=run.counts, error=error)
            return bool(ended)
        except Problem:
            if wait_seconds is None or clock.seconds() + wait_seconds + ANSWER_SECONDS > until:
                raise
        clock.sleep(wait_seconds)
    raise AssertionError("unreachable")
