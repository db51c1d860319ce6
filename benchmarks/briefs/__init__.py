"""What the local rules understand of briefs whose meaning is written down: those they were tuned on, and others."""

from __future__ import annotations

import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import Bound, Report
from functions.quote_generator.brief.models import Fields, Known, Parsed
from functions.quote_generator.parsing import parse

FOLDER = Path(__file__).parent
TODAY = date(2026, 11, 21)
ASKS = "asks"
SETS = ("tuned", "mended", "held_out")
TIMES = 20
METHOD = """
Briefs in ordinary English (benchmarks/briefs/*.toml) through functions/quote_generator/parsing.py, no network. A field
is right when it is what was written down, to the letter; one missed, misread or found besides is wrong. `asks` are the
fields a question is due about: right when it is these and no others. A brief is right when all of it is.
`tuned` was written before the rules, which were then tuned on it. `mended` was kept apart, and what it showed was
mended: of its first half 102 of 131 fields were right at first (0.779), of its second 117 of 130 (0.900). `held out`
was written after that and committed before the rules first read it (120 of 129 then, 0.930): nothing is mended for it.
CPU: the median of a brief's repetitions, over all sets.
""".strip()


@dataclass(frozen=True)
class Read:
    """One brief held against its meaning: (field, expected, found) of all that was expected or found."""

    says: str
    compared: Sequence[tuple[str, object, object]]
    asked: frozenset[str]
    cpu_ms: float

    @property
    def wrong(self) -> list[tuple[str, object, object]]:
        """What isn't right."""
        return [each for each in self.compared if each[1] != each[2]]

    @property
    def unnoticed(self) -> list[str]:
        """The fields that are wrong and that nobody is asked about."""
        return [field for field, _, _ in self.wrong if field != ASKS and field not in self.asked]


@dataclass(frozen=True)
class BriefsReport(Report):
    """A report that also says what was misread."""

    notes: Sequence[str] = ()

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *self.notes, ""])


def run() -> Report:
    """Read every set."""
    sets = {name: list(read(name)) for name in SETS}
    names = [*Fields.model_fields, ASKS]
    counted = {name: _counted(each) for name, each in sets.items()}
    rows = [[field, *(cell for name in sets for cell in _cells(*counted[name][field]))] for field in names]
    rows.append(["all fields", *(cell for name in sets for cell in _cells(*_sum(counted[name])))])
    rows.append(
        [
            "whole briefs",
            *(cell for each in sets.values() for cell in _cells(sum(not b.wrong for b in each), len(each))),
        ]
    )
    unnoticed = [(sum(len(b.unnoticed) for b in each), _sum(counted[name])[1]) for name, each in sets.items()]
    rows.append(["wrong, nobody asked", *(cell for each in unnoticed for cell in _cells(*each))])
    cpu = [each.cpu_ms for briefs in sets.values() for each in briefs]
    return BriefsReport(
        "What the local rules understand of briefs",
        METHOD,
        ("", *(cell for name in SETS for cell in (name.replace("_", " "), "share"))),
        rows,
        [
            Bound("share of the tuned set's fields wrong (right ≥ 0.95)", 1 - _share(*_sum(counted["tuned"])), 0.05),
            Bound(
                "share of the held-out set's fields wrong (right ≥ 0.85)", 1 - _share(*_sum(counted["held_out"])), 0.15
            ),
            Bound("median CPU ms of a brief", median(cpu), 5),
            Bound("most CPU ms of a brief", max(cpu), 5),
        ],
        ["What was misread:", *(line for name, briefs in sets.items() for line in _misread(name, briefs))],
    )


def read(name: str) -> Iterator[Read]:
    """Each brief of a set, as the rules understand it."""
    known = _known()
    for brief in tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))["brief"]:
        parse(brief["says"], TODAY, known)  # compiles what is compiled once
        seconds = []
        for _ in range(TIMES):
            started = time.process_time()
            parsed = parse(brief["says"], TODAY, known)
            seconds.append(time.process_time() - started)
        asked = frozenset(each.field for each in parsed.missing)
        yield Read(brief["says"], list(_compared(brief, parsed)), asked, median(seconds) * 1000)


def _known() -> Known:
    told = tomllib.loads((FOLDER / "known.toml").read_text("utf-8"))
    return Known(told["fabrics"], told["sizes"], told["currencies"])


def _compared(brief: Mapping[str, Any], parsed: Parsed) -> Iterator[tuple[str, object, object]]:
    expected, found = brief["fields"], parsed.fields.model_dump(mode="json")
    for field in [*expected, *(field for field in found if field not in expected)]:
        yield field, expected.get(field), found.get(field)
    yield ASKS, sorted(brief[ASKS]), sorted(each.field for each in parsed.missing)


def _counted(briefs: Sequence[Read]) -> dict[str, tuple[int, int]]:
    """(right, of all) by field."""
    every = Counter(field for brief in briefs for field, _, _ in brief.compared)
    wrong = Counter(field for brief in briefs for field, _, _ in brief.wrong)
    return {field: (every[field] - wrong[field], every[field]) for field in [*Fields.model_fields, ASKS]}


def _sum(counted: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    return sum(right for right, _ in counted.values()), sum(of for _, of in counted.values())


def _share(right: int, of: int) -> float:
    return right / of if of else 0.0


def _cells(right: int, of: int) -> list[str]:
    return [f"{right}/{of}", f"{_share(right, of):.3f}" if of else "-"]


def _misread(name: str, briefs: Sequence[Read]) -> Iterator[str]:
    for brief in briefs:
        for field, expected, found in brief.wrong:
            yield f"  {name}: {' '.join(brief.says.split())[:60]} … {field}: {found} for {expected}"
