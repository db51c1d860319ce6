"""What is filled into the mails about quotes, orders and those who make them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from functions.email_service.templates.fields import (
    Addressed,
    Day,
    Fees,
    Items,
    Line,
    Link,
    Linked,
    LongLine,
    MailAmount,
    Percent,
    Text,
)
from shared.models import Body


class MailStage(Body):
    """A stage of production, from its first day to its last."""

    name: Line
    starts_on: Day
    ends_on: Day


class MailSaving(Body):
    """What would make the quote cheaper, and by how much in all."""

    description: LongLine
    saves: MailAmount


class QuoteMail(Linked):
    """A quote. `fees` are charged once, beside the lines; `ready_on` is the day promised; `note` is a paragraph."""

    items: Items
    fees: Fees = ()
    subtotal: MailAmount | None = None
    total: MailAmount
    deposit: MailAmount | None = None
    balance: MailAmount | None = None
    valid_until: Day
    ready_on: Day | None = None
    timeline: Annotated[tuple[MailStage, ...], Field(max_length=12)] = ()
    savings: Annotated[tuple[MailSaving, ...], Field(max_length=5)] = ()
    note: Text | None = None


class QuoteFollowUpMail(Linked):
    """A reminder of a quote. `discount` needs both what is off and what then is to pay; the others have neither."""

    tone: Literal["gentle", "discount", "urgent"]
    summary: LongLine | None = None
    total: MailAmount
    valid_until: Day
    discount_percent: Percent | None = None
    discounted_total: MailAmount | None = None

    @model_validator(mode="after")
    def _discount_goes_with_its_tone(self) -> Self:
        offered = self.discount_percent is not None, self.discounted_total is not None
        if offered != ((self.tone == "discount"),) * 2:
            raise ValueError("discount_percent and discounted_total belong to the tone discount, which needs both")
        return self


class OrderConfirmationMail(Linked):
    """An order taken. `due` is to be paid by `due_on`; `ship_to` is an address, a line each."""

    items: Items
    fees: Fees = ()
    subtotal: MailAmount | None = None
    total: MailAmount
    paid: MailAmount | None = None
    due: MailAmount | None = None
    due_on: Day | None = None
    expected_on: Day | None = None
    quote_number: Line | None = None
    ship_to: Text | None = None


class MailTracking(Body):
    """A parcel on its way."""

    carrier: Line
    number: Line
    link: Link | None = None


class OrderStatusMail(Linked):
    """Where an order is now. `expected_on` is the delivery; `reason` says why it waits or was cancelled."""

    status: Literal[
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
    summary: LongLine | None = None
    changed_on: Day | None = None
    expected_on: Day | None = None
    tracking: MailTracking | None = None
    reason: Text | None = None


class SupplierStatusMail(Addressed):
    """Where a supplier stands with the workspace. `reason` is shown as written; `tier` as bronze, silver, gold."""

    company: Line
    status: Literal["pending", "verified", "rejected", "suspended"]
    tier: Line | None = None
    reviewed_on: Day | None = None
    reason: Text | None = None
    link: Link | None = None
