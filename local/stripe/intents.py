"""PaymentIntents: from a request for money to the money, by the vendor's own states."""

import secrets

from local.sandbox.journal import Json
from local.stripe import charges, disputes, money
from local.stripe.account import Change
from local.stripe.errors import Refused, invalid, missing, refused
from local.stripe.forms import Form, automatic
from local.stripe.methods import GENERIC, UNAUTHENTICATED, Decline, Method, method

EDITABLE = {"amount", "currency", "metadata", "description", "receipt_email", "payment_method", "shipping"}
EDITABLE |= {"setup_future_usage", "statement_descriptor", "statement_descriptor_suffix", "payment_method_types"}
CREATE = EDITABLE | {"automatic_payment_methods", "confirm", "return_url", "capture_method"}
CONFIRM = {"payment_method", "return_url", "receipt_email", "shipping"}
CANCEL = {"cancellation_reason"}
REASONS = {"duplicate", "fraudulent", "requested_by_customer", "abandoned"}
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
TEXTS = ("description", "receipt_email", "setup_future_usage", "statement_descriptor", "statement_descriptor_suffix")


def create(change: Change, form: Form) -> Json:
    """A new one; with `confirm` it is paid at once, or refused with 402 while the intent stays."""
    amount, code = form.integer("amount"), money.currency(form.needed("currency"))
    if amount is None:
        raise missing("amount")
    money.check(amount, code)
    form.chosen("capture_method", {"automatic", "automatic_async"})  # the sandbox captures at once
    named = form.text("payment_method")
    by = method(named) if named else None
    methods = automatic(form)
    types = form.strings("payment_method_types") or (["card", "link", "us_bank_account"] if methods else ["card"])
    intent = change.add(
        "pi",
        "payment_intent",
        amount=amount,
        amount_capturable=0,
        amount_received=0,
        automatic_payment_methods=methods,
        canceled_at=None,
        cancellation_reason=None,
        capture_method=form.text("capture_method") or "automatic_async",
        confirmation_method="automatic",
        currency=code,
        customer=None,
        last_payment_error=None,
        latest_charge=None,
        metadata=form.metadata({}),
        next_action=None,
        payment_method=by.id if by else None,
        payment_method_types=types,
        processing=None,
        review=None,
        shipping=form.hash("shipping"),
        status="requires_confirmation" if by else "requires_payment_method",
        **{name: form.text(name) for name in TEXTS},
    )
    intent["client_secret"] = f"{intent['id']}_secret_{secrets.token_urlsafe(18).replace('_', 'A').replace('-', 'B')}"
    if form.truth("confirm"):
        _check_return(intent, form)
    change.happened("payment_intent.created", intent)
    return _confirmed(change, intent, by) if form.truth("confirm") else intent


def update(change: Change, id_: str, form: Form) -> Json:
    """Change what may still be changed; metadata and descriptions always may."""
    intent = change.get("payment_intent", id_)
    amount, told = form.integer("amount"), form.text("currency")
    code = money.currency(told) if told else intent["currency"]
    money.check(amount or intent["amount"], code)
    metadata = form.metadata(intent["metadata"])
    by = method(form.needed("payment_method")) if "payment_method" in form else None
    for name in ("amount", "currency", "payment_method", "payment_method_types"):
        if name in form and intent["status"] not in OPEN:
            raise _unexpected(
                intent,
                f"This PaymentIntent's {name} could not be updated because it has a status of {intent['status']}. "
                f"You may only update the {name} of a PaymentIntent with one of the following statuses: "
                f"{', '.join(OPEN)}.",
            )
    intent |= {"amount": amount or intent["amount"], "currency": code, "metadata": metadata}
    intent |= {name: form.text(name) for name in TEXTS if name in form}
    if "shipping" in form:
        intent["shipping"] = form.hash("shipping")
    if "payment_method_types" in form:
        intent |= {"payment_method_types": form.strings("payment_method_types"), "automatic_payment_methods": None}
    if by:
        intent |= {"payment_method": by.id, "status": "requires_confirmation", "next_action": None}
    return intent


def confirm(change: Change, id_: str, form: Form) -> Json:
    """Try to take the money. Raises Refused: 402 where it is declined, with the intent as it is then."""
    intent = change.get("payment_intent", id_)
    named = form.text("payment_method") or intent["payment_method"]
    by = method(named) if named else None
    _check_return(intent, form)
    if "receipt_email" in form:
        intent["receipt_email"] = form.text("receipt_email")
    if "shipping" in form:
        intent["shipping"] = form.hash("shipping")
    return _confirmed(change, intent, by)


