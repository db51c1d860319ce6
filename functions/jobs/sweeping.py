"""The job sweep-uploads: photos that somebody uploaded a day ago and nobody turned into a detection are deleted."""

from __future__ import annotations

from functions.jobs.running import Run
from shared import storage
from shared.database import as_service

BUCKET = "detect"
# Files at a time, as many as Storage deletes in one call.
MOST = 500
LEAST_SECONDS = 15.0


def sweep_uploads(run: Run) -> None:
    """Counts the files `removed`. What there is no time for is left for tomorrow. Raises `Problem` 503."""
    after: str | None = None
    while run.seconds_left >= LEAST_SECONDS:
        # By the table and not by Storage's own list, which goes folder by folder.
        found: list[str] = as_service().value("forgotten_uploads", after=after, most=MOST)
        if not found:
            return
        storage.remove(BUCKET, found)
        run.counts["removed"] += len(found)
        after = found[-1]
