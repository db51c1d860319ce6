"""What an invoice and a quote say, frozen when issued: what is typeset, and what the e-invoice is written from.

Amounts are integers in the currency's minor units. Whoever sends them computed them: of invoices the database
(private.invoice_content). Nothing here adds or rounds.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import Field

from shared.models import Deferred

Kind = Literal["deposit", "balance", "full", "proforma", "credit_note"]
# EN 16931's (UNCL 5305): standard and reduced rates, zero rate, exempt, reverse charge, intra-community supply,
# export, outside the scope of tax.
Category = Literal["S", "Z", "E", "AE", "K", "G", "O"]


class Party(Deferred):
    """Seller or buyer. `address`: lines, separated by line feeds, without postcode and city; may be empty."""

    name: str
    contact: str | None = None
    address: str = ""
    postcode: str | None = None
    city: str | None = None
    country: str
    vat_id: str | None = None
    tax_number: str | None = None
    email: str | None = None


class Seller(Party):
    """`registration`: such as "HRB 12345, Amtsgericht Köln". `footer`: what else the law wants on paper."""

    registration: str | None = None
    iban: str | None = None
    bic: str | None = None
    footer: str | None = None


class Reference(Deferred):
    """An earlier invoice that this one speaks of."""

    number: str
    issued_on: date


class Line(Deferred):
    """`net_minor` is without tax, and negative on a line that takes an earlier invoice off (`deducts`) or a discount.

    `quantity` is positive; null for what isn't counted. The unit's price is net_minor / quantity, rarely a round sum.
    """

    position: int
    description: str
    detail: str | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    net_minor: int
    category: Category
    rate: Decimal
    deducts: Reference | None = None


class Tax(Deferred):
    """A rate group: tax is rate percent of the sum of its lines' nets, rounded. `reason`: why there is none."""

    category: Category
    rate: Decimal
    net_minor: int
    tax_minor: int
    reason: str | None = None
    reason_code: str | None = None


class ForeignTax(Deferred):
    """The tax in the seller's own currency, where the law asks for it. `rate`: of it for one of the invoice's."""

    currency: str
    rate: Decimal
    tax_minor: int


class Content(Deferred):
    """The whole document. payable = total + rounding = net + tax + rounding; nets add up to net, taxes to tax.

    Of a credit note all amounts are of the credit: positive where money goes back. A draft has no number: "".
    """

    kind: Kind
    number: str
    issued_on: date
    due_on: date | None = None
    delivered_on: date | None = None
    order_number: str
    language: Literal["en", "de", "fr"]
    currency: str
    seller: Seller
    buyer: Party
    lines: list[Line]
    taxes: list[Tax]
    net_minor: int
    tax_minor: int
    total_minor: int
    rounding_minor: int
    payable_minor: int
    foreign_tax: ForeignTax | None = None
    credits: Reference | None = None
    reason: str | None = None
    notes: list[str] = Field(default_factory=list)
    colour: str | None = None
    logo: str | None = None


class QuoteLine(Deferred):
    """`amount_minor`: what all of them cost. `unit_price` in whole units of the currency, exact, where there is one."""

    description: str
    detail: str | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    unit_price: Decimal | None = None
    amount_minor: int


class Stage(Deferred):
    """A stage of the work, its first and last day included."""

    name: str
    starts_on: date
    ends_on: date


class QuoteContent(Deferred):
    """A quote. lines add up to subtotal, fees to fees_minor; total = subtotal + fees_minor = deposit + balance."""

    number: str
    version: int = 1
    issued_on: date
    valid_until: date
    language: Literal["en", "de", "fr"]
    currency: str
    seller: Seller
    customer: Party
    narrative: str | None = None
    lines: list[QuoteLine]
    fees: list[QuoteLine] = Field(default_factory=list)
    subtotal_minor: int
    fees_minor: int = 0
    total_minor: int
    deposit_minor: int | None = None
    balance_minor: int | None = None
    timeline: list[Stage] = Field(default_factory=list)
    incoterm: str | None = None
    tolerance_percent: Decimal | None = None
    excluded: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    colour: str | None = None
    logo: str | None = None