def cancel(change: Change, id_: str, form: Form) -> Json:
    """Let nobody pay it any more."""
    intent = change.get("payment_intent", id_)
    reason = form.chosen("cancellation_reason", REASONS)
    if intent["status"] not in OPEN:
        raise _unexpected(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: requires_payment_method, requires_capture, "
            "requires_confirmation, requires_action.",
        )
    intent |= {"status": "canceled", "canceled_at": change.now, "cancellation_reason": reason, "next_action": None}
    change.happened("payment_intent.canceled", intent)
    return intent


def paid(change: Change, id_: str, by: Method) -> Json:
    """What the payer's browser does: confirm it with this method, whatever comes of it."""
    intent = change.get("payment_intent", id_)
    try:
        return _confirmed(change, intent, by)
    except Refused as refusal:
        if refusal.status != 402:
            raise
        return intent


def answered(change: Change, id_: str, ok: bool) -> Json:
    """The payer passed the bank's question (3-D Secure), or didn't."""
    intent = _in(change, id_, "requires_action")
    by = method(intent["payment_method"])
    intent["next_action"] = None
    if ok:
        _attempt(change, intent, by)
    else:
        _failed(change, intent, by, UNAUTHENTICATED)
    return intent


def settled(change: Change, id_: str, ok: bool | None) -> Json:
    """The bank of a slow method has decided; None: as the vendor's method for tests has it."""
    intent = _in(change, id_, "processing")
    by = method(intent["payment_method"])
    charge = change.get("charge", intent["latest_charge"])
    decline = by.decline if ok is None else None if ok else (by.decline or GENERIC)
    if decline:
        _failed(change, intent, by, decline, charge)
    else:
        _succeeded(change, intent, by, charge)
    return intent


def _in(change: Change, id_: str, status: str) -> Json:
    intent = change.get("payment_intent", id_)
    if intent["status"] != status:
        raise _unexpected(intent, f"This PaymentIntent has a status of {intent['status']}, not {status}.")
    return intent


def _confirmed(change: Change, intent: Json, by: Method | None) -> Json:
    if intent["status"] == "succeeded":
        already = "it has already succeeded after being previously confirmed"
        raise _unexpected(intent, f"You cannot confirm this PaymentIntent because {already}.")
    if intent["status"] not in OPEN:
        raise _unexpected(
            intent,
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, "
            "requires_action.",
        )
    if by is None:
        raise _unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
        )
    if by.type not in intent["payment_method_types"]:
        raise refused(
            f"The PaymentMethod provided ({by.type}) is not allowed for this PaymentIntent.",
            "payment_intent_incompatible_payment_method",
            param="payment_method",
            payment_intent=intent,
        )
    intent |= {"payment_method": by.id, "last_payment_error": None, "next_action": None}
    if by.asks:
        intent["status"] = "requires_action"
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        change.happened("payment_intent.requires_action", intent)
        return intent
    decline = _attempt(change, intent, by)
    if decline:
        told = decline.error() | {"charge": intent["latest_charge"], "payment_intent": intent}
        raise Refused(402, begun=True, more=told)
    return intent


def _attempt(change: Change, intent: Json, by: Method) -> Decline | None:
    """Charge it. Returns why that failed at once."""
    charge = charges.begun(change, intent, by)
    if by.waits:
        intent["status"] = "processing"
        change.happened("charge.pending", charge)
        change.happened("payment_intent.processing", intent)
        return None
    if by.decline:
        _failed(change, intent, by, by.decline, charge)
    else:
        _succeeded(change, intent, by, charge)
    return by.decline


def _succeeded(change: Change, intent: Json, by: Method, charge: Json) -> None:
    charges.succeeded(change, charge)
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    change.happened("payment_intent.succeeded", intent)
    if by.disputed:
        disputes.opened(change, charge["id"], None, "fraudulent")


def _failed(change: Change, intent: Json, by: Method, decline: Decline, charge: Json | None = None) -> None:
    error = decline.error() | {"payment_method": {"id": by.id, "object": "payment_method", "type": by.type}}
    if charge:
        charges.failed(change, charge, decline)
        error["charge"] = charge["id"]
    intent |= {"status": "requires_payment_method", "payment_method": None, "last_payment_error": error}
    change.happened("payment_intent.payment_failed", intent)


def _check_return(intent: Json, form: Form) -> None:
    """Whoever might be sent to a bank's page must be told where to come back to."""
    methods = intent["automatic_payment_methods"]
    if methods and methods["allow_redirects"] == "always" and not form.text("return_url"):
        raise invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. If "
            "you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents."
        )


def _unexpected(intent: Json, message: str) -> Refused:
    return refused(message, "payment_intent_unexpected_state", payment_intent=intent)
