"""Documents that are due, rendered one after another: leased from the outbox, kept, settled.

Killed between any two steps it is taken up again after its lease, and comes to the same bytes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from functions.invoice import keeping
from functions.invoice.models import Rendered
from shared import log
from shared.database import as_service
from shared.errors import Problem

# A document takes a tenth of a second, and its storage as much: they end long before the lease.
MOST = 20
# Longer than this function lives (its max_duration_seconds): two never work at one delivery.
LEASE_SECONDS = 75


def deliver() -> Rendered:
    """Render what is due, up to twenty documents. Raises `Problem` 503 where the database is away."""
    leased = as_service().value("lease_outbox", topic="invoice", most=MOST, lease_seconds=LEASE_SECONDS)
    if leased is None:
        return Rendered(idle=True)
    due = as_service().value("documents_to_render", delivery=leased["id"])
    outcomes = [{"id": each["outbox_id"], **attempt(each)} for each in due]
    # Of an invoice that went with its workspace there is nothing to render.
    gone = {row["id"] for row in leased["rows"]} - {each["id"] for each in outcomes}
    outcomes += [{"id": each, "outcome": "refused", "error": "gone"} for each in gone]
    as_service().value("settle_outbox", delivery=leased["id"], attempt=leased["attempt"], outcomes=outcomes)
    return Rendered.model_validate(Counter(each["outcome"] for each in outcomes))


def attempt(document: dict[str, Any]) -> dict[str, str]:
    """What became of one: whatever is wrong with it, the others are rendered. Nothing outside remembers an attempt, so
    each can be made again."""
    try:
        if document["sha256"] is None:
            keeping.keep(document)
    except Problem as problem:
        return {"outcome": "again", "error": problem.code}
    except Exception as error:
        log.write("error", event="invoice not rendered", invoice=document["invoice_id"])
        log.failure(error)
        return {"outcome": "again", "error": "not_rendered"}
    return {"outcome": "delivered"}
