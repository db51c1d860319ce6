"""Shapes of /api/orders."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, StringConstraints

from shared.models import INVISIBLE, LINE, NOT_IN_LINE, NOT_IN_TEXT, SPACES, Answer, Body, Page

WorkflowState = Literal[
    "draft",
    "awaiting_payment",
    "in_production",
    "quality_check",
    "ready_to_ship",
    "shipped",
    "delivered",
    "completed",
    "on_hold",
    "cancelled",
]
PaymentState = Literal["unpaid", "deposit_paid", "paid", "partly_refunded", "refunded"]

# Mails show these texts, and refuse what turns the direction of what stands around it.
Line = Annotated[str, StringConstraints(max_length=120, pattern=LINE)]
Reason = Annotated[
    str,
    StringConstraints(max_length=500, pattern=f"^[^{NOT_IN_TEXT}]*[^{NOT_IN_TEXT}{INVISIBLE}\n][^{NOT_IN_TEXT}]*$"),
]
Link = Annotated[
    str,
    StringConstraints(
        max_length=2000,
        pattern=rf"""^https://[^{NOT_IN_LINE}{SPACES}"'<>\\/?#@]+([/?#][^{NOT_IN_LINE}{SPACES}"'<>\\]*)?$""",
    ),
]


class OrderPage(Page):
    """A page of a workspace's orders, newest first."""

    workspace_id: UUID | None = None
    workflow_state: WorkflowState | None = None
    payment_state: PaymentState | None = None


class Parcel(Body):
    """How a shipped order can be followed."""

    carrier: Line
    number: Line
    link: Link | None = None


class Transition(Body):
    """Where the order is to go. The customer is told the reason, and how to follow a parcel (only with `shipped`)."""

    to: WorkflowState
    reason: Reason | None = None
    tracking: Parcel | None = None


class Cancellation(Body):
    """Why: the customer is told."""

    reason: Reason | None = None


class Assignment(Body):
    """Who makes it, a supplier or a factory of the workspace; null for nobody."""

    user_id: UUID | None


class OrderAmount(Answer):
    """Money: 1250 and USD are 12.50 US dollars."""

    amount_minor: int
    currency: str


class OrderLine(Answer):
    """An item, or a fee charged once. Who makes the order is told no prices."""

    kind: Literal["item", "fee"]
    description: str
    detail: str | None
    quantity: str | None
    unit: str | None
    unit_price: OrderAmount | None
    amount: OrderAmount | None


class OrderStage(Answer):
    """A stage as it was planned, from its first day to its last."""

    name: str
    starts_on: date
    ends_on: date


class OrderTracking(Answer):
    """A parcel on its way."""

    carrier: str
    number: str
    link: str | None = None


class OrderCustomer(Answer):
    """Who ordered; nothing where that was forgotten."""

    email: str | None = None
    name: str | None = None
    company: str | None = None
    country: str | None = None


class OrderEvent(Answer):
    """A state the order came into, of its workflow or its payment. `actor` is told to the workspace's staff."""

    at: AwareDatetime
    kind: Literal["workflow", "payment"]
    previous: WorkflowState | PaymentState | None
    state: WorkflowState | PaymentState
    reason: str | None
    actor: UUID | None


class OrderSummary(Answer):
    """An order in a list. `total` is null for who makes it, `assigned_to` for the buyer."""

    id: UUID
    number: str
    summary: str
    workflow_state: WorkflowState
    payment_state: PaymentState
    total: OrderAmount | None
    assigned_to: UUID | None
    expected_on: date | None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Orders(Answer):
    """A page of orders."""

    data: list[OrderSummary]
    next_cursor: UUID | None


class Order(OrderSummary):
    """An order. `moves` are the states the caller may move it to now; one on hold goes on at `held_from`.

    `received` is all that was paid in, `refunded` what of it was given back. Amounts and the customer are null for who
    makes it.
    """

    quote_id: UUID | None
    lines: list[OrderLine]
    timeline: list[OrderStage]
    held_from: WorkflowState | None
    tracking: OrderTracking | None
    revision: int
    history: list[OrderEvent]
    moves: list[WorkflowState]
    customer: OrderCustomer | None = None
    terms: dict[str, Any] | None = None
    subtotal: OrderAmount | None = None
    deposit: OrderAmount | None = None
    balance: OrderAmount | None = None
    received: OrderAmount | None = None
    refunded: OrderAmount | None = None


class TrackedState(Answer):
    """A state the order came into."""

    at: AwareDatetime
    state: WorkflowState


class TrackedOrder(Answer):
    """What whoever has the link is told: no person, no amount."""

    number: str
    workflow_state: WorkflowState
    expected_on: date | None
    timeline: list[OrderStage]
    tracking: OrderTracking | None
    history: list[TrackedState]
