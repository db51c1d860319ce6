"""What we ask of Stripe, and what becomes of its refusals. The SDK is loaded with the first question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from shared import log, settings
from shared.errors import Problem, unavailable

if TYPE_CHECKING:
    from stripe import RequestOptions, StripeClient, StripeObject

T = TypeVar("T")
Json = dict[str, Any]
WITH_CHARGE = ["latest_charge"]
WITH_INTENT = ["payment_intent.latest_charge"]
PAGE = 100
# Not of what was asked, but of how things stand between Stripe and us: for somebody to mend, and no reason to give up.
REFUSES_US = {401, 403, 429}


class Refused(Exception):
    """Stripe says no to what was asked, for good. `code` is its own, or ``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Failed(Exception):
    """Stripe failed: whether it has done what was asked isn't known, and its idempotency may repeat the failure."""


class Offer(NamedTuple):
    """A PaymentIntent, and what lets a browser pay it: for the payer alone, never written down."""

    intent: Json
    client_secret: str


def secret_key() -> str:
    """Our key. Raises `Problem` 503 where there is none."""
    key = settings.get("STRIPE_SECRET_KEY")
    if not key:
        raise Problem(503, "not_configured", "The server's setting STRIPE_SECRET_KEY is missing.")
    return key


def create_intent(asked: Mapping[str, Any]) -> Offer:
    """Make the PaymentIntent of a payment, or be told again of the one made before (as it was then).

    `asked` is what `private.payment_to_ask` gives. Raises `Refused`, `Failed`, or `Problem` 503.
    """
    metadata = {name: asked[name] for name in ("payment", "order", "instalment")}
    return _asked(
        lambda stripe: _offered(
            stripe.v1.payment_intents.create(
                {
                    "amount": asked["amount"],
                    "currency": asked["currency"],
                    "description": asked["description"],
                    "automatic_payment_methods": {"enabled": True},
                    "metadata": {**metadata, "environment": settings.get("ENVIRONMENT")},
                    "expand": WITH_CHARGE,
                },
                {"idempotency_key": f"payment-{asked['payment']}"},
            )
        )
    )


def read_intent(id_: str) -> Offer:
    """A PaymentIntent as it is now. Raises `Refused` where there is none, `Problem` 503."""
    return _read(lambda stripe: _offered(stripe.v1.payment_intents.retrieve(id_, {"expand": WITH_CHARGE})))


def cancel_intent(id_: str) -> Json:
    """Let nobody pay it any more. Raises `Refused` where it is too late, `Problem` 503."""
    return _read(lambda stripe: intent(stripe.v1.payment_intents.cancel(id_, {"expand": WITH_CHARGE})))


def find_intent(asked: Mapping[str, Any], *, once: bool = False) -> Offer | None:
    """The PaymentIntent of a payment of which we only know when it was asked for. Raises `Problem` 503.

    `once`: with one try, where somebody has waited for others already.
    """
    created = {"gte": asked["since"] - 300, "lte": asked["since"] + 90_000}

    def searched(stripe: StripeClient) -> Offer | None:
        params: Any = {"created": created, "limit": PAGE, "expand": ["data.latest_charge"]}
        for each in stripe.v1.payment_intents.list(params, _trying(once)).auto_paging_iter():
            if intent(each)["metadata"].get("payment") == asked["payment"]:
                return _offered(each)
        return None

    return _read(searched)


def list_intents(since: int, after: str | None) -> tuple[list[Json], bool]:
    """A page of all made since then, newest first, and whether there are more."""

    def asked(stripe: StripeClient) -> tuple[list[Json], bool]:
        params: Any = {"created": {"gte": since}, "limit": PAGE, "expand": ["data.latest_charge"]}
        if after:
            params["starting_after"] = after
        page = stripe.v1.payment_intents.list(params)
        return [intent(each) for each in page.data], page.has_more

    return _read(asked)


def create_refund(asked: Mapping[str, Any]) -> Json:
    """Give money back, or be told again of that it was. `asked` is what `private.refund_to_ask` gives.

    Raises `Refused`, `Failed`, or `Problem` 503.
    """
    return _asked(
        lambda stripe: refund(
            stripe.v1.refunds.create(
                {
                    "payment_intent": asked["stripe_id"],
                    "amount": asked["amount"],
                    "reason": asked["reason"],
                    "metadata": {"refund": asked["refund"], "environment": settings.get("ENVIRONMENT")},
                },
                {"idempotency_key": f"refund-{asked['refund']}"},
            )
        )
    )


