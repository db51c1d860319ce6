"""What would lower a price: changes of the specification, each priced by the same function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from functions.quote_generator.cards import COMPLEXITIES, Card
from functions.quote_generator.pricing import Price, Specification, price

MOST = 5


@dataclass(frozen=True, slots=True)
class Saving:
    """A change, and what a piece and all would cost with it. Set-up is in the total, not in the unit price."""

    kind: str
    description: str
    specification: Specification
    price: Price


def savings(specification: Specification, card: Card, made: Price, rate: Decimal) -> tuple[Saving, ...]:
    """The best changes, the largest saving for each piece first; none that costs as much."""
    found = [
        Saving(kind, description, changed, price(changed, card, made.currency, rate))
        for kind, description, changed in _changes(specification, card)
    ]
    before = _each(made, specification)
    lower = [saving for saving in found if _each(saving.price, saving.specification) < before]
    lower.sort(key=lambda saving: (_each(saving.price, saving.specification), saving.kind, saving.description))
    return tuple(lower[:MOST])


def _each(made: Price, specification: Specification) -> Decimal:
    """What a piece costs with its share of the set-up."""
    return Decimal(made.total_minor) / specification.quantity


def _changes(specification: Specification, card: Card) -> Iterator[tuple[str, str, Specification]]:
    tier = card.next_tier(specification.quantity)
    if tier is not None:
        sizes = _scaled(specification.sizes, tier.quantity)
        more = replace(specification, quantity=tier.quantity, sizes=sizes)
        yield "quantity", f"{tier.quantity} pieces instead of {specification.quantity}", more
    for simpler in COMPLEXITIES[: COMPLEXITIES.index(specification.complexity)]:
        yield "complexity", f"{simpler.capitalize()} construction", replace(specification, complexity=simpler)
    for fabric, percent in card.fabrics.items():
        if percent < card.fabrics[specification.fabric]:
            yield "fabric", card.fabric_name(fabric), replace(specification, fabric=fabric)
    if specification.colours > 1:
        yield "colours", "One garment colour", replace(specification, colours=1)
    for place, ordered in enumerate(specification.decorations):
        name = ordered.method.replace("_", " ")
        for fewer in ("colours", "placements"):
            count = getattr(ordered, fewer)
            if count > 1:
                simpler_one = replace(ordered, **{fewer: count - 1})
                changed = (*specification.decorations[:place], simpler_one, *specification.decorations[place + 1 :])
                noun = fewer[:-1] if count == 2 else fewer
                yield (
                    "decoration",
                    f"{name.capitalize()} with {count - 1} {noun}",
                    replace(specification, decorations=changed),
                )


def _scaled(sizes: tuple[tuple[str, int], ...], quantity: int) -> tuple[tuple[str, int], ...]:
    """The same mix of sizes for another quantity: by largest remainders, so that it adds up."""
    total = sum(count for _, count in sizes)
    if not total:
        return sizes
    shares = [divmod(count * quantity, total) for _, count in sizes]
    left = quantity - sum(whole for whole, _ in shares)
    order = sorted(range(len(sizes)), key=lambda place: (-shares[place][1], place))
    extra = set(order[:left])
    scaled = ((name, shares[place][0] + (place in extra)) for place, (name, _) in enumerate(sizes))
    return tuple((name, count) for name, count in scaled if count)
