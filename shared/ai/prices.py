"""What tokens cost, from the dated table `prices.toml`, in whole micro-dollars."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from shared import clock

PER = 1_000_000


class Price(NamedTuple):
    """Micro-dollars per million tokens."""

    input: int
    output: int

    def of(self, input_tokens: int, output_tokens: int) -> int:
        """What these tokens cost together, in micro-dollars, rounded up once."""
        return -(-(input_tokens * self.input + output_tokens * self.output) // PER)


def price(model: str, day: date | None = None) -> Price:
    """What a model costs on a day (today). An unknown model costs the most that any does: never less than it is."""
    day = day or clock.now().date()
    known = sorted((row for row in _table() if row["from"] <= day), key=lambda row: row["from"])
    latest = {row["model"]: Price(row["input"], row["output"]) for row in known}
    return latest.get(model) or max(latest.values(), key=sum)


@cache
def _table() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "prices.toml").read_text())["price"]
    return rows
