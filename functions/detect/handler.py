"""/api/detect: a photo becomes items, by the first of the configured engines that manages.

Each photo costs one unit of 100 per 15 minutes and person, failures included; what the providers ask for it is counted
against daily budgets. Side effects: a detection and an audit entry; calls to providers; an upload is removed.
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any
from uuid import UUID

from functions.detect import looking
from functions.detect.models import (
    Accuracies,
    Batch,
    Correction,
    Detection,
    DetectionPage,
    Detections,
    InWorkspace,
    NewCorrection,
    NewUpload,
    Outcomes,
    Photo,
    ReadDetection,
    Upload,
)
from shared import limits, storage
from shared.auth import Caller
from shared.binding import Reply
from shared.database import as_caller, as_service
from shared.errors import Problem
from shared.images import MOST_BYTES
from shared.limits import Limit
from shared.models import page
from shared.web import Function

LIMIT = Limit("detect", 100, 900)
# Photos of a batch: the local engine takes them one by one, and each is in memory meanwhile.
AT_ONCE = 4
UPLOADS = Limit("detect-uploads", 100, 900)

# What asking providers and fetching uploads adds to what can go wrong.
ASKED = [
    "402 ai_budget_of_workspace",
    "429 ai_budget_of_person",
    "503 ai_unavailable",
    "503 engine_refused",
    "503 function_unavailable",
    "503 storage_unavailable",
]

app = Function("detect", max_duration_seconds=30, memory_mb=1024)


@app.post(permission="detect.use", limit=LIMIT, status=201, also={200: Detection}, problems=ASKED)
def detect(caller: Caller, body: Photo) -> Reply[Detection]:
    """Turn a photo into items. 200 instead of 201 when the same question was answered within the last day."""
    try:
        outcome = looking.outcome(caller, body)
        detection = Detection.model_validate(record(caller, [outcome], batch=False))
    except Problem as problem:
        looking.forget(caller, [body], [problem.status])
        raise
    status = 200 if detection.cached else 201
    looking.forget(caller, [body], [status])
    return Reply(detection, status)


@app.post("/batch", permission="detect.use", problems=["429 rate_limited"])
def detect_batch(caller: Caller, body: Batch) -> Outcomes:
    """Turn up to ten photos into items, several at a time; each has its own outcome. Takes all units or none."""
    limits.take(LIMIT.wanted(str(caller.user_id), units=len(body.images)))
    with ThreadPoolExecutor(min(len(body.images), AT_ONCE)) as threads:
        running = [
            threads.submit(copy_context().run, looking.outcome_or_problem, caller, photo) for photo in body.images
        ]
        found = [each.result() for each in running]
    try:
        outcomes = Outcomes.model_validate(record(caller, found, batch=True))
    except Problem as problem:
        looking.forget(caller, body.images, [problem.status] * len(body.images))
        raise
    looking.forget(caller, body.images, [outcome.status for outcome in outcomes.data])
    return outcomes


@app.post(
    "/uploads",
    permission="detect.use",
    limit=UPLOADS,
    status=201,
    idempotent=False,
    problems=["503 storage_unavailable"],
)
def create_upload(caller: Caller, body: NewUpload) -> Upload:
    """A place for a photo that is too large for a request body."""
    path = f"{caller.workspace_id}/{uuid.uuid4()}.{body.content_type.partition('/')[2]}"
    return Upload(image_path=path, upload_url=storage.signed_upload_url(looking.BUCKET, path), largest_bytes=MOST_BYTES)


@app.get(problems=["404 not_found"])
def list_detections(caller: Caller, query: DetectionPage) -> Detections:
    """Detections, newest first: all of the workspace for those who see its inventory, else one's own."""
    rows = as_caller(caller).rpc(
        "list_detections", workspace_id=text(query.workspace_id), after=text(query.cursor), page_size=query.limit + 1
    )
    return Detections.model_validate(page(rows, query.limit, "detection_id"))


@app.get("/accuracy", problems=["404 not_found"])
def accuracy(caller: Caller, query: InWorkspace) -> Accuracies:
    """How right the engines were, by kind and provider, as far as people said what was truly there."""
    return Accuracies.model_validate(as_caller(caller).rpc("detection_accuracy", workspace_id=text(query.workspace_id)))


@app.get("/<detection_id>")
def read_detection(caller: Caller, detection_id: UUID) -> ReadDetection:
    """A detection, with its correction if there is one."""
    return ReadDetection.model_validate(as_caller(caller).rpc("read_detection", detection_id=str(detection_id)))


@app.post("/<detection_id>/corrections", status=201, problems=["422 invalid_items"])
def correct_detection(caller: Caller, detection_id: UUID, body: NewCorrection) -> Correction:
    """Say all that a photo truly shows. Said again, the last word counts."""
    items = body.model_dump(mode="json")["items"]
    return Correction.model_validate(
        as_caller(caller).rpc("correct_detection", detection_id=str(detection_id), items=items)
    )


def record(caller: Caller, outcomes: list[dict[str, Any]], *, batch: bool) -> Any:
    """Keep what was found: all of it, in one transaction."""
    return as_service().rpc(
        "record_detections",
        caller=str(caller.user_id),
        workspace_id=str(caller.workspace_id),
        outcomes=outcomes,
        batch=batch,
    )


def text(identifier: UUID | None) -> str | None:
    """As SQL is given it."""
    return None if identifier is None else str(identifier)
