"""What the local engine reads in pictures whose truth is known, and what its confidence is worth."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from unittest.mock import patch

from benchmarks.judging import Judged, verdict
from benchmarks.report import Bound, Report
from functions.detect_local import items as naming
from functions.detect_local.calibration import calibrated
from functions.detect_local.engine import see
from local.scenes import BARELY, EMPTY, Scene, scenes

# The set that is measured; `calibrating` fits the confidence on others.
SEED = 0
METHOD = (
    "Photographs, and labels drawn and then spoiled as each row says; local/scenes.py holds the truth about them.\n"
    "A code is read when format and text are the same. Text: characters of lines that were read, one in ten of which\n"
    "may be wrong (edit distance): of those printed (`read`) and of those found (`true`). An item is meant for the\n"
    "thing with its code, or with a name three quarters alike; one meant for none, or a thing's second, is wrong.\n"
    "`named` and `counted`: its name to the letter, its quantity. `tags`: measures, sizes, lots, dates. ms: median."
)
COLUMNS = (
    "",
    "pictures",
    "codes",
    "wrong",
    "read",
    "true",
    "things",
    "wrong",
    "named",
    "counted",
    "tags",
    "brands",
    "wrong",
    "ms",
)
EDGES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
BINS = 10


@dataclass(frozen=True)
class Seen:
    """What became of one picture; `scored` are its items' scores before calibration, and whether each is right."""

    scene: Scene
    judged: Judged
    amiss: Sequence[str]
    scored: Sequence[tuple[float, bool]]
    ms: float


@dataclass(frozen=True)
class SeeingReport(Report):
    """A report that also says what went wrong where."""

    notes: Sequence[str] = ()

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *self.notes, ""])


def run() -> Report:
    """See them all."""
    every = list(seen(scenes(SEED)))
    groups = list(dict.fromkeys(each.scene.group for each in every))
    rows = [_row(group, [each for each in every if each.scene.group == group]) for group in groups]
    scored = [pair for each in every for pair in each.scored]
    mapped = [(calibrated(score), right) for score, right in scored]
    return SeeingReport(
        "What the local engine sees",
        METHOD,
        COLUMNS,
        [*rows, _row("all", every)],
        _bounds(every, mapped),
        [*_reliability(scored, mapped), "", "What went wrong:", *_failures(every)],
    )


def seen(pictures: Sequence[Scene]) -> Iterator[Seen]:
    """Each picture as the engine sees it."""
    see(pictures[0].picture.image)  # loads the models
    with uncalibrated():
        for scene in pictures:
            started = time.perf_counter()
            sighting = see(scene.picture.image)
            ms = (time.perf_counter() - started) * 1000
            held = verdict(scene.picture.things, sighting)
            yield Seen(scene, held.judged, held.amiss, [(item.confidence, right) for item, right in held.right], ms)


@contextmanager
def uncalibrated() -> Iterator[None]:
    """Items with the score that their confidence is made from. The mapping is monotone, so that is all it changes."""
    with patch.object(naming, "calibrated", lambda score: score):
        yield


def expected_error(pairs: Sequence[tuple[float, bool]]) -> float:
    """Expected calibration error: how far confidence is from the share that is right, in ten bins by confidence."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, right in pairs:
        bins[min(int(confidence * BINS), BINS - 1)].append((confidence, right))
    return sum(abs(sum(c for c, _ in held) - sum(r for _, r in held)) for held in bins) / max(1, len(pairs))


def _row(name: str, pictures: Sequence[Seen]) -> list[str]:
    sum_ = sum((each.judged for each in pictures), Judged())
    return [
        name,
        str(len(pictures)),
        f"{sum_.codes_read}/{sum_.codes_written}",
        str(sum_.codes_wrong),
        _share(sum_.lines_read, sum_.lines_written),
        _share(sum_.lines_true, sum_.lines_claimed),
        f"{sum_.things_found}/{sum_.things}",
        str(sum_.items_wrong),
        str(sum_.names_right),
        str(sum_.counts_right),
        f"{sum_.tags_found}/{sum_.tags_printed}",
        f"{sum_.brands_found}/{sum_.brands_printed}",
        str(sum_.tags_wrong + sum_.brands_wrong),
        f"{median(each.ms for each in pictures):.0f}",
    ]


def _share(some: int, of: int) -> str:
    return f"{some / of:.3f}" if of else "-"


def _bounds(every: Sequence[Seen], mapped: Sequence[tuple[float, bool]]) -> list[Bound]:
    sum_ = sum((each.judged for each in every), Judged())
    legible = sum((each.judged for each in every if each.scene.group != BARELY), Judged())
    empty = sum((each.judged for each in every if each.scene.group == EMPTY), Judged())
    items = sum_.things_found + sum_.items_wrong
    return [
        Bound("items invented on pictures without text", empty.items_wrong, 0),
        Bound("codes that are not there (precision 1.00)", sum_.codes_wrong, 0),
        Bound("share of legible codes not read (recall ≥ 0.90)", 1 - legible.codes_read / legible.codes_written, 0.10),
        Bound("share of legible text not read (recall ≥ 0.97)", 1 - legible.lines_read / legible.lines_written, 0.03),
        Bound("share of found text not there (precision ≥ 0.99)", 1 - sum_.lines_true / sum_.lines_claimed, 0.01),
        Bound("share of legible things not found (recall ≥ 0.97)", 1 - legible.things_found / legible.things, 0.03),
        Bound("share of items that are no thing (precision ≥ 0.98)", sum_.items_wrong / items, 0.02),
        Bound("share of found things misnamed (right ≥ 0.98)", 1 - sum_.names_right / sum_.things_found, 0.02),
        Bound("share of found things miscounted (right ≥ 0.99)", 1 - sum_.counts_right / sum_.things_found, 0.01),
        Bound("share of tags and brands not printed so (precision ≥ 0.98)", _wrong_tags(sum_), 0.02),
        Bound("expected calibration error", expected_error(mapped), 0.03),
        Bound("median ms of a photo", median(each.ms for each in every), 1000),
    ]


def _wrong_tags(sum_: Judged) -> float:
    wrong = sum_.tags_wrong + sum_.brands_wrong
    return wrong / max(1, sum_.tags_found + sum_.brands_found + wrong)


def _reliability(scored: Sequence[tuple[float, bool]], mapped: Sequence[tuple[float, bool]]) -> Iterator[str]:
    yield (
        f"Expected calibration error on these {len(scored)} items, which the mapping was not fitted on: "
        f"{expected_error(scored):.3f} before, {expected_error(mapped):.3f} after."
    )
    yield f"{'confidence':>13}  {'items':>5}  {'said':>5}  {'right':>5}"
    for low, high in pairwise(EDGES):
        held = [(said, right) for said, right in mapped if low <= said < high or (high == 1 and said == 1)]
        if held:
            said, right = (sum(column) / len(held) for column in zip(*held, strict=True))
            yield f"{low:>5.2f} … {high:.2f}  {len(held):>5}  {said:>5.3f}  {right:>5.3f}"


def _failures(every: Sequence[Seen]) -> Iterator[str]:
    for each in every:
        if each.amiss:
            yield f"  {each.scene.group}: {each.scene.picture.name}: {'; '.join(each.amiss)}"
