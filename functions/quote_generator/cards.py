"""Rate cards: what prices and lead times are computed from. A card is data; this is its arithmetic form.

Everything is a percentage of the base price or an amount for each piece, so that nothing compounds: the order of the
lines doesn't matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

METHODS = ("screen_print", "embroidery", "label", "packaging")
COMPLEXITIES = ("simple", "medium", "complex")
INCOTERMS = ("EXW", "FCA", "FOB", "CIF", "DAP", "DDP")


@dataclass(frozen=True, slots=True)
class Tier:
    """From this many pieces the base price is so much lower, by percent or as contracted."""

    quantity: int
    percent: Decimal | None
    unit_price: Decimal | None


@dataclass(frozen=True, slots=True)
class Decoration:
    """What one method costs: for each piece and placement, for each of its colours, and once for setting up."""

    each: Decimal
    each_colour: Decimal
    setup: Decimal
    setup_colour: Decimal
    days: int


@dataclass(frozen=True)
class Card:
    """One version of one product's rates. Amounts are in the card's currency."""

    content: Mapping[str, Any]

    @cached_property
    def currency(self) -> str:
        """ISO 4217."""
        return str(self.content["currency"])

    @cached_property
    def name(self) -> str:
        """The product as people call it."""
        return str(self.content["name"])

    @cached_property
    def base(self) -> Decimal:
        """A piece of the default fabric, simple, undecorated, below all tiers."""
        return Decimal(self.content["base"])

    @cached_property
    def fabrics(self) -> dict[str, Decimal]:
        """Percent of the base by fabric."""
        return {each["fabric"]: Decimal(each["percent"]) for each in self.content["fabrics"]}

    @cached_property
    def default_fabric(self) -> str:
        """The first one: what a request that names none is priced with."""
        return str(self.content["fabrics"][0]["fabric"])

    def fabric_name(self, fabric: str) -> str:
        """A fabric as people call it."""
        return next(str(each["name"]) for each in self.content["fabrics"] if each["fabric"] == fabric)

    @cached_property
    def complexity(self) -> dict[str, Decimal]:
        """Percent of the base by complexity."""
        return {name: Decimal(percent) for name, percent in self.content["complexity"].items()}

    @cached_property
    def sizes(self) -> dict[str, Decimal]:
        """Surcharge for each piece by size, in their order."""
        return {each["size"]: Decimal(each["each"]) for each in self.content["sizes"]}

    @cached_property
    def tiers(self) -> tuple[Tier, ...]:
        """By quantity, ascending."""
        return tuple(
            Tier(
                each["quantity"],
                Decimal(each["percent"]) if "percent" in each else None,
                Decimal(each["unit_price"]) if "unit_price" in each else None,
            )
            for each in self.content["tiers"]
        )

    def tier(self, quantity: int) -> Tier | None:
        """The tier of a quantity; None below the first."""
        reached = [tier for tier in self.tiers if tier.quantity <= quantity]
        return reached[-1] if reached else None

    def next_tier(self, quantity: int) -> Tier | None:
        """The first tier above a quantity."""
        return next((tier for tier in self.tiers if tier.quantity > quantity), None)

    @cached_property
    def decorations(self) -> dict[str, Decoration]:
        """By method: those this product takes."""
        return {
            method: Decoration(
                Decimal(each["each"]),
                Decimal(each["each_colour"]),
                Decimal(each["setup"]),
                Decimal(each["setup_colour"]),
                each["days"],
            )
            for method, each in self.content["decorations"].items()
        }

    @cached_property
    def colour_setup(self) -> Decimal:
        """For each garment colour after the first, once."""
        return Decimal(self.content["colour_setup"])

    @cached_property
    def incoterms(self) -> dict[str, Decimal]:
        """Percent of the base by the terms of delivery."""
        return {name: Decimal(percent) for name, percent in self.content["incoterms"].items()}

    @cached_property
    def minimum(self) -> int:
        """Pieces of an order."""
        return int(self.content["minimum"])

    @cached_property
    def minimum_per_colour(self) -> int:
        """Pieces of each garment colour."""
        return int(self.content["minimum_per_colour"])

    @cached_property
    def deposit_percent(self) -> Decimal:
        """Of the total, before work begins."""
        return Decimal(self.content["deposit_percent"])

    @cached_property
    def tolerance_percent(self) -> Decimal:
        """How many pieces more or fewer are as agreed; what is shipped is paid."""
        return Decimal(self.content["tolerance_percent"])

    @cached_property
    def lead_time(self) -> Mapping[str, Any]:
        """`{sampling, materials, pieces_per_day, complexity: {…}, quality, packing}`, in days."""
        found: Mapping[str, Any] = self.content["lead_time"]
        return found
