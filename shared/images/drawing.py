"""What draws a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.images.refusal import cut_short, something_appended

# Real files have a few hundred. Each costs some microseconds here, and again in a decoder.
MOST_PARTS = 50_000
# What transfers and cards leave at the end of a file.
PADDING = b"\0\r\n"


@dataclass(frozen=True)
class Drawing:
    """What draws a picture. `size` is what the container promises; in HEIC and AVIF only their decoders can tell."""

    format: str
    image: bytes
    size: tuple[int, int]
    orientation: int = 1
    channels: int = 0
    scans: int = 0


def orientation(exif: bytes) -> int:
    """Which way is up, 1 to 8, by the first directory of EXIF; 1 when it doesn't say."""
    exif = exif.removeprefix(b"Exif\0\0")
    order: dict[bytes, Callable[[bytes], int]] = {
        b"II*\0": lambda number: int.from_bytes(number, "little"),
        b"MM\0*": lambda number: int.from_bytes(number, "big"),
    }
    number = order.get(exif[:4])
    if number is None:
        return 1
    start = number(exif[4:8])
    for entry in range(min(number(exif[start : start + 2]), 200)):
        place = start + 2 + 12 * entry
        if number(exif[place : place + 2]) == 0x0112:
            value = number(exif[place + 8 : place + 10])
            return value if 1 <= value <= 8 else 1
    return 1


def check_end(image: bytes, end: int) -> None:
    """Refuse a file that isn't as long as its picture; padding is none of it."""
    if end > len(image):
        raise cut_short()
    if image[end:].strip(PADDING):
        raise something_appended()
