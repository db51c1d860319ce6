"""HEIC and AVIF, decoded in a process of their own that the kernel bounds.

Both can ask their decoders for far more than their headers say (a small picture made of a thousand large ones, frames
larger than promised), and neither decoder can be told to stop. A process can: at so much memory, at so many seconds.
It is a program started anew rather than a fork, which would copy the locks of other threads in whatever state.
"""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO
from typing import TYPE_CHECKING

from shared.images.refusal import UnreadableImage, too_large

if TYPE_CHECKING:
    from PIL import Image

MOST_SECONDS = 8
# Of data, beside some 20 MB of code that both processes share: the other one needs its own part of 512 MB.
MOST_MEMORY = 360 * 1024 * 1024
# It finds what this process finds, without looking for it again, and inherits nothing else.
PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from shared.images.apart import main; main()"

DAMAGED, TOO_MANY_PIXELS, TOO_HEAVY = 3, 4, 5


def decoded(image: bytes, format_: str, longest: int, megapixels: int) -> Image.Image:
    """The picture as upright RGB on white, its long side at most `longest`."""
    from PIL import Image

    command = [sys.executable, "-I", "-S", "-c", PROGRAM, json.dumps(sys.path), format_, str(longest), str(megapixels)]
    try:
        run = subprocess.run(  # noqa: S603 - the program is ours; the image goes through its standard input
            command, input=image, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=MOST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableImage("The image takes too long to decode.") from error
    if run.returncode == TOO_MANY_PIXELS:
        raise too_large(megapixels, format_)
    if run.returncode in (TOO_HEAVY, -6):  # a decoder that aborts does so for want of memory
        raise UnreadableImage("The image takes too much memory to decode: smaller or as a JPEG it would not.")
    if run.returncode != 0:
        raise UnreadableImage("The image is damaged or cut short.")
    size = int.from_bytes(run.stdout[:4]), int.from_bytes(run.stdout[4:8])
    return Image.frombytes("RGB", size, memoryview(run.stdout)[8:])


def main() -> None:
    """Read the image from standard input, write its size and its pixels."""
    format_, longest, megapixels = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    image = sys.stdin.buffer.read()
    _bound()
    try:
        picture = (_heic if format_ == "HEIC" else _avif)(image, longest, megapixels * 1_000_000)
    except OverflowError:
        sys.exit(TOO_MANY_PIXELS)
    except Exception as error:
        sys.exit(TOO_HEAVY if isinstance(error, MemoryError) or "memory" in str(error).lower() else DAMAGED)
    sys.stdout.buffer.write(picture.width.to_bytes(4) + picture.height.to_bytes(4))
    sys.stdout.buffer.write(picture.tobytes())


def _bound() -> None:
    """Have the kernel refuse memory and time beyond the bounds; where it can't, only the clock counts."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        return


def _heic(image: bytes, longest: int, most_pixels: int) -> Image.Image:
    """Straight from the decoder's own memory: it has turned the picture as its properties say."""
    import pi_heif
    from PIL import Image

    from shared.images import pixels

    pi_heif.options.DECODE_THREADS = 1  # each would hold pictures of its own
    file = pi_heif.open_heif(BytesIO(image), convert_hdr_to_8bit=True, remove_stride=False)
    picture = file[file.primary_index]
    if picture.size[0] * picture.size[1] > most_pixels:
        raise OverflowError
    data, mode, stride, (width, height) = picture.data, picture.mode, picture.stride, picture.size

    def between(first: int, last: int) -> Image.Image:
        part = data[first * stride : last * stride]
        return Image.frombuffer(mode, (width, last - first), part, "raw", mode, stride, 1)

    return pixels.shrunk(pixels.Rows((width, height), between), longest)


def _avif(image: bytes, longest: int, most_pixels: int) -> Image.Image:
    """By Pillow, which says in EXIF how the picture's properties turn it."""
    from PIL import AvifImagePlugin

    from shared.images import pixels
    from shared.images.drawing import orientation

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    picture = AvifImagePlugin.AvifImageFile(BytesIO(image))
    if picture.width * picture.height > most_pixels:
        raise OverflowError
    picture.load()
    return pixels.upright(pixels.shrunk(pixels.of(picture), longest), orientation(picture.info.get("exif", b"")))
