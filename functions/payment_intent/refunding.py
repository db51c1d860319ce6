"""Giving money back: what the database has set aside for it, once."""

from __future__ import annotations

from shared import settings
from shared.database import as_service
from shared.errors import Problem, unavailable
from shared.payments import asking
from shared.payments.asking import Json


def give_back(asked: Json) -> Json:
    """The refund that the database has set money aside for, made once. Raises `Problem` 409, 503."""
    refund_id = asked["refund_id"]
    if refund_id is None:
        made = made_refund(asked)
        if made is None:
            raise unavailable("stripe_unavailable", "Payments are away for the moment. Try again shortly.", 5)
        refund_id = made["id"]
    return taken_over(asked["refund"], refund_id)


def taken_over(refund: str, refund_id: str) -> Json:
    """The refund as it is at Stripe now. Raises `Problem` 503."""
    # A number from after it was made: what others read before with a higher one would know of it.
    reading = as_service().value("next_reading")
    refunded: Json = as_service().rpc(
        "end_refund",
        refund=refund,
        reading=reading,
        read=asking.read_refund(refund_id),
        environment=settings.get("ENVIRONMENT"),
    )
    return refunded


def made_refund(asked: Json) -> Json | None:
    """Stripe's refund; None where it isn't known whether it made one: it stays set aside until that is."""
    try:
        return asking.create_refund(asked) if asked["key_remembered"] else asking.find_refund(asked)
    except asking.Failed:
        return asking.find_refund(asked, once=True)
    except asking.Refused as refused:
        as_service().value("abandon_refund", refund=asked["refund"])
        raise Problem(
            409, "refund_refused", "Stripe does not refund this: it is disputed, or was given back already."
        ) from refused
