"""What is known before a brief is read, and what was understood after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from shared.models import Answer

ProductType = Literal["t_shirt", "polo", "hoodie", "joggers", "activewear", "uniform", "knitwear", "jacket"]
Complexity = Literal["simple", "medium", "complex"]
Method = Literal["screen_print", "embroidery", "label", "packaging"]

CURRENCIES = ("USD", "EUR", "CAD", "AUD", "GBP", "BDT")
INCOTERMS = ("EXW", "FCA", "FAS", "FOB", "CFR", "CIF", "CPT", "CIP", "DPU", "DAP", "DDP")  # 2020
SIZES = ("XS", "S", "M", "L", "XL", "XXL", "3XL")
# A field that is less sure than this is asked about.
SURE = 0.6


@dataclass(frozen=True)
class Known:
    """What the rate card in force offers: each product type's fabrics, the usual one first; sizes in order."""

    fabrics: Mapping[str, Sequence[str]]
    sizes: Sequence[str] = SIZES
    currencies: Sequence[str] = CURRENCIES
    incoterms: Sequence[str] = INCOTERMS


def _none(value: object) -> bool:
    return value is None


class Decoration(Answer):
    """`colours` is how many a print has; `placements` are of prints and embroideries: left_chest, back, sleeve, …"""

    method: Method
    colours: Annotated[int | None, Field(exclude_if=_none)] = None
    placements: Annotated[list[str] | None, Field(exclude_if=_none)] = None


class Fields(Answer):
    """Those fields of a quote's request that were understood; the others are left out. `colours` are the garment's."""

    product_type: Annotated[ProductType | None, Field(exclude_if=_none)] = None
    quantity: Annotated[int | None, Field(exclude_if=_none)] = None
    fabric: Annotated[str | None, Field(exclude_if=_none)] = None
    complexity: Annotated[Complexity | None, Field(exclude_if=_none)] = None
    sizes: Annotated[dict[str, int] | None, Field(exclude_if=_none)] = None
    colours: Annotated[list[str] | None, Field(exclude_if=_none)] = None
    decorations: Annotated[list[Decoration] | None, Field(exclude_if=_none)] = None
    target_date: Annotated[date | None, Field(exclude_if=_none)] = None
    currency: Annotated[str | None, Field(exclude_if=_none)] = None
    incoterm: Annotated[str | None, Field(exclude_if=_none)] = None


class Missing(Answer):
    """A field that a quote needs and the brief doesn't say, or doesn't say plainly; and what to ask."""

    field: str
    question: str


class Parsed(Answer):
    """What a brief says. `confidence` is 0..1 for each field understood.

    `provider` is who read it, `local` for our own rules; `fallback_reason` who was asked first and why that failed.
    """

    fields: Fields
    confidence: dict[str, float]
    missing: list[Missing]
    notes: list[str]
    provider: str
    model: str
    cost_micro_usd: int
    fallback_reason: str | None
