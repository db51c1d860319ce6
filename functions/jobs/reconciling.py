"""The job reconcile-payments: open and recent payments are compared with Stripe."""

from __future__ import annotations

import json

from functions.jobs.running import Run
from shared import clock, peers, settings
from shared.errors import Problem

# What one step may take: a page of Stripe's list, or some payments one by one.
LEAST_SECONDS = 15.0


def reconcile_payments(run: Run) -> None:
    """Counts what was `checked` and the differences by kind: those `mended`, and those for somebody to look at.

    Does nothing where no payments are taken. Raises `Problem` 503.
    """
    if not settings.get("STRIPE_SECRET_KEY"):
        return
    place: str | None = None
    begun_at = clock.now().isoformat()
    while run.seconds_left >= LEAST_SECONDS:
        body = json.dumps({"next": place, "begun_at": begun_at}).encode()
        reply = peers.call("payment-intent/reconcile", body, timeout_seconds=run.seconds_left)
        done = reply.json()
        if reply.status != 200 or not isinstance(done, dict):
            raise Problem(503, "function_refused", "A function we stand on doesn't do what it is asked.")
        run.counts["checked"] += done["checked"]
        run.counts.update(each["kind"] for each in done["differences"])
        place = done["next"]
        if place is None:
            return
