"""What Stripe tells us: at least once, in any order. An event is a hint; what it is about is read at Stripe."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from shared.errors import Problem, unreadable
from shared.payments import asking
from shared.payments.asking import Json

ID = re.compile(r"evt_[0-9A-Za-z_]{1,90}")
TYPE = re.compile(r"[a-z0-9_.]{1,100}")
OBJECT = re.compile(r"[0-9A-Za-z_]{1,100}")
LATEST = 32_503_680_000  # seconds since 1970: the year 3000
PREFIXES = ("payment_intent.", "charge.", "refund.")


class Event(NamedTuple):
    """One event. `kind` and `object_id` are what is to be read because of it; None: nothing is."""

    id: str
    type: str
    created: int
    kind: str | None
    object_id: str | None


def read(body: bytes) -> Event:
    """The event in a webhook's body.

    Raises `Problem` 400 for what is no event of ours: of Stripe's second API, of an account connected to ours, of live
    payments where ours are tests, or the reverse.
    """
    try:
        told: Any = json.loads(body)
        kind = told["object"]
        if kind != "event":
            raise Problem(400, "event_not_supported", "This takes events of Stripe's first API (snapshot payloads).")
        if told.get("account"):
            raise Problem(400, "account_not_supported", "This takes events of our own account alone.")
        if told["livemode"] is not is_live():
            raise Problem(
                400, "livemode_mismatch", "Tests and live payments don't mix: this event is of the other kind."
            )
        id_, type_ = ID.fullmatch(told["id"]), TYPE.fullmatch(told["type"])
        created = told["created"]
        if not (id_ and type_ and type(created) is int and 0 < created < LATEST):
            raise ValueError("no event")
        about = target(told["data"]["object"]) if told["type"].startswith(PREFIXES) else (None, None)
        return Event(told["id"], told["type"], created, *about)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise unreadable("The body is not an event as Stripe sends them.") from error


def target(thing: Any) -> tuple[str | None, str | None]:
    """What to read: the thing itself, of a charge its PaymentIntent. Nothing for what isn't part of a PaymentIntent."""
    kind, intent = thing["object"], thing.get("payment_intent")
    found = {"payment_intent": thing["id"], "charge": intent}.get(kind, intent and thing["id"])
    if kind not in READERS or not isinstance(found, str) or not OBJECT.fullmatch(found):
        return None, None
    return kind, found


def look(event: Event) -> Json | None:
    """What the event is about, as it is now: `{intent, refund?, dispute?}`. None where there is nothing to know.

    Raises `Problem` 503.
    """
    if event.kind is None or event.object_id is None:
        return None
    try:
        return READERS[event.kind](event.object_id)
    except asking.Refused:  # of something that isn't there any more, or was never a PaymentIntent's
        return None


def is_live() -> bool:
    """Whether our key is for live payments: `sk_live_…`, `rk_live_…`. Raises `Problem` 503 where there is none."""
    return "_live_" in asking.secret_key()


def intent(id_: str) -> Json:
    """By itself."""
    return {"intent": asking.read_intent(id_).intent}


READERS = {"payment_intent": intent, "charge": intent, "refund": asking.read_refund, "dispute": asking.read_dispute}
