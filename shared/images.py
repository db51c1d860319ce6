"""Bytes to an upright picture, judged by decoding and by nothing else.

The bytes come from anyone, so everything that costs memory or time is bounded before it is spent:
the file's size, the pixels its header promises, the scans a progressive JPEG asks for.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 50_000_000
# Each scan of a progressive JPEG is a pass over all its pixels and can be a few bytes long: without
# a bound, 10 MB ask for hours. Encoders write about ten; thumbnails and gain maps bring their own.
MOST_JPEG_SCANS = 40
JPEG_SCAN = b"\xff\xda"
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


class UnreadableImage(Exception):
    """Bytes that are not a picture we read; `reason` is fixed text, never taken from the input."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(image: bytes, longest: int) -> Image.Image:
    """The picture as upright RGB on white, its long side at most `longest` pixels.

    JPEG, PNG, WebP and GIF (the first frame). Raises `UnreadableImage` for anything else, for a
    picture that is cut short, and for one above 10 MB or 50 megapixels.
    """
    if not image:
        raise UnreadableImage("The image is empty.")
    if len(image) > MOST_BYTES:
        raise UnreadableImage("The image is larger than 10 MB.")
    picture = _opened(image)
    try:
        return _flattened(_upright(_shrunk(picture, longest)))
    except Exception as error:  # a decoder fed hostile bytes raises whatever it happens to
        raise UnreadableImage("The image is damaged or cut short.") from error


def _opened(image: bytes) -> Image.Image:
    """The picture with only its header read."""
    from PIL import Image

    try:
        picture = Image.open(BytesIO(image), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage("The image has more than 50 megapixels.") from error
    except Exception as error:  # as above
        raise UnreadableImage("The file is not a JPEG, PNG, WebP or GIF image.") from error
    if picture.format not in FORMATS:  # "JPEG" admits MPO, which is several pictures in one
        raise UnreadableImage("The file is not a JPEG, PNG, WebP or GIF image.")
    if picture.width * picture.height > MOST_PIXELS:
        raise UnreadableImage("The image has more than 50 megapixels.")
    if picture.format == "JPEG" and image.count(JPEG_SCAN) > MOST_JPEG_SCANS:
        raise UnreadableImage("The JPEG has too many scans.")
    return picture


def _shrunk(picture: Image.Image, longest: int) -> Image.Image:
    """The decoded pixels, 8 bits a channel, shrunk before any conversion that would copy them."""
    from PIL import Image

    picture.draft("RGB", (longest, longest))  # a large JPEG decodes straight to a smaller size
    picture.load()
    if picture.mode.startswith("I;16"):
        picture = picture.point(lambda value: value / 256, "L")
    elif picture.mode not in ("L", "RGB", "RGBA", "CMYK"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    picture.thumbnail((longest, longest), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return picture


def _upright(picture: Image.Image) -> Image.Image:
    """Turned as its EXIF says."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # damaged EXIF says nothing about which way is up
        return picture


def _flattened(picture: Image.Image) -> Image.Image:
    """RGB, with white where the picture is transparent."""
    from PIL import Image

    if picture.mode != "RGBA":
        return picture.convert("RGB")
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper
