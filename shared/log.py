"""The log: one JSON object a line on standard output, with the ids of request and trace. Never a body or secret."""

from __future__ import annotations

import json
import sys
import traceback

from shared import context, settings


def write(level: str, **fields: object) -> None:
    """One line. Values are ids, codes, counts and our own words: nothing a sender chose."""
    request = context.current()
    line = {"level": level, "request_id": request.request_id, "trace_id": request.trace.id, **fields}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def failure(error: Exception) -> None:
    """An unexpected exception: kind and place. Only a developer's machine shows its words: they may quote a secret."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    words = {"words": str(error)} if settings.is_development() else {}
    write("error", error=type(error).__name__, frames=frames, **words)
    if settings.get("SENTRY_DSN"):
        from shared import reporting

        reporting.report(error)
