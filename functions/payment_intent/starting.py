"""From an instalment to its one PaymentIntent, however often it is asked for and whatever dies on the way."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from shared import settings
from shared.database import Database, as_service
from shared.errors import Problem, unavailable
from shared.payments import asking
from shared.payments.asking import Json, Offer

# Another payment that is open must be cancelled first; meanwhile somebody may open one more.
TRIES = 3


class Started(NamedTuple):
    """A payment as the database has it, and what lets a browser pay it."""

    payment: Json
    client_secret: str


def start(database: Database, order_id: UUID, token: str | None, instalment: str) -> Started:
    """The open payment of an instalment, made if there is none.

    Raises `Problem`: what the database refuses, 409 for what Stripe refuses, 503 where it can't be asked.
    """
    for _ in range(TRIES):
        asked = database.begin("start_payment", order_id=str(order_id), token=token, instalment=instalment)
        started = offered(asked)
        if asked["superseded"]:
            ended(started.payment["payment_intent_id"], asked["payment"], asked["reading"])
        elif started.payment["status"] not in ("canceled", "abandoned"):
            return started
    raise Problem(409, "payment_under_way", "Another payment for this order is with the bank. Wait for its end.")


def offered(asked: Json) -> Started:
    """Stripe's PaymentIntent for a payment, written down. Raises `Problem` 409, 503."""
    if asked["stripe_id"]:
        try:
            return recorded(asked, asking.read_intent(asked["stripe_id"]), asked["reading"])
        except asking.Refused as refused:
            missed(asked["payment"])
            raise away() from refused
    try:
        # What this answers may be told again, as it was when it was made: the database knows (reading 0).
        offer = asking.create_intent(asked) if asked["key_remembered"] else asking.find_intent(asked)
    except asking.Failed:
        offer = asking.find_intent(asked, once=True)
    except asking.Refused as refused:
        as_service().value("abandon_payment", payment=asked["payment"])
        raise Problem(
            409, "amount_not_payable", "This amount is too small, too large or too fine to be paid by card."
        ) from refused
    if offer is None:
        as_service().value("abandon_payment", payment=asked["payment"])
        raise away()
    return recorded(asked, offer, 0)


def recorded(asked: Json, offer: Offer, reading: int) -> Started:
    """Raises `Problem` 409 for an intent that somebody has changed: nobody is to pay what we didn't ask for."""
    payment = record(asked["payment"], reading, offer.intent)
    metadata = offer.intent["metadata"]
    theirs = [offer.intent["amount"], offer.intent["currency"], metadata.get("order"), metadata.get("instalment")]
    if theirs != [asked["amount"], asked["currency"], asked["order"], asked["instalment"]]:
        raise Problem(409, "payment_changed", "This payment was changed at Stripe. Ask those who take the order.")
    return Started(payment, offer.client_secret)


def ended(stripe_id: str, payment: str, reading: int) -> Json:
    """The payment after trying to cancel it: it may have come to another end meanwhile. Raises `Problem` 503."""
    try:
        intent = asking.cancel_intent(stripe_id)
    except asking.Refused:
        try:
            intent = asking.read_intent(stripe_id).intent
        except asking.Refused:
            return missed(payment)
    return record(payment, reading, intent)


def missed(payment: str) -> Json:
    """Tell that Stripe doesn't know it; the payment as it is then."""
    told: Json = as_service().value("miss_payment", payment=payment)
    return told


def record(payment: str, reading: int, intent: Json) -> Json:
    """Write down what was read of an intent; the payment as it is then."""
    written: Json = as_service().rpc(
        "record_intent", payment=payment, reading=reading, intent=intent, environment=settings.get("ENVIRONMENT")
    )
    return written


def away() -> Problem:
    """503: asked again, there may be an answer."""
    return unavailable("stripe_unavailable", "Payments are away for the moment. Try again shortly.", 5)
