"""Which bytes are a logo: a whole PNG or JPEG of sane size, of which only what draws the picture is kept.

Nothing is decoded, for that takes more than this function shall load: the file is taken apart by its own lengths.
Comments, camera data and whatever else it carried stay behind, for the file will be public.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

from shared.errors import Problem

BUCKET = "logos"
MOST_BYTES = 500_000
SIDES = range(16, 2001)
KINDS = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png")}


class Logo(NamedTuple):
    """A file to store; `suffix` is png or jpg."""

    content: bytes
    media_type: str
    suffix: str


def read(content: bytes) -> Logo:
    """The logo that these bytes are, whatever they were said to be. Raises `Problem` 413, 422 `invalid_image`."""
    from shared.images.containers import opened
    from shared.images.refusal import UnreadableImage

    if len(content) > MOST_BYTES:
        raise Problem(413, "too_large", "A logo has at most 500 kB.")
    if not content.startswith((b"\x89PNG", b"\xff\xd8")):
        raise invalid("A logo is a PNG or a JPEG.")
    try:
        drawing = opened(content)
    except UnreadableImage as error:
        raise invalid(error.reason) from error
    if not all(side in SIDES for side in drawing.size):
        raise invalid("A logo is 16 to 2000 pixels wide and as many high.")
    if drawing.orientation != 1:  # what says so is left out
        raise invalid("The image is only said to be turned. Turn it, and save it upright.")
    if not (drawing.channels in (1, 3, 4) if drawing.format == "JPEG" else whole(drawing.image)):
        raise invalid("The image is damaged.")
    return Logo(drawing.image, *KINDS[drawing.format])


def whole(png: bytes) -> bool:
    """Whether there are pixels, and every chunk's checksum is right (PNG, third edition: 5.3)."""
    at, pixels = 8, False
    while at < len(png):
        kind, end = png[at + 4 : at + 8], at + 12 + int.from_bytes(png[at : at + 4])
        if zlib.crc32(png[at + 4 : end - 4]) != int.from_bytes(png[end - 4 : end]):
            return False
        at, pixels = end, pixels or kind == b"IDAT"
    return pixels


def invalid(reason: str) -> Problem:
    """422, with a sentence for whoever chose the file."""
    return Problem(422, "invalid_image", reason)
