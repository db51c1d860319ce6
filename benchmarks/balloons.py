"""How well balloons are found in designs whose truth is known, and that none are where there are none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from statistics import mean, median
from typing import TYPE_CHECKING

from benchmarks.report import Bound, Report
from local.balloons import Design, held_out, to_choose_by, without_balloons

if TYPE_CHECKING:
    from functions.detect_local.items import Item

METHOD = (
    "Rendered designs of 1200 x 900 pixels in colours drawn by lot: garlands, arches, columns, clusters, bouquets,\n"
    "some before photographs, in the dark, with noise or out of focus. The engine's constants were chosen on pictures\n"
    "like these, the first row's among them; the bounds are of the second's, which were not. `in range`: the part of\n"
    "pictures whose count is within what is said; `width`: of that range, to the true count; `colour in range`: the\n"
    "same of each colour that is there; `precision`, `recall`: of the named colours; `sure`: the mean confidence,\n"
    "which should be the precision. ms: to find them in a decoded picture, warm. The pictures without balloons are\n"
    "the ones that the constants were chosen by."
)
COLUMNS = ("set", "pictures", "in range", "width", "colour in range", "precision", "recall", "sure", "ms")


@dataclass
class Outcome:
    """What was found in one set of pictures."""

    within: list[bool] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    colours_within: list[bool] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)  # of the colours said
    known: list[bool] = field(default_factory=list)  # of the colours there
    sure: list[float] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)

    def row(self, name: str) -> list[str]:
        """As the table shows it."""
        parts = (self.within, self.widths, self.colours_within, self.right, self.known, self.sure)
        return [name, str(len(self.within)), *(f"{mean(part):.2f}" for part in parts), f"{median(self.times_ms):.0f}"]


def run() -> Report:
    """Look at every picture once."""
    seen(to_choose_by()[0].image)  # loads OpenCV
    chosen_by, judged_by = outcome(to_choose_by()), outcome(held_out())
    invented = sum(item.quantity for _, image in without_balloons() for item in seen(image)[0])
    return Report(
        "Balloons in a design",
        METHOD,
        COLUMNS,
        [chosen_by.row("chosen by"), judged_by.row("held out")],
        [
            Bound("part of held-out pictures whose count is outside the range", 1 - mean(judged_by.within), 0.15),
            Bound("width of the range, to the true count", mean(judged_by.widths), 0.5),
            Bound("part of the colours said that are not there", 1 - mean(judged_by.right), 0.15),
            Bound("part of the colours there that are not said", 1 - mean(judged_by.known), 0.15),
            Bound("confidence less precision, either way", abs(mean(judged_by.sure) - mean(judged_by.right)), 0.1),
            Bound(f"balloons invented in {len(without_balloons())} pictures without", invented, 0),
            Bound("ms to find them in a picture", median(judged_by.times_ms), 300),
        ],
    )


def outcome(pictures: Sequence[Design]) -> Outcome:
    """What is found, beside what is there."""
    found = Outcome()
    for design in pictures:
        items, took_ms = seen(design.image)
        found.times_ms.append(took_ms)
        fewest, most = said(items, "total")
        found.within.append(fewest <= design.count <= most)
        found.widths.append((most - fewest) / design.count)
        names = {colour_of(item): item for item in items}
        found.right += [name in design.balloons for name in names]
        found.sure += [item.confidence for item in items]
        found.known += [name in names for name in design.balloons]
        for name, count in design.balloons.items():
            if name in names:
                fewest, most = said([names[name]], "count")
                found.colours_within.append(fewest <= count <= most)
            else:
                found.colours_within.append(False)
    return found


def seen(image: bytes) -> tuple[list[Item], float]:
    """The items, and how long it took to find them."""
    from PIL import Image

    from functions.detect_local.balloons import find_balloons

    picture = Image.open(BytesIO(image)).convert("RGB")
    started = time.perf_counter()
    items = find_balloons(picture)
    return items, (time.perf_counter() - started) * 1000


def colour_of(item: Item) -> str:
    """The tag's."""
    return next(tag.removeprefix("colour:") for tag in item.tags if tag.startswith("colour:"))


def said(items: Sequence[Item], what: str) -> tuple[int, int]:
    """A range that the items' tags say: `count` or `total`; nothing found is none."""
    for item in items:
        for tag in item.tags:
            if tag.startswith(f"{what}:"):
                fewest, _, most = tag.removeprefix(f"{what}:").partition("-")
                return int(fewest), int(most)
    return 0, 0
