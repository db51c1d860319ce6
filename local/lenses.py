"""What happens to a picture between the thing and the file: held askew, out of focus, in the dark. Pure.

Each takes a picture and gives another; what is random is drawn from the seed it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

TABLE = (120, 106, 90)


def turned(picture: Image.Image, quarters: int) -> Image.Image:
    """The camera held on its side or upside down: so many quarter turns counter-clockwise."""
    from PIL import Image

    ways = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    return picture.transpose(ways[quarters - 1])


def askew(picture: Image.Image, degrees: float) -> Image.Image:
    """Not held level."""
    from PIL import Image

    return picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=TABLE)


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    """Out of focus."""
    from PIL import ImageFilter

    return picture.filter(ImageFilter.GaussianBlur(radius))


def shaken(picture: Image.Image, length: int) -> Image.Image:
    """Moved sideways while the shutter was open, by so many pixels."""
    import cv2
    import numpy as np
    from PIL import Image

    return Image.fromarray(cv2.blur(np.asarray(picture), (length, 1)))


def noisy(picture: Image.Image, spread: float, seed: int) -> Image.Image:
    """A small sensor: noise of this standard deviation, in levels of 255."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(picture, np.float32)
    noise = np.random.default_rng(seed).standard_normal(pixels.shape, np.float32) * spread
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def dark(picture: Image.Image, light: float, seed: int) -> Image.Image:
    """Little light, and the noise that comes with it."""
    from PIL import ImageEnhance

    return noisy(ImageEnhance.Brightness(picture).enhance(light), 4, seed)


def pale(picture: Image.Image, contrast: float) -> Image.Image:
    """Behind glass or in fog."""
    from PIL import ImageEnhance

    return ImageEnhance.Contrast(picture).enhance(contrast)


def glaring(picture: Image.Image, x: float, y: float, size: float) -> Image.Image:
    """A lamp mirrored around a spot; all three in fractions of the width or height."""
    from PIL import Image, ImageOps

    side = round(size * picture.width)
    lamp = ImageOps.invert(Image.radial_gradient("L")).resize((side, side))
    lit = picture.copy()
    lit.paste((255, 255, 250), (round(x * picture.width - side / 2), round(y * picture.height - side / 2)), lamp)
    return lit


def from_the_side(picture: Image.Image, corners: Sequence[tuple[float, float]]) -> Image.Image:
    """In perspective: the picture's corners, clockwise from the upper left, moved to these.

    They are fractions of the width and height.
    """
    import cv2
    import numpy as np
    from PIL import Image

    size = np.array(picture.size, np.float32)
    whole = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32) * size
    matrix = cv2.getPerspectiveTransform(whole, np.array(corners, np.float32) * size)
    seen = cv2.warpPerspective(
        np.asarray(picture),
        matrix,
        picture.size,
        flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=TABLE,
    )
    return Image.fromarray(seen)


def scaled(picture: Image.Image, factor: float) -> Image.Image:
    """Nearer or farther."""
    from PIL import Image

    width, height = (max(1, round(side * factor)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)
