"""/api/stripe-webhook: Stripe tells that something happened; what it was is read at Stripe and taken over.

Each event is recorded with what it came to, in one transaction; Stripe sends again what was not answered with 200. Two
calls of the database and one of Stripe. Side effects: payments, refunds and disputes as they are at Stripe, with them
orders' payment states, and mails to customers.
"""

from __future__ import annotations

from functions.stripe_webhook import events, signing
from shared import settings
from shared.database import as_service
from shared.models import Answer
from shared.web import Function

REFUSED = ["400 account_not_supported", "400 event_not_supported", "400 livemode_mismatch"]

app = Function("stripe-webhook", max_duration_seconds=60, memory_mb=256)


class Recorded(Answer):
    """What became of an event.

    `applied`, `unchanged`, `late` (something later was read before), `mismatch` (not what we asked for: not counted as
    paid), `unknown`, `foreign`, `ignored`, `already_recorded`.
    """

    outcome: str


@app.post(signed_by=signing.stripe, problems=[*REFUSED, "503 stripe_unavailable"])
def receive_event(raw: bytes) -> Recorded:
    """What Stripe tells of a payment."""
    event = events.read(raw)
    begun = as_service().value("begin_event", id=event.id)
    if begun["known"]:
        return Recorded(outcome="already_recorded")
    # After the number was taken, so that of two readings the later one counts.
    found = events.look(event)
    outcome = as_service().value(
        "record_event",
        event={"id": event.id, "type": event.type, "created": event.created, "object_id": event.object_id},
        reading=begun["reading"],
        read=found,
        environment=settings.get("ENVIRONMENT"),
    )
    return Recorded(outcome=outcome)
