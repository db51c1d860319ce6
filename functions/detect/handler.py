"""POST /api/detect: a photo becomes items. Costs one unit of 100 per 15 minutes and person, failures included.

The heavy engine is a function of its own, detect-local; this one checks, asks it and records what it found.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from shared import clock, peers
from shared.auth import Caller
from shared.database import as_service
from shared.errors import Problem, invalid
from shared.limits import Limit
from shared.models import Answer, Body
from shared.web import Function

ENGINE_SECONDS = 25.0

Kind = Literal["collectible", "pantry", "apparel", "balloon", "document", "general"]


class Photo(Body):
    """An image, as base64 or as a data URL."""

    image: Annotated[str, Field(min_length=1)]
    kind: Kind = "general"


class Barcode(Answer):
    """A code that was read, and its symbology as the W3C Barcode Detection API spells it (ean_13, qr_code, …)."""

    format: str
    text: str


class Item(Answer):
    """Something seen. `box` is [x, y, width, height] in 0..1 of the upright image."""

    name: str
    type: str
    quantity: int
    confidence: float
    barcode: Barcode | None
    text: str | None
    tags: list[str]
    box: tuple[float, float, float, float] | None


class Detection(Answer):
    """What a photo shows, and which engine says so. Confidence is 0..1; an empty photo has no items and 0."""

    detection_id: UUID
    items: list[Item]
    text: str
    confidence: float
    processing_time_ms: int
    provider: str
    model: str


app = Function("detect", max_duration_seconds=30)


@app.post(permission="detect.use", limit=Limit("detect", 100, 900), status=201)
def detect(caller: Caller, body: Photo) -> Detection:
    """Turn a photo into items."""
    image = decode(body.image)
    started = clock.seconds()
    sighting = see_locally(image)
    recorded = as_service().rpc(
        "record_detection",
        caller=str(caller.user_id),
        workspace_id=str(caller.workspace_id),
        detection={
            **sighting,
            "kind": body.kind,
            "image_sha256": hashlib.sha256(image).hexdigest(),
            "processing_time_ms": round((clock.seconds() - started) * 1000),
        },
    )
    return Detection.model_validate(recorded)


def decode(image: str) -> bytes:
    """The bytes of a base64 text or data URL. Raises `Problem` 422."""
    if image.startswith("data:"):
        header, _, image = image.partition(",")
        if not header.startswith("data:image/") or not header.endswith(";base64"):
            raise invalid("/image", "not_an_image", "A data URL must be data:image/…;base64,…")
    try:
        return base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("/image", "not_base64", "The image is not base64.") from None


def see_locally(image: bytes) -> dict[str, Any]:
    """What the local engine sees. Raises `Problem` 422 for what it can't open, 503 when it is away."""
    reply = peers.call("detect-local", image, timeout_seconds=ENGINE_SECONDS)
    if reply.status == 422:
        raise invalid("/image", "image_unreadable", json.loads(reply.body)["detail"])
    if reply.status != 200:
        raise Problem(503, "engine_refused", "The local engine refuses this deployment's calls.")
    sighting: dict[str, Any] = reply.json()
    return sighting
