"""The log: one JSON object a line on standard output, each with the request's id. Never a body, token or secret."""

from __future__ import annotations

import json
import sys
import traceback

from shared import context, settings


def write(level: str, **fields: object) -> None:
    """One line. Values are ids, codes, counts and our own words: nothing a sender chose."""
    line = {"level": level, "request_id": context.current().request_id, **fields}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def failure(error: Exception) -> None:
    """An unexpected exception: kind and place. Only a developer's machine shows its words: they may quote a secret."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    words = {"words": str(error)} if settings.is_development() else {}
    write("error", error=type(error).__name__, frames=frames, **words)
