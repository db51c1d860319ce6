"""POST /api/detect-local: the local engine, which reads barcodes and text and finds balloons when that is the kind.

Called by detect, with the internal token.

A function of its own because of its size: nobody else pays for its models at cold start. Takes an image's bytes and
stores nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from typing import Any, Literal

from functions.detect_local.engine import UnreadableImage, see
from shared import auth, tracing
from shared.errors import Problem
from shared.models import Query
from shared.web import Function

app = Function("detect-local", max_duration_seconds=30, memory_mb=2048)


class Asked(Query):
    """What the picture is said to show: `balloon` looks for balloons too."""

    kind: Literal["collectible", "pantry", "apparel", "balloon", "document", "general"] = "general"


@app.post(signed_by=auth.internal, problems=["422 image_unreadable"])
def detect_local(raw: bytes, asked: Asked) -> dict[str, Any]:
    """Items, text and confidence of one image, and which engine read it."""
    try:
        with tracing.span("see", {"backroom.kind": asked.kind}):
            sighting = see(raw, asked.kind)
    except UnreadableImage as error:
        raise Problem(422, "image_unreadable", error.reason) from error
    return {**asdict(sighting), "provider": "local", "model": model(asked.kind)}


@cache
def model(kind: str) -> str:
    """The engines and their versions: confidence is comparable only within one of them."""
    named = {"rapidocr": "rapidocr", "zxing-cpp": "zxing-cpp"}
    if kind == "balloon":
        named["opencv"] = "opencv-python-headless"
    return " ".join(f"{engine}-{version(package)}" for engine, package in named.items())
