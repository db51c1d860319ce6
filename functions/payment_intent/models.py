"""Shapes of /api/payment-intent."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from shared.models import WHOLE, Answer, Body, Query

Instalment = Literal["deposit", "balance", "full"]
Reason = Literal["duplicate", "fraudulent", "requested_by_customer"]
Token = Annotated[str, StringConstraints(min_length=20, max_length=100)]
Status = Literal[
    "creating",
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "succeeded",
    "canceled",
    "abandoned",
]


class NewPayment(Body):
    """What is to be paid; how much that is the order says. Guests give the order's token."""

    order_id: UUID
    payment_type: Instalment
    token: Token | None = None


class OfOrder(Query):
    """Whose payments. Guests give the order's token."""

    order_id: UUID
    token: Token | None = None


class ByToken(Query):
    """What stands for a guest: the order's token."""

    token: Token | None = None


class NewRefund(Body):
    """How much goes back, in minor units; all that is left where it isn't said."""

    amount_minor: Annotated[int, Field(ge=1, le=10**15), WHOLE] | None = None
    reason: Reason = "requested_by_customer"


class Payment(Answer):
    """An instalment. 1250 and USD are 12.50 US dollars; `status` is Stripe's, beside `creating` and `abandoned`.

    `payment_intent_id` is null until Stripe has answered. `failure` is why the last attempt failed: Stripe's code.
    """

    payment_intent_id: str | None
    order_id: UUID
    instalment: Instalment
    amount_minor: int
    currency: str
    status: Status
    received_minor: int
    refunded_minor: int
    failure: str | None
    created_at: AwareDatetime


class StartedPayment(Payment):
    """A payment with what lets Stripe.js pay it: for the payer's eyes alone, kept nowhere."""

    client_secret: str


class Refund(Answer):
    """Money on its way back. It is with the customer once its `status` is `succeeded`."""

    refund_id: UUID
    amount_minor: int
    status: Literal["creating", "pending", "requires_action", "succeeded", "failed", "canceled", "abandoned"]
    reason: Reason
    created_at: AwareDatetime


class Dispute(Answer):
    """A bank's question whether the payer has to pay. `status` and `reason` are Stripe's."""

    id: str
    amount_minor: int
    status: str
    reason: str
    opened_at: AwareDatetime


class DetailedPayment(Payment):
    """A payment and what came after it."""

    refunds: list[Refund]
    disputes: list[Dispute]


class Payments(Answer):
    """All of an order, the oldest first."""

    data: list[DetailedPayment]


class Reconciled(Answer):
    """One step of comparing with Stripe: how many were looked at, what was otherwise, where the next step begins."""

    checked: int
    differences: list[Difference]
    next: str | None


class Difference(Answer):
    """What was otherwise here than at Stripe. `mended`: taken over; all other kinds are for somebody to look at."""

    payment_intent_id: str | None
    kind: str
    ours: str | None
    stripes: str | None
