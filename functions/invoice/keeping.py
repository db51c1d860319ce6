"""A document made and kept: typeset, stored under its hash's record, and whoever waits for it told."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

from functions.invoice.document import Content
from shared import log, peers, storage
from shared.database import as_service
from shared.errors import Problem

BUCKET = "invoices"
LOGOS = "logos"


def keep(document: dict[str, Any]) -> dict[str, Any]:
    """Render and store a document as `read_invoice_document` tells it: `{"sha256", "bytes"}` of what is kept.

    Done twice, also at once, it comes to the same bytes under the same path. Raises `Problem` 503.
    """
    pdf = typeset(document)
    storage.upload(BUCKET, document["path"], pdf, "application/pdf")
    digest = hashlib.sha256(pdf).hexdigest()
    kept = as_service().value(
        "keep_invoice_document",
        invoice_id=document["invoice_id"],
        paid_on=document["paid_on"],
        sha256=digest,
        bytes=len(pdf),
    )
    if kept["sha256"] != digest:  # rendered before by another release: that one was sent
        log.write("error", event="invoice rendered otherwise than before", invoice=document["invoice_id"])
    if kept["mailed"]:
        peers.nudge("email-service/deliver?rounds=5")  # it goes alone, behind what is due already
    return {"sha256": kept["sha256"], "bytes": kept["bytes"]}


def typeset(document: dict[str, Any]) -> bytes:
    """The PDF of a document, with its e-invoice inside where there is one."""
    from functions.invoice import rendering

    content = Content.model_validate(document["content"])
    paid_on = date.fromisoformat(document["paid_on"]) if document["paid_on"] else None
    return rendering.render(content, logo=logo(content.logo), paid_on=paid_on)


def logo(path: str | None) -> bytes | None:
    """The seller's logo as it was; None where there is none any more."""
    if path is None:
        return None
    try:
        return storage.download(LOGOS, path)
    except Problem as problem:
        if problem.status != 404:
            raise
        return None