def find_refund(asked: Mapping[str, Any], *, once: bool = False) -> Json | None:
    """The refund that was asked for, where Stripe has made it; `once` as in `find_intent`. Raises `Problem` 503."""

    def searched(stripe: StripeClient) -> Json | None:
        page = stripe.v1.refunds.list({"payment_intent": asked["stripe_id"], "limit": PAGE}, _trying(once))
        for each in page.auto_paging_iter():
            if refund(each)["metadata"].get("refund") == asked["refund"]:
                return refund(each)
        return None

    return _read(searched)


def read_refund(id_: str) -> Json:
    """`{intent, refund}` as they are now. Raises as `read_intent`."""

    def asked(stripe: StripeClient) -> Json:
        found = stripe.v1.refunds.retrieve(id_, {"expand": WITH_INTENT})
        return {"intent": intent(_expanded(found)), "refund": refund(found)}

    return _read(asked)


def read_dispute(id_: str) -> Json:
    """`{intent, dispute}` as they are now. Raises as `read_intent`."""

    def asked(stripe: StripeClient) -> Json:
        found = stripe.v1.disputes.retrieve(id_, {"expand": WITH_INTENT})
        told = found.to_dict()
        about = {name: told[name] for name in ("id", "amount", "status", "reason", "created")}
        return {"intent": intent(_expanded(found)), "dispute": about}

    return _read(asked)


def intent(found: StripeObject) -> Json:
    """A PaymentIntent, its charge expanded, as `private.apply_intent` takes it."""
    told = found.to_dict()
    charge, error = told.get("latest_charge") or {}, told.get("last_payment_error") or {}
    return {
        **{name: told[name] for name in ("id", "amount", "currency", "status", "amount_received")},
        "amount_refunded": charge.get("amount_refunded", 0),
        "metadata": told.get("metadata") or {},
        "failure": error.get("decline_code") or error.get("code"),
        "failure_message": error.get("message"),
        "method": _method(charge.get("payment_method_details") or {}),
    }


def refund(found: StripeObject) -> Json:
    """A refund as `private.apply_refund` takes it."""
    told = found.to_dict()
    return {"id": told["id"], "status": told["status"], "metadata": told.get("metadata") or {}}


def _expanded(found: Any) -> StripeObject:
    """Of a refund or a dispute. Raises `Refused` where it belongs to a charge made in another way."""
    if found.payment_intent is None:
        raise Refused("no_payment_intent")
    return found.payment_intent  # type: ignore[no-any-return]


def _offered(found: StripeObject) -> Offer:
    return Offer(intent(found), str(found.to_dict().get("client_secret") or ""))


def _method(details: Json) -> str | None:
    """`Visa •••• 4242`, for people."""
    kind = details.get("type")
    if not kind:
        return None
    about = details.get(kind) or {}
    name = str(about.get("brand") or kind).replace("_", " ")
    return f"{name[:1].upper()}{name[1:]}" + (f" •••• {about['last4']}" if about.get("last4") else "")


def _trying(once: bool) -> RequestOptions:
    return {"max_network_retries": 0} if once else {}


def _read(ask: Callable[[StripeClient], T]) -> T:
    """What can be asked again: there a failure is Stripe being away."""
    try:
        return _asked(ask)
    except Failed as error:
        raise _away() from error


def _asked(ask: Callable[[StripeClient], T]) -> T:
    import stripe

    from shared.payments import sdk

    try:
        return ask(sdk.client(secret_key()))
    except stripe.APIConnectionError as error:
        raise _away() from error
    except stripe.StripeError as error:
        status = error.http_status or 500
        log.write(
            "warning", event="stripe refused", status=status, code=error.code
        )  # its message quotes what was asked
        if status in REFUSES_US or error.code in ("idempotency_key_in_use", "lock_timeout"):
            raise _away() from error
        # Asked with other words under the same key, it was asked before: what became of that isn't known either.
        if status >= 500 or isinstance(error, stripe.IdempotencyError):
            raise Failed from error
        raise Refused(error.code or "") from error


def _away() -> Exception:
    return unavailable("stripe_unavailable", "Payments are away for the moment. Try again shortly.", 5)
