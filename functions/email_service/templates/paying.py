"""What is filled into the mails about payments and invoices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from functions.email_service.templates.fields import Day, Fees, Items, Line, Link, Linked, LongLine, MailAmount, Number
from shared.models import WHOLE, Body

PaymentType = Literal["deposit", "balance", "full"]


class PaymentReceivedMail(Linked):
    """Money that came in for the order `number`. `remaining` is what is still open; `method` as "Visa •••• 4242"."""

    amount: MailAmount
    payment_type: PaymentType
    paid_on: Day
    method: Line | None = None
    reference: Line | None = None
    remaining: MailAmount | None = None


class PaymentFailedMail(Linked):
    """A payment for the order `number` that didn't go through. `reason` in words for the payer; `link` to try again."""

    amount: MailAmount
    payment_type: PaymentType
    method: Line | None = None
    reason: LongLine | None = None
    retry_until: Day | None = None


class MailBankAccount(Body):
    """Where to transfer to. The IBAN is written without spaces."""

    holder: Line
    iban: Annotated[str, StringConstraints(max_length=34, pattern=r"^[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}$")]
    bic: Annotated[str, StringConstraints(max_length=11, pattern=r"^[A-Z]{6}[0-9A-Z]{2}([0-9A-Z]{3})?$")] | None = None


class InvoiceMail(Linked):
    """An invoice, or with `overdue_days` the reminder of one. `attached`: the document comes with the mail.

    `taxes` are one per rate. `deducted` is what earlier invoices took; `due` is what is left to pay.
    """

    kind: Literal["deposit", "balance", "full", "proforma"]
    order_number: Number | None = None
    issued_on: Day
    due_on: Day | None = None
    overdue_days: Annotated[int, Field(ge=1, le=3650), WHOLE] | None = None
    items: Items | None = None
    subtotal: MailAmount | None = None
    taxes: Fees = ()
    total: MailAmount
    deducted: MailAmount | None = None
    paid: MailAmount | None = None
    due: MailAmount
    bank: MailBankAccount | None = None
    reference: Line | None = None
    attached: bool = False


class CreditNoteMail(Linked):
    """A credit note for an invoice. `refunded`: the money goes back; else it is set off."""

    invoice_number: Number
    invoice_link: Link | None = None
    issued_on: Day
    total: MailAmount
    reason: LongLine | None = None
    refunded: bool = False
    attached: bool = False
