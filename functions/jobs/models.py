"""What is told of runs."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared.models import Answer


class Ran(Answer):
    """What became of a call: `done`; `already_running`; `superseded` where it took longer than its lease."""

    outcome: Literal["done", "already_running", "superseded"]
    run_id: UUID | None
    counts: dict[str, int]


class JobRun(Answer):
    """One run. `abandoned`: its process died or outlived its lease, and another run took over."""

    id: UUID
    job: str
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    outcome: Literal["running", "done", "failed", "abandoned"]
    counts: dict[str, int]
    error: str | None
    duration_ms: int


class JobRuns(Answer):
    """A page of runs."""

    data: list[JobRun]
    next_cursor: str | None
