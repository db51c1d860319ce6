"""The job expire-quotes: quotes whose day is over are marked so."""

from __future__ import annotations

from functions.jobs.running import Run
from shared.database import as_service

LEAST_SECONDS = 10.0


def expire_quotes(run: Run) -> None:
    """Counts the quotes `expired`. Raises `Problem` 503."""
    while run.seconds_left >= LEAST_SECONDS:
        expired = as_service().value("expire_quotes")
        run.counts["expired"] += expired
        if not expired:
            return
