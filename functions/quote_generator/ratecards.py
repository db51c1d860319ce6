"""The shape of a rate card as it is entered: what prices are computed from, checked so that any price is one."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from functions.quote_generator.cards import COMPLEXITIES, INCOTERMS
from functions.quote_generator.models import Currency, Key, Method, Size
from shared.models import INVISIBLE, LINE_BREAKING, WHOLE, Answer, Body, Query

# Orders and mails show these, and refuse what turns the direction of what stands around it.
NOT_IN_LABEL = LINE_BREAKING + r"\u202a-\u202e\u2066-\u2069"
# Short, for a product, its fabric and how many are an order's summary: a line of 200.
Label = Annotated[
    str,
    StringConstraints(max_length=80, pattern=f"^[^{NOT_IN_LABEL}]*[^{NOT_IN_LABEL}{INVISIBLE}][^{NOT_IN_LABEL}]*$"),
    AfterValidator(str.strip),
]

Figure = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,6})(\.[0-9]{1,4})?$")]
Signed = Annotated[str, StringConstraints(pattern=r"^-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,4})?$")]
Days = Annotated[int, Field(ge=0, le=365), WHOLE]
Pieces = Annotated[int, Field(ge=1, le=1_000_000), WHOLE]


class Fabric(Body):
    """What a product can be made of: percent of the base price, more or less. The first of a card is the default."""

    fabric: Key
    name: Label
    percent: Signed


class Tier(Body):
    """From this many pieces: percent off the base price, or the price contracted instead of it."""

    # No more than can be asked for: a saving says the next one.
    quantity: Annotated[int, Field(ge=1, le=100_000), WHOLE]
    percent: Figure | None = None
    unit_price: Figure | None = None

    @model_validator(mode="after")
    def one_of_them(self) -> Self:
        """Both would compound."""
        if (self.percent is None) == (self.unit_price is None):
            raise ValueError("has either percent or unit_price")
        return self


class SizeSurcharge(Body):
    """What a piece of a size costs more."""

    size: Size
    each: Figure


class DecorationRates(Body):
    """For each piece and placement, for each of its colours, and once for setting up."""

    each: Figure
    each_colour: Figure
    setup: Figure
    setup_colour: Figure
    days: Days


class LeadTime(Body):
    """Days by stage; production takes its pieces a day and what complexity adds."""

    sampling: Days
    materials: Days
    pieces_per_day: Pieces
    complexity: dict[str, Days]
    quality: Days
    packing: Annotated[int, Field(ge=1, le=365), WHOLE]


class RateCard(Body):
    """All that a product's price and dates are computed from. Amounts and percentages are decimal text."""

    name: Label
    currency: Currency
    base: Figure
    fabrics: Annotated[tuple[Fabric, ...], Field(min_length=1, max_length=40)]
    complexity: dict[str, Figure]
    tiers: Annotated[tuple[Tier, ...], Field(max_length=30)]
    sizes: Annotated[tuple[SizeSurcharge, ...], Field(min_length=1, max_length=20)]
    decorations: dict[Method, DecorationRates]
    colour_setup: Figure
    incoterms: dict[str, Figure]
    minimum: Annotated[int, Field(ge=50, le=100_000), WHOLE]
    minimum_per_colour: Annotated[int, Field(ge=1, le=100_000), WHOLE]
    deposit_percent: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]?$")]
    tolerance_percent: Annotated[str, StringConstraints(pattern=r"^(0|[1-9]|1[0-9])(\.[0-9]{1,2})?$")]
    lead_time: LeadTime

    @model_validator(mode="after")
    def whole(self) -> Self:
        """Every complexity and term has its figure, and nothing is named twice."""
        if set(self.complexity) != set(COMPLEXITIES) or set(self.lead_time.complexity) != set(COMPLEXITIES):
            raise ValueError(f"complexity has a figure for each of {', '.join(COMPLEXITIES)}")
        if not self.incoterms or not set(self.incoterms) <= set(INCOTERMS):
            raise ValueError(f"incoterms are some of {', '.join(INCOTERMS)}")
        named = Counter(
            [f"fabric {each.fabric}" for each in self.fabrics] + [f"size {each.size}" for each in self.sizes]
        )
        if max(named.values()) > 1:
            raise ValueError("a fabric or size is named twice")
        return self

    @model_validator(mode="after")
    def monotone(self) -> Self:
        """More pieces never cost more each, and nothing costs less than nothing."""
        base = Decimal(self.base)
        quantities = [tier.quantity for tier in self.tiers]
        if quantities != sorted(set(quantities)):
            raise ValueError("tiers are in the order of their quantities")
        steps = [base, *(_reached(tier, base) for tier in self.tiers)]
        if any(later > earlier for earlier, later in pairwise(steps)):
            raise ValueError("a tier costs more than the one before")
        if steps[-1] + base * min(Decimal(fabric.percent) for fabric in self.fabrics) / 100 <= 0:
            raise ValueError("the cheapest fabric in the last tier costs nothing or less")
        return self


def _reached(tier: Tier, base: Decimal) -> Decimal:
    """The base price in a tier."""
    return Decimal(tier.unit_price) if tier.unit_price else base - base * Decimal(tier.percent or 0) / 100


class NewRateCard(Body):
    """A new version of a product's card. Quotes made before keep theirs."""

    product_type: Key
    card: RateCard
    note: Annotated[str, StringConstraints(max_length=500)] = ""


class RateCardVersion(Answer):
    """A version of a card. Built-in ones count until a workspace has its own."""

    id: UUID
    product_type: str
    version: int
    built_in: bool
    note: str
    content: dict[str, Any]
    created_by: UUID | None
    created_at: AwareDatetime


class RateCards(Answer):
    """What counts now; of one product, every version."""

    data: list[RateCardVersion]
    next_cursor: None = None


class ByProduct(Query):
    """Of one product, every version."""

    workspace_id: UUID | None = None
    product_type: Key | None = None
