"""What an invoice says, frozen when it was issued: what is typeset, and what the e-invoice is written from.

Amounts are integers in the currency's minor units. The database computes all of them (private.invoice_content); nothing
here adds or rounds.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

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

    Of a credit note all amounts are of the credit: positive where money goes back.
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
    notes: list[str] = []
    colour: str | None = None
    logo: str | None = None
