"""What a balloon's colour is called. Pure: no picture and no model."""

from __future__ import annotations

import math

Lab = tuple[float, float, float]

# CIELAB (D65) of the colours that balloons are sold in: L* is lightness 0..100, a* runs from green to
# red, b* from blue to yellow. Makers name hundreds of shades; these are the ones whose names a
# customer, a decorator and a warehouse agree on. Each is the middle of what the trade sells under that
# name, lit as indoors, which is why white is not 100.
PALETTE: dict[str, Lab] = {
    "white": (94, 0, 1),
    "ivory": (89, 2, 13),
    "black": (10, 0, 0),
    "grey": (54, 0, -2),
    "silver": (76, 0, -2),
    "gold": (67, 9, 56),
    "rose gold": (59, 25, 12),
    "red": (45, 66, 43),
    "burgundy": (25, 40, 11),
    "coral": (64, 51, 33),
    "orange": (67, 40, 66),
    "peach": (82, 17, 25),
    "yellow": (86, 2, 79),
    "green": (50, -45, 30),
    "lime": (77, -30, 62),
    "mint": (85, -23, 6),
    "teal": (44, -26, -11),
    "turquoise": (72, -35, -11),
    "light blue": (79, -9, -21),
    "royal blue": (37, 20, -57),
    "navy": (19, 10, -29),
    "purple": (33, 45, -42),
    "lilac": (73, 18, -22),
    "pink": (79, 27, 0),
    "hot pink": (55, 71, -6),
    "brown": (36, 18, 23),
}
# Lightness says less than hue: the same balloon is lighter under the lamp than beside it. Chosen on
# the pictures of `local.balloons` that are for choosing.
LIGHTNESS_WEIGHT = 0.6
# CIE standard illuminant D65, 2° observer.
WHITE = (0.95047, 1.0, 1.08883)


def name(colour: Lab) -> str:
    """The palette's nearest."""
    return min(PALETTE, key=lambda each: difference(colour, PALETTE[each]))


def difference(one: Lab, other: Lab) -> float:
    """How far two colours are apart: CIE76 with lightness counting less; 2.3 is just noticeable."""
    return math.hypot(LIGHTNESS_WEIGHT * (one[0] - other[0]), one[1] - other[1], one[2] - other[2])


def hex_of(colour: Lab) -> str:
    """As sRGB, `#rrggbb` (CIE 15 for Lab to XYZ, IEC 61966-2-1 from there)."""
    lightness = (colour[0] + 16) / 116
    x, y, z = (
        white * _uncompressed(value)
        for white, value in zip(
            WHITE, (lightness + colour[1] / 500, lightness, lightness - colour[2] / 200), strict=True
        )
    )
    linear = (
        3.2406 * x - 1.5372 * y - 0.4986 * z,
        -0.9689 * x + 1.8758 * y + 0.0415 * z,
        0.0557 * x - 0.2040 * y + 1.0570 * z,
    )
    return "#" + "".join(f"{round(255 * _gamma(min(max(value, 0.0), 1.0))):02x}" for value in linear)


def _uncompressed(value: float) -> float:
    return value**3 if value > 6 / 29 else 3 * (6 / 29) ** 2 * (value - 4 / 29)


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
