"""Lines and codes where a test wants them, without a model."""

from __future__ import annotations

import math

from functions.detect_local.reading import Code, Corners, Line


def line(text: str, x: float, y: float, height: float = 20, score: float = 0.99) -> Line:
    """A level line, its letters about half as wide as high."""
    return Line(text, score, rectangle(x, y, 0.5 * height * len(text), height))


def code(text: str, x: float, y: float, format_: str = "ean_13", width: float = 200, height: float = 100) -> Code:
    return Code(format_, text, 0.99, rectangle(x, y, width, height), symbology=format_.upper())


def rectangle(x: float, y: float, width: float, height: float) -> Corners:
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def turned(corners: Corners, degrees: float) -> Corners:
    """About the origin, clockwise as seen in a picture, whose y axis points down."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    a, b, c, d = ((x * cos - y * sin, x * sin + y * cos) for x, y in corners)
    return a, b, c, d
