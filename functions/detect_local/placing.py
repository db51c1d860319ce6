"""Where lines and barcodes stand, and which of them stand together. Pure geometry.

Places are measured in a frame turned so that most of the text reads left to right: a photo taken
sideways or askew then groups like an upright one. Distances count in heights of lettering, so that
the size of the photo does not matter either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from functions.detect_local.reading import Corners, Line

# Lines of one label are set closer than this many heights of the larger lettering; two labels side
# by side stand further apart than this many heights of the smaller.
LINE_GAP = 1.2
COLUMN_GAP = 1.2
# A barcode stands no further from its label's text than this many times its own height.
CODE_GAP = 2.2
# Nor than this many, where the code has no nearer text and the text no nearer code.
LONELY_GAP = 3.5
# Of a linear barcode only the rows that were scanned are known: taken as at least this high.
BARS_HEIGHT_TO_WIDTH = 0.6


@dataclass(frozen=True)
class Place:
    """Pixels in the turned frame; `height` is that of the lettering or the bars."""

    left: float
    top: float
    right: float
    bottom: float
    height: float

    def across(self, other: Place) -> float:
        """The gap between the two from side to side; negative where they overlap."""
        return max(self.left, other.left) - min(self.right, other.right)

    def down(self, other: Place) -> float:
        """The gap between the two from top to bottom; negative where they overlap."""
        return max(self.top, other.top) - min(self.bottom, other.bottom)

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def within(self, other: Place) -> bool:
        """Whether this one's middle is inside the other."""
        x, y = self.middle
        return other.left <= x <= other.right and other.top <= y <= other.bottom


def reading_angle(lines: Iterable[Line]) -> float:
    """The direction, in radians from the x axis, in which most of the text reads; 0 without text.

    The quarter turn with the most text decides, and the lines of that quarter give the mean: a
    word printed up the side of a pack does not tilt the rest.
    """
    quarters: dict[int, tuple[float, float]] = {}
    for line in lines:
        (x0, y0), (x1, y1) = line.corners[0], line.corners[1]
        quarter = round(math.atan2(y1 - y0, x1 - x0) / (math.pi / 2)) % 4
        x, y = quarters.get(quarter, (0.0, 0.0))
        quarters[quarter] = (x + x1 - x0, y + y1 - y0)
    x, y = max(quarters.values(), key=lambda sum_: math.hypot(*sum_), default=(0.0, 0.0))
    return math.atan2(y, x)


def place(corners: Corners, angle: float) -> Place:
    """Where these corners stand once the picture is turned so that `angle` points right."""
    cos, sin = math.cos(angle), math.sin(angle)
    xs = [x * cos + y * sin for x, y in corners]
    ys = [y * cos - x * sin for x, y in corners]
    return Place(min(xs), min(ys), max(xs), max(ys), lettering_height(corners))


def lettering_height(corners: Corners) -> float:
    """The shorter side, in pixels: of a line its lettering's height."""
    return min(math.dist(corners[0], corners[3]), math.dist(corners[0], corners[1]))


def code_place(corners: Corners, angle: float) -> Place:
    """The same for a barcode."""
    spot = place(corners, angle)
    width = max(math.dist(corners[0], corners[3]), math.dist(corners[0], corners[1]))
    return replace(spot, height=max(spot.height, BARS_HEIGHT_TO_WIDTH * width))


def same_bars(one: Place, other: Place) -> bool:
    """Whether two codes of one text are one code, scanned at two heights."""
    return max(one.across(other), one.down(other)) < min(one.height, other.height)


def same_label(one: Place, other: Place) -> bool:
    """Whether two lines stand as the lines of one label do: under each other, or in one row."""
    if one.across(other) < 0:
        return one.down(other) <= LINE_GAP * max(one.height, other.height)
    in_a_row = -one.down(other) >= min(one.height, other.height) / 2
    return in_a_row and one.across(other) <= COLUMN_GAP * min(one.height, other.height)


def clusters(places: Sequence[Place], together: Callable[[Place, Place], bool]) -> list[list[int]]:
    """Indices of `places`, joined whenever a chain of pairs stands together."""
    left, found = list(range(len(places))), []
    while left:
        cluster = [left.pop(0)]
        for index in cluster:  # grows while it is walked
            near = [other for other in left if together(places[index], places[other])]
            cluster.extend(near)
            left = [other for other in left if other not in near]
        found.append(cluster)
    return found


def reading_order(places: Sequence[Place]) -> list[int]:
    """Indices of `places` row by row from the top, each row from the left."""
    rows: list[list[int]] = []
    for index in sorted(range(len(places)), key=lambda each: places[each].middle[1]):
        if rows and places[index].middle[1] < places[rows[-1][0]].bottom:
            rows[-1].append(index)
        else:
            rows.append([index])
    return [index for row in rows for index in sorted(row, key=lambda each: places[each].left)]


def around(places: Iterable[Place]) -> Place:
    """The smallest place around all of them, with the tallest lettering."""
    all_ = list(places)
    return Place(
        min(each.left for each in all_),
        min(each.top for each in all_),
        max(each.right for each in all_),
        max(each.bottom for each in all_),
        max(each.height for each in all_),
    )


def gap_to_code(label: Place, code: Place, reach: float = CODE_GAP) -> float:
    """How far a barcode stands from a label's text it may be printed with; inf when too far.

    Labels stand side by side, so a step across counts double; bars are printed under or beside the
    wording rather than over it, so a step up counts double too.
    """
    across, down = max(label.across(code), 0.0), max(label.down(code), 0.0)
    above = code.bottom <= label.top
    gap = math.hypot(2 * across, 2 * down if above else down)
    return gap if gap <= reach * code.height else math.inf
