"""Refunds: never more than what came in and has not gone back."""

from local.sandbox.journal import Json
from local.stripe.account import Change
from local.stripe.errors import invalid, refused
from local.stripe.forms import Form
from local.stripe.money import written

CREATE = {"payment_intent", "charge", "amount", "reason", "metadata"}
REASONS = {"duplicate", "fraudulent", "requested_by_customer"}


def create(change: Change, form: Form) -> Json:
    """Give back all that is left of a charge, or `amount` of it."""
    amount, reason, metadata = form.integer("amount"), form.chosen("reason", REASONS), form.metadata({})
    charge = _charge(change, form)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["disputed"]:
        raise refused(f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed")
    if not left:
        raise refused(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    if amount is not None and amount > left:
        asked, rest = written(amount, charge["currency"]), written(left, charge["currency"])
        message = f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})"
        raise refused(message, param="amount")  # the vendor has no code for it
    refund = change.add(
        "re",
        "refund",
        amount=amount or left,
        balance_transaction=None,
        charge=charge["id"],
        currency=charge["currency"],
        failure_reason=None,
        metadata=metadata,
        payment_intent=charge["payment_intent"],
        reason=reason,
        status="succeeded",
    )
    change.happened("refund.created", refund)
    _move(change, charge, refund["amount"], "charge.refunded")
    return refund


def failed(change: Change, id_: str) -> Json:
    """The bank could not take it: the money is ours again."""
    refund = change.get("refund", id_)
    if refund["status"] != "succeeded":
        raise refused(f"Refund {id_} has a status of {refund['status']}.")
    refund |= {"status": "failed", "failure_reason": "lost_or_stolen_card"}
    _move(change, change.get("charge", refund["charge"]), -refund["amount"], None)
    change.happened("refund.failed", refund)
    return refund


def _move(change: Change, charge: Json, amount: int, event: str | None) -> None:
    before = {name: charge[name] for name in ("amount_refunded", "refunded")}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    if event:
        change.happened(event, charge, **before)


def _charge(change: Change, form: Form) -> Json:
    named, of = form.text("charge"), form.text("payment_intent")
    if not named and not of:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    intent = change.get("payment_intent", of, "payment_intent") if of else None
    if intent:
        if named and named != intent["latest_charge"]:
            raise invalid(f"Charge {named} does not belong to PaymentIntent {of}.", "charge")
        if intent["status"] != "succeeded":
            raise refused(f"This PaymentIntent ({of}) does not have a successful charge to refund.")
        named = intent["latest_charge"]
    charge = change.get("charge", str(named), "charge")
    if charge["status"] != "succeeded":
        raise refused(f"Charge {named} is not paid; cannot issue a refund.", param="charge")
    return charge
