"""Comparing with Stripe: what was missed is taken over, what can't be is told."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from functions.payment_intent import refunding, starting
from functions.payment_intent.models import Difference, Reconciled
from shared import clock, log, settings
from shared.database import as_service
from shared.errors import unreadable
from shared.payments import asking
from shared.payments.asking import Json

# Whatever is younger Stripe lists; what is open and older is asked for one by one.
LISTED_SECONDS = 8 * 86_400
MOST = 20
OLD = "old"
PLACE = re.compile(rf"{OLD}|pi_[0-9A-Za-z_]{{1,90}}")


def step(raw: bytes) -> Reconciled:
    """One step: a page of Stripe's list, after it what the list didn't hold.

    `raw` is `{"next": …, "begun_at": …}`, the step that the one before named and when the first one began.
    Raises `Problem` 400, 503.
    """
    try:
        asked = json.loads(raw)
        place, begun_at = asked["next"], datetime.fromisoformat(asked["begun_at"])
        if not (place is None or PLACE.fullmatch(place)):
            raise ValueError("no step")
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise unreadable("The body is not a step.") from error
    return unlisted(begun_at.isoformat()) if place == OLD else listed(place)


def listed(after: str | None) -> Reconciled:
    """A page of what Stripe lists."""
    reading = as_service().value("next_reading")
    intents, more = asking.list_intents(int(clock.now().timestamp()) - LISTED_SECONDS, after)
    found = as_service().value(
        "compare_intents", reading=reading, intents=intents, environment=settings.get("ENVIRONMENT")
    )
    for each in found:
        if each["cancel"]:
            starting.ended(each["payment_intent_id"], each["payment"], reading)
    return told(len(intents), found, intents[-1]["id"] if more else OLD)


def unlisted(begun_at: str) -> Reconciled:
    """Open payments that the list didn't hold, and refunds nobody knows the end of."""
    payments = as_service().value("payments_unread", before=begun_at, most=MOST)
    refunds = as_service().value("refunds_unknown", most=MOST)
    differences = [each for asked in payments if (each := payment(asked))]
    for asked in refunds:
        found = asking.find_refund(asked)
        if found is None:
            as_service().value("abandon_refund", refund=asked["refund"])
        else:
            refunding.taken_over(asked["refund"], found["id"])
        differences.append(difference(asked, "mended" if found else "abandoned", "creating", found))
    checked = len(payments) + len(refunds)
    return told(checked, differences, OLD if checked else None)


def payment(asked: Json) -> Json | None:
    """One payment, asked for by itself; how it was otherwise, if it was."""
    if asked["stripe_id"] is None:
        offer = asking.find_intent(asked)
        if offer is None:
            as_service().value("abandon_payment", payment=asked["payment"])
            return difference(asked, "abandoned", "creating", None)
        starting.record(asked["payment"], asked["reading"], offer.intent)
        return difference(asked, "mended", "creating", offer.intent)
    if asked["cancel"]:
        ended = starting.ended(asked["stripe_id"], asked["payment"], asked["reading"])
        return difference(asked, "missing" if ended["status"] == "abandoned" else "mended", asked["status"], ended)
    try:
        intent = asking.read_intent(asked["stripe_id"]).intent
    except asking.Refused:
        starting.missed(asked["payment"])
        return difference(asked, "missing", asked["status"], None)
    now = starting.record(asked["payment"], asked["reading"], intent)
    return difference(asked, "mended", asked["status"], intent) if now["status"] != asked["status"] else None


def difference(asked: Json, kind: str, ours: str, theirs: Json | None) -> Json:
    """As it is listed."""
    id_ = (theirs or {}).get("payment_intent_id") or (theirs or {}).get("id") or asked["stripe_id"]
    return {"payment_intent_id": id_, "kind": kind, "ours": ours, "stripes": theirs["status"] if theirs else None}


def told(checked: int, differences: list[Any], next_: str | None) -> Reconciled:
    """The answer; each difference also stands in the log."""
    for each in differences:
        log.write("warning", event="payment differs", **{name: each[name] for name in Difference.model_fields})
    return Reconciled(
        checked=checked, differences=[Difference.model_validate(each) for each in differences], next=next_
    )
