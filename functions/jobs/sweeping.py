"""The job sweep-uploads: files that were kept long enough are deleted, as the file retention table says."""

from __future__ import annotations

from itertools import groupby

from functions.jobs.running import Run
from shared import storage
from shared.database import as_service

# Files at a time, as many as Storage deletes in one call.
MOST = 500
LEAST_SECONDS = 15.0


def sweep_uploads(run: Run) -> None:
    """Counts the files removed by bucket. What there is no time for is left for tomorrow. Raises `Problem` 503."""
    last: dict[str, str] = {}
    while run.seconds_left >= LEAST_SECONDS:
        # By the table and not by Storage's own list, which goes folder by folder.
        found: list[dict[str, str]] = as_service().value(
            "forgotten_files", after_bucket=last.get("bucket"), after=last.get("name"), most=MOST
        )
        if not found:
            return
        for bucket, files in groupby(found, lambda file: file["bucket"]):
            names = [file["name"] for file in files]
            storage.remove(bucket, names)
            run.counts[bucket] += len(names)
        last = found[-1]
