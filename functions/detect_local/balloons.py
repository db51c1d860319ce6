"""Balloons in a photo or drawing of a design, as inventory items: how many of which colour.

Balloons hide each other, so a count is a range: from those that can be made out to those that the
balloon-coloured rest between them has room for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from functions.detect_local.colours import Lab, difference, hex_of, name
from functions.detect_local.discs import Disc, discs, searched
from functions.detect_local.items import Box, Item

if TYPE_CHECKING:
    from PIL import Image

# Balloons of one paint differ by less than ALIKE (see `difference`) from the next, in light and shade.
ALIKE = 7.0
# Balloons whose middles are nearer than this many times their radii together stand in one cluster.
TOUCHING = 1.3
# How far around a balloon, in its radii, others of the design are looked for.
AROUND = 2.0
OWN = 1.08  # up to here it is the balloon's own rim
# Below this chroma walls and shadows are coloured like balloons: nothing is made of what is left.
COLOURED = 12.0
# Of a disc at least the first part must be left for one more balloon; half-hidden ones show the other.
LEAST_LEFT, USUALLY_LEFT = 0.05, 0.6
# What is left has the paint's hue, this nearly, and its lightness in shade or light.
SAME_PAINT, DARKEST, LIGHTEST = 6.0, 0.45, 1.2
# A colour with more left than one more for each balloon made out in it is the background's as well.
MOST_HIDDEN = 1
# Where nothing is coloured: the part of a design that is usually hidden.
USUALLY_HIDDEN = 0.25
# Fewest, likeliest and most balloons: so many for each one made out, so many for each one with room.
# Fitted to 160 designs drawn for choosing: the range holds nine of ten, at less than half the count's width.
RANGE = ((0.9, 0.0), (1.0, 0.85), (1.2, 1.0))
# How often a colour that is said was there, measured on the same designs: 191 times of 195 where one of
# its balloons is proof (see `discs`) and others follow, 19 of 25 where that one is all, 35 of 42 without
# proof. One without proof was right 5 times of 35 and is not said.
PROVEN, ALONE, LIKELY = 0.98, 0.76, 0.83


@dataclass(frozen=True)
class Paint:
    """The balloons of one colour, and how many more of it may be hidden."""

    name: str
    colour: Lab
    discs: list[Disc]
    hidden: float


def find_balloons(picture: Image.Image) -> list[Item]:
    """One item for each named colour of balloon in an RGB picture, the most numerous first.

    `tags`: `colour:pink`, `hex:#f4a6c1`, `shape:round`, `count:34-42` (of this colour),
    `total:80-101` (of all colours; every item says it) and `clusters:3` (groups that stand apart and
    have this colour). `quantity` is the best guess within the count.
    """
    lab = searched(picture)
    paints = _paints(lab, discs(lab))
    found = [disc for paint in paints for disc in paint.discs]
    total = count_range(len(found), sum(paint.hidden for paint in paints))
    found_items = [_item(paint, found, total, lab.shape[1], lab.shape[0]) for paint in paints]
    return sorted(found_items, key=lambda item: (-item.quantity, item.name))


def count_range(seen: int, hidden: float) -> tuple[int, int, int]:
    """Fewest, likeliest and most balloons where `seen` are made out and `hidden` more have room."""
    fewest, likeliest, most = (round(seen * made_out + hidden * room) for made_out, room in RANGE)
    return max(1, fewest), likeliest, most


def _gap(one: Disc, other: Disc) -> float:
    """The distance of the middles, in the radii of both."""
    return math.dist((one.x, one.y), (other.x, other.y)) / (one.radius + other.radius)


def groups(things: Sequence[Any], near: Callable[[Any, Any], bool]) -> list[list[Any]]:
    """The things in groups: whatever a chain of near ones joins (DBSCAN where one is dense enough)."""
    left, found = list(things), []
    while left:
        group = [left.pop(0)]
        for each in group:  # grows while it is walked
            group += [other for other in left if near(each, other)]
            left = [other for other in left if not near(each, other)]
        found.append(group)
    return found


def _paints(lab: Any, found: Sequence[Disc]) -> list[Paint]:
    """The discs by colour, with how many more of each may be hidden."""
    named: dict[str, list[Disc]] = {}
    for group in groups(found, lambda one, other: difference(one.colour, other.colour) < ALIKE):
        named.setdefault(name(_middle(group)), []).extend(group)
    named = {called: group for called, group in named.items() if len(group) > 1 or group[0].proof}
    found = [disc for group in named.values() for disc in group]
    colours = [_middle(group) for group in named.values()]
    paints = [
        Paint(called, colour, group, min(hidden, MOST_HIDDEN * len(group)))
        for (called, group), colour, hidden in zip(named.items(), colours, _left_over(lab, found, colours), strict=True)
    ]
    coloured = [paint for paint in paints if _chroma(paint.colour) >= COLOURED]
    seen = sum(len(paint.discs) for paint in coloured)
    usual = sum(paint.hidden for paint in coloured) / seen if seen else USUALLY_HIDDEN
    return [paint if paint in coloured else replace(paint, hidden=usual * len(paint.discs)) for paint in paints]


def _item(paint: Paint, found: Sequence[Disc], total: tuple[int, int, int], width: int, height: int) -> Item:
    fewest, likeliest, most = count_range(len(paint.discs), paint.hidden)
    clusters = groups(found, lambda one, other: _gap(one, other) <= TOUCHING)
    standing = sum(any(disc in paint.discs for disc in cluster) for cluster in clusters)
    return Item(
        name=f"{paint.name} balloon".capitalize(),
        type="balloon",
        quantity=likeliest,
        confidence=_confidence(paint.discs),
        barcode=None,
        text=None,
        box=_box(paint.discs, width, height),
        tags=[
            f"count:{fewest}-{most}",
            f"total:{total[0]}-{total[2]}",
            f"colour:{paint.name}",
            f"hex:{hex_of(paint.colour)}",
            "shape:round",
            f"clusters:{standing}",
        ],
    )


def _confidence(found: Sequence[Disc]) -> float:
    """How likely there are balloons of this colour."""
    if not any(disc.proof for disc in found):
        return LIKELY
    return PROVEN if len(found) > 1 else ALONE


def _box(found: Sequence[Disc], width: int, height: int) -> Box:
    left, right = (
        min(max(edge / width, 0.0), 1.0)
        for edge in (min(disc.x - disc.radius for disc in found), max(disc.x + disc.radius for disc in found))
    )
    top, bottom = (
        min(max(edge / height, 0.0), 1.0)
        for edge in (min(disc.y - disc.radius for disc in found), max(disc.y + disc.radius for disc in found))
    )
    return round(left, 4), round(top, 4), round(right - left, 4), round(bottom - top, 4)


def _chroma(colour: Lab) -> float:
    return math.hypot(*colour[1:])


def _middle(found: Sequence[Disc]) -> Lab:
    """The median colour."""
    import numpy as np

    lightness, a, b = np.median([disc.colour for disc in found], axis=0)
    return float(lightness), float(a), float(b)


def _left_over(lab: Any, found: Sequence[Disc], colours: Sequence[Lab]) -> list[float]:
    """For each colour, how many more balloons the pixels in it have room for, beside those found."""
    import cv2
    import numpy as np

    if len(found) < 2:  # alone, it hides nothing
        return [0.0] * len(colours)
    small = cv2.resize(lab, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    open_ = np.zeros(small.shape[:2], np.uint8)
    for reach, value in ((AROUND, 1), (OWN, 0)):
        for disc in found:
            cv2.circle(open_, (round(disc.x / 2), round(disc.y / 2)), round(disc.radius * reach / 2), value, cv2.FILLED)
    usual = math.pi * (float(np.median([disc.radius for disc in found])) / 2) ** 2
    rooms = []
    for colour in colours:
        light = small[..., 0] / max(colour[0], 5.0)  # shade takes chroma along with lightness
        away = small[..., 1:] - np.array(colour[1:], np.float32) * light[..., None]
        alike = (np.linalg.norm(away, axis=2) < SAME_PAINT) & (light > DARKEST) & (light < LIGHTEST)
        left = (alike & (open_ > 0)).astype(np.uint8)
        areas = cv2.connectedComponentsWithStats(left)[2][1:, cv2.CC_STAT_AREA] / usual
        open_[left > 0] = 0
        rooms.append(float(np.ceil(areas[areas > LEAST_LEFT] / USUALLY_LEFT).sum()))
    return rooms
