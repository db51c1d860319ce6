"""Decoded pixels to a small RGB picture, a band of rows at a time: a second large copy would not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor

from PIL import Image

BAND_PIXELS = 2_000_000
# How far bicubic resampling reaches, in pixels of the result.
REACH = 2
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Rows:
    """A picture to be read by rows: `between(first, last)` is a picture of these."""

    size: tuple[int, int]
    between: Callable[[int, int], Image.Image]


def of(picture: Image.Image) -> Rows:
    """The rows of a decoded picture."""
    return Rows(picture.size, lambda first, last: picture.crop((0, first, picture.width, last)))


def fitting(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """The size with its long side at most `longest`, at least a pixel thin."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def shrunk(rows: Rows, longest: int) -> Image.Image:
    """The picture as RGB on white, its long side at most `longest`, and nothing but its pixels."""
    width, height = rows.size
    size = fitting(rows.size, longest)
    paper = Image.new("RGB", size)
    step = height / size[1]
    reach = 0 if size == rows.size else ceil(REACH * step) + 1
    band = max(1, floor(BAND_PIXELS / width / step))
    for top in range(0, size[1], band):
        bottom = min(top + band, size[1])
        first, last = max(0, floor(top * step) - reach), min(height, ceil(bottom * step) + reach)
        box = (0, top * step - first, width, min(bottom * step, height) - first)
        strip = _flattened(rows.between(first, last))
        paper.paste(strip.resize((size[0], bottom - top), Image.Resampling.BICUBIC, box=box), (0, top))
    return paper


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turned as its EXIF says."""
    return picture.transpose(TURNS[orientation]) if orientation in TURNS else picture


def _flattened(picture: Image.Image) -> Image.Image:
    """RGB of 8 bits a channel, with white where the picture is transparent."""
    if picture.mode.startswith("I;16"):
        picture = picture.point(lambda value: value / 256, "L")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper
