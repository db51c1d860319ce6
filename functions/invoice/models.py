"""Shapes of /api/invoice."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from functions.invoice import identifiers
from functions.invoice.document import Content, Kind, Seller
from shared.models import LINE, TEXT, WHOLE, Answer, Body, Email, Page, Query

Short = Annotated[str, StringConstraints(max_length=20, pattern=LINE), AfterValidator(str.strip)]
Line = Annotated[str, StringConstraints(max_length=100, pattern=LINE), AfterValidator(str.strip)]
LongLine = Annotated[str, StringConstraints(max_length=200, pattern=LINE), AfterValidator(str.strip)]
Address = Annotated[str, StringConstraints(max_length=300, pattern=TEXT), AfterValidator(str.strip)]
Note = Annotated[str, StringConstraints(max_length=500, pattern=TEXT), AfterValidator(str.strip)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
VatId = Annotated[
    str,
    StringConstraints(max_length=24, pattern=r"^[A-Za-z]{2}[0-9A-Za-z .-]{2,22}$"),
    AfterValidator(identifiers.vat_id),
]
Iban = Annotated[
    str,
    StringConstraints(max_length=42, pattern=r"^[A-Za-z]{2}[0-9]{2}[0-9A-Za-z ]{11,38}$"),
    AfterValidator(identifiers.iban),
]
Bic = Annotated[str, StringConstraints(pattern=r"^[A-Z]{6}[0-9A-Z]{2}([0-9A-Z]{3})?$")]
Rate = Annotated[str, StringConstraints(pattern=r"^(0\.[0-9]{1,9}|[1-9][0-9]{0,6}(\.[0-9]{1,9})?)$")]
Quantity = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$")]
Amount = Annotated[int, Field(ge=1, le=10**15), WHOLE]
Position = Annotated[int, Field(ge=1, le=1000), WHOLE]
Days = Annotated[int, Field(ge=0, le=120), WHOLE]

Tax = Literal["standard", "reduced", "second_reduced", "super_reduced", "zero", "exempt"]
Status = Literal["draft", "issued", "overdue", "paid", "credited", "void"]


class InWorkspace(Query):
    """Whose. Left out, the caller's default."""

    workspace_id: UUID | None = None


class Buyer(Body):
    """Who the invoice goes to. What is left out is as the order's customer, or as its last invoice, has it.

    `address`: lines without postcode and city. `vat_id`, checked by form and check digit, makes a sale across a border
    within the EU one between businesses.
    """

    name: Line | None = None
    contact: Line | None = None
    address: Address | None = None
    postcode: Short | None = None
    city: Line | None = None
    country: Country | None = None
    vat_id: VatId | None = None
    tax_number: Short | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _of_one_country(self) -> Self:
        if self.vat_id and self.country and not identifiers.is_of(self.vat_id, self.country):
            raise ValueError("the VAT id is of another country than the buyer")
        return self


class LineTax(Body):
    """Which of the seller's country's rates a line of the order has; all others have the standard one.

    `reason`: why it is exempt.
    """

    line: Position
    tax: Tax
    reason: LongLine | None = None


class InvoiceRequest(Body):
    """What is invoiced: how much that is, the order says. What is left out is as for the order's last invoice.

    `draft`: make it without a number, to be looked at, issued or voided. `tax_exchange_rate`: what one unit of the
    order's currency is worth in the seller's, where we don't know it and the law wants the tax told in it.
    """

    order_id: UUID
    kind: Literal["deposit", "balance", "full", "proforma"]
    draft: bool = False
    buyer: Buyer | None = None
    line_taxes: Annotated[list[LineTax], Field(max_length=200)] | None = None
    language: Literal["en", "de", "fr"] | None = None
    notes: Annotated[list[Note], Field(max_length=5)] | None = None
    tax_exchange_rate: Rate | None = None

    @model_validator(mode="after")
    def _each_line_once(self) -> Self:
        lines = [each.line for each in self.line_taxes or []]
        if len(set(lines)) < len(lines):
            raise ValueError("a line has one tax")
        return self


