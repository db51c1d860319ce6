"""One photo, from what was sent to what is recorded."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any

from functions.detect import prompting
from functions.detect.models import Photo, Sighting
from shared import clock, context, images, log, storage, tracing
from shared.ai import seeing
from shared.ai.ledger import Asker
from shared.ai.providers import LOCAL
from shared.auth import Caller
from shared.database import as_service
from shared.errors import Problem, invalid, not_found

BUCKET = "detect"
UPLOAD = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[a-z]{3,4}")
# Retail codes and their lengths: their last digit checks the others (GS1 General Specifications, 7.9).
RETAIL = {"ean_13": 13, "ean_8": 8, "upc_a": 12}


def outcome(caller: Caller, photo: Photo) -> dict[str, Any]:
    """What there is to record: `{"detection": …}`, or `{"repeats": id}` where today's answer is given again.

    Raises `Problem` 402 or 429 (budget), 404 (no such upload), 422 (no image we read), 503 (nobody answers).
    """
    assert caller.workspace_id is not None  # noqa: S101 - the routes need a permission
    started = clock.seconds()
    image = fetched(caller, photo)
    question = {
        "kind": photo.kind,
        "image_sha256": hashlib.sha256(image).hexdigest(),
        # Asked of the local engine only it is another question: its answer shall not stand for a provider's.
        "prompt_sha256": hashlib.sha256(f"{photo.prompt}\0{photo.local_only}".encode()).hexdigest(),
    }
    earlier = as_service().value(
        "find_detection", caller=str(caller.user_id), workspace_id=str(caller.workspace_id), **question
    )
    if earlier:
        return {"repeats": earlier}
    prompt = prompting.instructions(photo.kind)
    try:
        with tracing.span("decode"):
            picture = images.decode(image, seeing.LOCAL_SIDE)
    except images.UnreadableImage as error:
        raise invalid("/image", "image_unreadable", error.reason) from error
    seen = seeing.see(
        picture,
        instructions=prompt.text,
        said=prompting.said(photo.prompt),
        model=Sighting,
        kind=photo.kind,
        asker=Asker(caller.user_id, caller.workspace_id),
        started=started,
        local_only=photo.local_only,
    )
    sighting = seen.answer.model_dump(mode="json")
    for item in sighting["items"]:
        if item["barcode"] and not plausible(item["barcode"]):
            item["barcode"] = None
    detection = {
        **question,
        **sighting,
        "provider": seen.provider,
        "model": seen.model if seen.provider == LOCAL else f"{seen.model} {prompt.version}",
        "cost_micro_usd": seen.cost_micro_usd,
        "fallback_reason": seen.fallback_reason,
        "processing_time_ms": round((clock.seconds() - started) * 1000),
    }
    return {"detection": detection}


def outcome_or_problem(caller: Caller, photo: Photo) -> dict[str, Any]:
    """As `outcome`, but what is wrong with one photo is its outcome: the others of its batch don't suffer."""
    try:
        return outcome(caller, photo)
    except Problem as problem:
        wait = problem.headers.get("Retry-After")
        return {
            "status": problem.status,
            "retry_after_seconds": int(wait) if wait else None,
            "problem": problem.document(context.current().request_id),
        }
    except Exception as error:
        log.failure(error)
        internal = Problem(500, "internal", "Something went wrong on our side.")
        return {"status": 500, "problem": internal.document(context.current().request_id)}


def fetched(caller: Caller, photo: Photo) -> bytes:
    """The bytes sent, or uploaded before. Raises `Problem` 404, 422."""
    if photo.image_path is None:
        return decoded(photo.image or "")
    if not own(caller, photo.image_path):
        raise not_found()
    return storage.download(BUCKET, photo.image_path)


def own(caller: Caller, path: str) -> bool:
    """Whether an upload's path lies in the caller's own workspace."""
    folder, _, file = path.partition("/")
    return folder == str(caller.workspace_id) and bool(UPLOAD.fullmatch(file))


def decoded(image: str) -> bytes:
    """The bytes of a base64 text or data URL. Raises `Problem` 422."""
    if image.startswith("data:"):
        header, _, image = image.partition(",")
        if not header.startswith("data:image/") or not header.endswith(";base64"):
            raise invalid("/image", "not_an_image", "A data URL must be data:image/…;base64,…")
    try:
        return base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("/image", "not_base64", "The image is not base64.") from None


def forget(caller: Caller, photos: list[Photo], statuses: list[int]) -> None:
    """Remove the uploads that were answered for good; those that may be tried again stay."""
    paths = [
        photo.image_path
        for photo, status in zip(photos, statuses, strict=True)
        if photo.image_path and own(caller, photo.image_path) and status in (200, 201, 403, 404, 422)
    ]
    if paths:
        try:
            storage.remove(BUCKET, paths)
        except Problem:
            log.write("warning", event="uploads not removed")


def plausible(barcode: dict[str, str]) -> bool:
    """Whether a retail code's check digit is right; a model that can't read the digits makes them up."""
    text = barcode["text"]
    length = RETAIL.get(barcode["format"])
    if length is None:
        return True
    if len(text) != length or not (text.isascii() and text.isdigit()):
        return False
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(text)))
    return weighted % 10 == 0
