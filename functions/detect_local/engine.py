"""A photo to inventory items, on this machine: no network, no key, the same answer every time."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from functions.detect_local.balloons import find_balloons
from functions.detect_local.grouping import group, in_reading_order, legible
from functions.detect_local.items import Barcode, Item, items
from functions.detect_local.reading import Code, read_codes, read_lines
from shared.images import UnreadableImage, decode

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Barcode", "Item", "Sighting", "UnreadableImage", "see"]

# Long sides in pixels. Text is read at the first; 12 megapixels would take three times as long and
# 925 MB. A small barcode may need the second.
READING_SIDE = 1600
MOST_ENLARGED = 2.0
CLOSER_SIDE = 3200

# The models use every core they are given and a photo takes some 200 MB while it is read, so
# photos take turns: two at once would each be half as fast, and in twice the memory.
_turn = Lock()


@dataclass(frozen=True)
class Sighting:
    """Items, all legible text in reading order, and the items' mean confidence (0 without any)."""

    items: list[Item]
    text: str
    confidence: float


def see(image: bytes, kind: str = "general") -> Sighting:
    """What the photo shows, by its lettering and barcodes; nothing when it shows neither.

    Of the kind `balloon` also the balloons in it, after the labels.

    Raises `UnreadableImage` for bytes that are no image within bounds (`shared.images`).
    """
    with _turn:
        closer = decode(image, CLOSER_SIDE)
        picture = _sized(closer)
        codes = _codes(picture, closer)
        lines = in_reading_order(legible(read_lines(picture)))
        balloons = find_balloons(picture) if kind == "balloon" else []
    found = items(group(lines, codes), *picture.size) + balloons
    return Sighting(
        items=found,
        text="\n".join(line.text for line in lines),
        confidence=round(sum(item.confidence for item in found) / max(len(found), 1), 4),
    )


def _codes(picture: Image.Image, closer: Image.Image) -> list[Code]:
    """Those of the picture, and the smaller ones that a closer look shows; placed in the picture.

    A code read twice is one: `group` knows it by its bars.
    """
    codes = read_codes(picture)
    if closer.width > picture.width:
        codes += read_codes(closer, scale=picture.width / closer.width)
    return codes or read_codes(picture, sharpen=True)


def _sized(picture: Image.Image) -> Image.Image:
    """A copy at the size for reading: the models miss lettering in small pictures."""
    scale = min(READING_SIDE / max(picture.size), MOST_ENLARGED)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), reducing_gap=2.0)
