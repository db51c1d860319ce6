"""The one place where bytes from anyone become a picture, and where a picture becomes bytes that may leave.

Everything that costs memory or time is bounded before it is spent: the file's size, the pixels its header promises,
the scans of a JPEG. `containers` takes a file apart and hands on only what draws, so the decoders meet no metadata,
no second picture and nothing appended. HEIC and AVIF can ask for more than their headers say, so they are decoded in
a process of their own, which the kernel bounds (`apart`). docs/decisions/0007-images.md has the figures.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from shared.images.containers import opened
from shared.images.refusal import UnreadableImage, too_large

if TYPE_CHECKING:
    from PIL import Image

    from shared.images.drawing import Drawing

__all__ = ["MOST_BYTES", "MOST_MEGAPIXELS", "UnreadableImage", "decode", "jpeg"]

MOST_BYTES = 10 * 1024 * 1024
# What can be decoded within 512 MB, whole process (docs/decisions/0007-images.md). HEIC and AVIF of more than 8 bits,
# of full colour resolution or with transparency need more; there the kernel draws the line.
MOST_MEGAPIXELS = {
    "JPEG": 50,
    "CMYK JPEG in several scans": 32,  # until the last scan is read: 2 bytes a pixel and channel
    "PNG": 50,
    "WebP": 24,  # Pillow reads any WebP as an animation: four canvases of 4 bytes a pixel
    "GIF": 50,
    "HEIC": 50,
    "AVIF": 36,  # Pillow holds it three times: planes, interleaved, as an image
}
# Longer ones are no photos, and resampling needs memory for each pixel of a side. What a JPEG can have.
MOST_SIDE = 65_535
# Each scan is a pass over all pixels and can be a few bytes long: without a bound, 10 MB ask for hours. Encoders
# write about ten, and up to 18 for CMYK.
MOST_JPEG_SCANS = 24

# Pillow allocates images in blocks. Those above 32 MB the C library takes from the system and gives back at once;
# smaller ones it may keep for the thread that had them, and the next thread's picture comes on top.
BLOCK = 64 * 1024 * 1024

# One picture at a time: the bounds are those of one, and several threads may call.
_turn = Lock()


def decode(image: bytes, longest: int) -> Image.Image:
    """The picture as upright RGB on white, its long side at most `longest` pixels.

    JPEG, PNG, WebP, GIF, HEIC and AVIF; of an animation the first frame. Raises `UnreadableImage` for anything else,
    for a picture that is damaged or cut short, carries something else along, or is above the bounds. Those are
    measured for a `longest` of up to 3200.
    """
    if not image:
        raise UnreadableImage("The image is empty.")
    if len(image) > MOST_BYTES:
        raise UnreadableImage("The image is larger than 10 MB.")
    with _turn:
        drawing = opened(image)
        if drawing.format in ("HEIC", "AVIF"):
            from shared.images import apart

            return apart.decoded(drawing.image, drawing.format, longest, MOST_MEGAPIXELS[drawing.format])
        _check(drawing)
        return _drawn(drawing, longest)


def jpeg(picture: Image.Image, longest: int, quality: int = 90) -> bytes:
    """A JPEG of its pixels and of nothing else, its long side at most `longest`; never enlarged."""
    from shared.images import pixels

    small = pixels.shrunk(pixels.of(picture), longest)
    out = BytesIO()
    small.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def _check(drawing: Drawing) -> None:
    """Refuse what would take more than there is, before anything is decoded."""
    width, height = drawing.size
    if not (width and height):
        raise UnreadableImage("The image has no pixels.")
    kind = "CMYK JPEG in several scans" if drawing.channels == 4 and drawing.scans > 1 else drawing.format
    if width * height > MOST_MEGAPIXELS[kind] * 1_000_000:
        raise too_large(MOST_MEGAPIXELS[kind], kind)
    if max(width, height) > MOST_SIDE:
        raise UnreadableImage("The image has a side of more than 65535 pixels.")
    if drawing.scans > MOST_JPEG_SCANS:
        raise UnreadableImage("The JPEG has too many scans.")


def _drawn(drawing: Drawing, longest: int) -> Image.Image:
    """The picture, by the one decoder that its container asks for: none is left to guess."""
    from PIL import GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    from shared.images import pixels

    decoders: dict[str, Callable[[BytesIO], Image.Image]] = {
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "WebP": WebPImagePlugin.WebPImageFile,
        "GIF": GifImagePlugin.GifImageFile,
    }
    Image.core.set_block_size(BLOCK)  # type: ignore[attr-defined]  # as Pillow documents it
    try:
        picture = decoders[drawing.format](BytesIO(drawing.image))
        # A large JPEG decodes straight to a smaller size.
        picture.draft("RGB", pixels.fitting(picture.size, longest))
        picture.load()
        return pixels.upright(pixels.shrunk(pixels.of(picture), longest), drawing.orientation)
    except Exception as error:  # a decoder fed hostile bytes raises whatever it happens to
        raise UnreadableImage("The image is damaged or cut short.") from error
