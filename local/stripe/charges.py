"""Charges: each is one attempt to take the money of an intent."""

from local.sandbox.journal import Json
from local.stripe.account import Change
from local.stripe.methods import Decline, Method


def begun(change: Change, intent: Json, method: Method) -> Json:
    """A charge that has neither succeeded nor failed yet; the intent's latest from now on."""
    charge = change.add(
        "ch" if method.type == "card" else "py",
        "charge",
        amount=intent["amount"],
        amount_captured=0,
        amount_refunded=0,
        balance_transaction=None,
        captured=False,
        currency=intent["currency"],
        customer=None,
        description=intent["description"],
        dispute=None,
        disputed=False,
        failure_code=None,
        failure_message=None,
        metadata=dict(intent["metadata"]),
        outcome=None,
        paid=False,
        payment_intent=intent["id"],
        payment_method=method.id,
        payment_method_details=method.details(),
        receipt_email=intent["receipt_email"],
        refunded=False,
        status="pending",
    )
    intent["latest_charge"] = charge["id"]
    return charge


def succeeded(change: Change, charge: Json) -> None:
    """The money is here."""
    charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": charge["amount"]}
    charge["outcome"] = {
        "network_status": "approved_by_network",
        "reason": None,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    change.happened("charge.succeeded", charge)


def failed(change: Change, charge: Json, decline: Decline) -> None:
    """There will be none."""
    charge |= {"status": "failed", "failure_code": decline.code, "failure_message": decline.message}
    charge["outcome"] = {
        "network_status": "declined_by_network",
        "reason": decline.reason or decline.code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }
    change.happened("charge.failed", charge)
