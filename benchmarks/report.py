"""What a benchmark says: how it measured, a table, and which bounds are met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Bound:
    """A claim, what was found, and the most it may be."""

    claim: str
    found: float
    most: float

    @property
    def met(self) -> bool:
        """Whether the claim holds."""
        return self.found <= self.most

    def __str__(self) -> str:
        return f"{'met' if self.met else 'MISSED':6}  {self.claim}: {self.found:.3g} (at most {self.most:g})"


@dataclass(frozen=True)
class Report:
    """One benchmark's outcome. The first column of its table is text, the others are figures."""

    title: str
    method: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    bounds: Sequence[Bound]

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        table = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in (self.columns, *self.rows)
        ]
        return "\n".join([f"== {self.title}", self.method, "", *table, "", *map(str, self.bounds), ""])


def ratio(measured: Sequence[float], beside: Sequence[float]) -> float:
    """The median of the rounds' own ratios: what disturbs a whole round touches both and cancels out."""
    return median(one / other for one, other in zip(measured, beside, strict=True))
