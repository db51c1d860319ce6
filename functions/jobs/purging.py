"""The job purge-expired: what the retention table says is over is deleted."""

from __future__ import annotations

from functions.jobs.running import Run
from shared.database import as_service

# Rows of a table at a time: each call must end within the database's own time limit.
MOST = 5000
LEAST_SECONDS = 10.0


def purge_expired(run: Run) -> None:
    """Counts the rows deleted by table. What there is no time for is left for tomorrow. Raises `Problem` 503."""
    while run.seconds_left >= LEAST_SECONDS:
        removed = as_service().value("purge_expired", most=MOST)
        run.counts.update(removed)
        if max(removed.values()) < MOST:
            return
