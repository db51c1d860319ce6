"""The price: a pure function of a specification, a rate card and an exchange rate. No clock, no network, no float.

Each line is a quantity times a unit price that is exact (percentages and rates are finite decimals), rounded once to
the currency's smallest unit, a half away from zero. Totals add up lines; the balance is what the deposit leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from functions.quote_generator.cards import Card
from shared import money

# More digits than any product of a card's figures has: nothing is rounded on the way.
EXACT = Context(prec=60)
HUNDRED = Decimal(100)
# Of a unit price as it is shown; amounts are computed from the exact one.
SHOWN = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Ordered:
    """One decoration of each piece."""

    method: str
    colours: int = 1
    placements: int = 1


@dataclass(frozen=True, slots=True)
class Specification:
    """What is priced: complete, and known to its card (`checking.complete`)."""

    product: str
    quantity: int
    fabric: str
    complexity: str
    sizes: tuple[tuple[str, int], ...] = ()
    colours: int = 1
    decorations: tuple[Ordered, ...] = ()
    incoterm: str = "EXW"


@dataclass(frozen=True, slots=True)
class Line:
    """A line: `rule` says which figure of the card made it."""

    rule: str
    description: str
    quantity: int
    unit_price: Decimal
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Price:
    """All of it, in the quote's currency. `unit_price` is what a piece costs without set-up, as it is shown."""

    currency: str
    lines: tuple[Line, ...]
    setup: tuple[Line, ...]
    unit_price: Decimal
    subtotal_minor: int
    setup_minor: int
    total_minor: int
    deposit_minor: int
    balance_minor: int


@dataclass(slots=True)
class _Sheet:
    """Lines as they are written, in the quote's currency."""

    currency: str
    rate: Decimal
    lines: list[Line] = field(default_factory=list)

    def add(self, rule: str, description: str, quantity: int, unit_price: Decimal) -> None:
        """A line of an amount in the card's currency; none where there is nothing to pay."""
        if unit_price == 0 or quantity == 0:
            return
        converted = EXACT.multiply(unit_price, self.rate)
        amount = money.rounded(EXACT.multiply(converted, Decimal(quantity)), self.currency)
        self.lines.append(Line(rule, description, quantity, converted, amount.amount_minor))


def price(specification: Specification, card: Card, currency: str, rate: Decimal) -> Price:
    """The price in `currency`, of which one unit of the card's currency is worth `rate`."""
    pieces, setup = _Sheet(currency, rate), _Sheet(currency, rate)
    quantity = specification.quantity
    _add_garment(pieces, specification, card)
    for size, count in specification.sizes:
        pieces.add(f"size:{size}", f"Size {size}", count, card.sizes[size])
    for ordered in specification.decorations:
        _add_decoration(pieces, setup, ordered, quantity, card)
    setup.add("colour_setup", "Further garment colours", specification.colours - 1, card.colour_setup)

    subtotal = sum(line.amount_minor for line in pieces.lines)
    fees = sum(line.amount_minor for line in setup.lines)
    total = subtotal + fees
    deposit = _share(total, card.deposit_percent)
    exact = sum((EXACT.multiply(line.unit_price, Decimal(line.quantity)) for line in pieces.lines), Decimal(0))
    return Price(
        currency=currency,
        lines=tuple(pieces.lines),
        setup=tuple(setup.lines),
        unit_price=EXACT.divide(exact, Decimal(quantity)).quantize(SHOWN, ROUND_HALF_UP, EXACT),
        subtotal_minor=subtotal,
        setup_minor=fees,
        total_minor=total,
        deposit_minor=deposit,
        balance_minor=total - deposit,
    )


def _add_garment(pieces: _Sheet, specification: Specification, card: Card) -> None:
    """The garment itself: everything is of the base, so nothing compounds."""
    quantity, tier = specification.quantity, card.tier(specification.quantity)
    contracted = tier.unit_price if tier else None
    if contracted is not None:
        pieces.add(f"tier:{tier.quantity}" if tier else "", f"{card.name}, contracted price", quantity, contracted)
    else:
        pieces.add("base", card.name, quantity, card.base)
    pieces.add(
        f"fabric:{specification.fabric}",
        card.fabric_name(specification.fabric),
        quantity,
        _percent(card.base, card.fabrics[specification.fabric]),
    )
    pieces.add(
        f"complexity:{specification.complexity}",
        f"{specification.complexity.capitalize()} construction",
        quantity,
        _percent(card.base, card.complexity[specification.complexity]),
    )
    if tier is not None and tier.percent is not None:
        pieces.add(
            f"tier:{tier.quantity}",
            f"From {tier.quantity} pieces: {tier.percent.normalize():f} % off the base price",
            quantity,
            -_percent(card.base, tier.percent),
        )
    pieces.add(
        f"incoterm:{specification.incoterm}",
        f"Delivery {specification.incoterm}",
        quantity,
        _percent(card.base, card.incoterms[specification.incoterm]),
    )


def _add_decoration(pieces: _Sheet, setup: _Sheet, ordered: Ordered, quantity: int, card: Card) -> None:
    """What is put on each piece, and what it takes to set that up, apart."""
    rates, name = card.decorations[ordered.method], _described(ordered)
    each = rates.each + rates.each_colour * ordered.colours
    pieces.add(f"decoration:{ordered.method}", name, quantity, each * ordered.placements)
    once = rates.setup + rates.setup_colour * ordered.colours
    setup.add(f"setup:{ordered.method}", f"Set-up: {name.lower()}", ordered.placements, once)


def _described(ordered: Ordered) -> str:
    """ "Screen print, 3 colours, 2 placements"."""
    parts = [ordered.method.replace("_", " ").capitalize()]
    for count, what in ((ordered.colours, "colour"), (ordered.placements, "placement")):
        if count > 1:
            parts.append(f"{count} {what}s")
    return ", ".join(parts)


def _percent(amount: Decimal, percent: Decimal) -> Decimal:
    return EXACT.divide(EXACT.multiply(amount, percent), HUNDRED)


def _share(total_minor: int, percent: Decimal) -> int:
    """A share of a total, rounded once."""
    share = EXACT.divide(EXACT.multiply(Decimal(total_minor), percent), HUNDRED)
    return int(share.to_integral_value(ROUND_HALF_UP, EXACT))


def document(made: Price) -> dict[str, Any]:
    """As it is stored and answered: decimals as text, amounts in the smallest unit."""

    def lines(of: tuple[Line, ...]) -> list[dict[str, Any]]:
        return [
            {
                "rule": line.rule,
                "description": line.description,
                "quantity": line.quantity,
                "unit_price": f"{line.unit_price.normalize(EXACT):f}",
                "amount_minor": line.amount_minor,
            }
            for line in of
        ]

    return {
        "currency": made.currency,
        "lines": lines(made.lines),
        "setup": lines(made.setup),
        "unit_price": f"{made.unit_price:f}",
        "subtotal_minor": made.subtotal_minor,
        "setup_minor": made.setup_minor,
        "total_minor": made.total_minor,
        "deposit_minor": made.deposit_minor,
        "balance_minor": made.balance_minor,
    }
