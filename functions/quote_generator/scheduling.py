"""The timeline: stages one after another, counted in days from approval. Pure, like the price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from functions.quote_generator.cards import Card
from functions.quote_generator.pricing import Specification


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, its first and last day included."""

    name: str
    days: int
    starts_on: date
    ends_on: date


def timeline(specification: Specification, card: Card, approved_on: date) -> tuple[Stage, ...]:
    """The stages if work is approved on that day; the first begins on the next. What takes no time is left out."""
    days = card.lead_time
    production = ceil(specification.quantity / days["pieces_per_day"]) + days["complexity"][specification.complexity]
    decoration = max((card.decorations[each.method].days for each in specification.decorations), default=0)
    stages = []
    ended_on = approved_on
    for name, length in (
        ("sampling", days["sampling"]),
        ("materials", days["materials"]),
        ("production", production),
        ("decoration", decoration),
        ("quality_check", days["quality"]),
        ("packing", days["packing"]),
    ):
        if length:
            starts_on, ended_on = ended_on + timedelta(days=1), ended_on + timedelta(days=length)
            stages.append(Stage(name, length, starts_on, ended_on))
    return tuple(stages)
