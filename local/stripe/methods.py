"""The vendor's payment methods for tests, and what becomes of a payment with each."""

from dataclasses import dataclass
from typing import Literal

from local.sandbox.journal import Json
from local.stripe.errors import unknown


@dataclass(frozen=True)
class Decline:
    """Why a payment failed: `code`, the issuer's `reason` where there is one, and words for the payer."""

    code: str
    message: str
    reason: str | None = None

    def error(self) -> Json:
        """As the vendor tells of it, in answers and in `last_payment_error`."""
        reason = {"decline_code": self.reason} if self.reason else {}
        return {"type": "card_error", "code": self.code, **reason, "message": self.message}


@dataclass(frozen=True)
class Method:
    """A way to pay. `asks` the payer first (3-D Secure); fails with `decline`; `disputed` once it is paid."""

    id: str
    type: Literal["card", "us_bank_account"] = "card"
    brand: str = "visa"
    last4: str = "4242"
    asks: bool = False
    decline: Decline | None = None
    disputed: bool = False

    @property
    def waits(self) -> bool:
        """Whether success or failure comes days after confirmation."""
        return self.type != "card"

    def details(self) -> Json:
        """What a charge says of it."""
        if self.type == "card":
            return {"card": {"brand": self.brand, "last4": self.last4, "country": "US"}, "type": "card"}
        return {"type": self.type, self.type: {"bank_name": "STRIPE TEST BANK", "last4": self.last4}}


def _declined(reason: str, message: str = "Your card was declined.") -> Decline:
    return Decline("card_declined", message, reason)


GENERIC = _declined("generic_decline")
UNAUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod "
    "to attempt to fulfill this PaymentIntent again.",
)
CLOSED = Decline("payment_method_bank_account_closed", "The bank account has been closed.")
NO_MONEY = Decline("payment_method_insufficient_funds", "The bank account has insufficient funds.")
UNAUTHORIZED = Decline("debit_not_authorized", "The customer has notified their bank that this was unauthorized.")

METHODS = {
    each.id: each
    for each in (
        Method("pm_card_visa"),
        Method("pm_card_mastercard", brand="mastercard", last4="4444"),
        Method("pm_card_amex", brand="amex", last4="8431"),
        Method("pm_card_chargeDeclined", last4="0002", decline=GENERIC),
        Method("pm_card_visa_chargeDeclined", last4="0002", decline=GENERIC),
        Method(
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            last4="9995",
            decline=_declined("insufficient_funds", "Your card has insufficient funds."),
        ),
        Method("pm_card_visa_chargeDeclinedLostCard", last4="9987", decline=_declined("lost_card")),
        Method(
            "pm_card_chargeDeclinedExpiredCard", last4="0069", decline=Decline("expired_card", "Your card has expired.")
        ),
        Method(
            "pm_card_chargeDeclinedIncorrectCvc",
            last4="0127",
            decline=Decline("incorrect_cvc", "Your card's security code is incorrect."),
        ),
        Method("pm_card_authenticationRequired", last4="3184", asks=True),
        Method("pm_card_threeDSecure2Required", last4="3220", asks=True),
        Method(
            "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
            last4="9995",
            asks=True,
            decline=_declined("insufficient_funds", "Your card has insufficient funds."),
        ),
        Method("pm_card_createDispute", last4="0259", disputed=True),
        Method("pm_usBankAccount", "us_bank_account", last4="6789"),
        Method("pm_usBankAccount_success", "us_bank_account", last4="6789"),
        Method("pm_usBankAccount_accountClosed", "us_bank_account", last4="1113", decline=CLOSED),
        Method("pm_usBankAccount_insufficientFunds", "us_bank_account", last4="2227", decline=NO_MONEY),
        Method("pm_usBankAccount_debitNotAuthorized", "us_bank_account", last4="3335", decline=UNAUTHORIZED),
    )
}


def method(id_: str) -> Method:
    """One of them. Raises Refused."""
    if id_ not in METHODS:
        raise unknown("PaymentMethod", id_, "payment_method")
    return METHODS[id_]