class CreditedLine(Body):
    """A line of the invoice by its position: some of its quantity, an amount with its tax, or all that is left."""

    line: Position
    quantity: Quantity | None = None
    amount_minor: Amount | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if self.quantity is not None and self.amount_minor is not None:
            raise ValueError("a quantity or an amount, not both")
        return self


class NewCreditNote(Body):
    """Either `full`: all that wasn't credited yet, or `lines`. `reason` stands on it."""

    reason: LongLine
    full: Literal[True] | None = None
    lines: Annotated[list[CreditedLine], Field(min_length=1, max_length=200)] | None = None

    @model_validator(mode="after")
    def _one_extent(self) -> Self:
        if (self.full is None) == (self.lines is None):
            raise ValueError("either full or lines")
        lines = [each.line for each in self.lines or []]
        if len(set(lines)) < len(lines):
            raise ValueError("a line is credited once in a credit note")
        return self


class InvoicePage(Page):
    """A page of a list, the newest first."""

    workspace_id: UUID | None = None
    status: Status | None = None
    kind: Kind | None = None
    order_id: UUID | None = None


class WhichCopy(Query):
    """`original`: the invoice as it was issued, also once there is a copy that is stamped as paid."""

    original: bool = False


class NewSettings(Body):
    """What invoices say of the seller beside the workspace's legal name, address, country, tax id and mail address.

    `address`: its lines without postcode and city, in place of the workspace's legal address. `exempt_reason`: why the
    seller takes no tax at all, as a small business. `supplies`: goods and services are taxed otherwise across borders.
    """

    address: Address | None = None
    postcode: Short | None = None
    city: Line | None = None
    vat_id: VatId | None = None
    tax_number: Short | None = None
    registration: Line | None = None
    iban: Iban | None = None
    bic: Bic | None = None
    footer: Note | None = None
    exempt_reason: LongLine | None = None
    supplies: Literal["goods", "services"] = "goods"
    payment_days: Days = 14


class Money(Answer):
    """1250 and USD are 12.50 US dollars."""

    amount_minor: int
    currency: str


class Invoice(Answer):
    """An invoice or credit note in a list.

    `paid` is what of the order's money falls to it, the oldest invoice first. `credits`: the invoice that it credits.
    """

    id: UUID
    order_id: UUID
    kind: Kind
    status: Status
    number: str | None
    issued_on: date | None
    due_on: date | None
    paid_on: date | None
    buyer_name: str | None
    payable: Money | None
    paid: Money | None
    credited: Money | None
    credits: UUID | None
    sent_at: AwareDatetime | None
    created_at: AwareDatetime


class DocumentState(Answer):
    """Whether the PDF is there yet: `pending` for moments after it was issued or paid."""

    state: Literal["pending", "ready"]
    sha256: str | None
    bytes: int | None
    rendered_at: AwareDatetime | None


class InvoiceDetail(Invoice):
    """All that it says: frozen once issued; of a draft what it would say today, null where it can't be issued now."""

    content: Content | None
    document: DocumentState | None


class Invoices(Answer):
    """A page of invoices."""

    data: list[Invoice]
    next_cursor: str | None


class DocumentLink(Answer):
    """Where the PDF can be downloaded for ten minutes, by whoever has the address."""

    url: str
    expires_in_seconds: int
    file_name: str
    sha256: str
    bytes: int
    paid_on: date | None


class Settings(Answer):
    """The settings, and the seller as invoices name it with them."""

    address: str | None
    postcode: str | None
    city: str | None
    vat_id: str | None
    tax_number: str | None
    registration: str | None
    iban: str | None
    bic: str | None
    footer: str | None
    exempt_reason: str | None
    supplies: Literal["goods", "services"]
    payment_days: int
    seller: SellerShown


class SellerShown(Seller):
    """The seller; without name and country as long as the workspace has none."""

    name: str = ""
    country: str = ""


class Rendered(Answer):
    """What one call rendered: documents by outcome; `idle` where nothing was due. Ask again after `wait_seconds`."""

    delivered: int = 0
    refused: int = 0
    again: int = 0
    unknown: int = 0
    idle: bool = False
    wait_seconds: float | None = None
