"""A workspace's colour, made fit to be read: contrast as WCAG 2.2 defines it."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT = "#3451d1"
# Where contrast is least: by day on the page, by night on the card.
LIGHT_GROUND = "#f4f5f7"
DARK_GROUND = "#17191f"
WHITE, INK, BLACK = "#ffffff", "#14161b", "#000000"
TEXT_CONTRAST = 4.5
BUTTON_CONTRAST = 1.3  # a button is known by its text: the brand's own yellow beats a readable olive


@dataclass(frozen=True, slots=True)
class Palette:
    """The colour on one ground. `accent` fills a button, `on_accent` is read on it; `link` is read on the ground."""

    accent: str
    on_accent: str
    link: str


def palettes(colour: str | None) -> tuple[Palette, Palette]:
    """For a light and a dark mail. Raises `ValueError` for what isn't `#rrggbb`."""
    colour = DEFAULT if colour is None else colour
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
        raise ValueError("a colour is written #rrggbb")
    return _palette(colour.lower(), LIGHT_GROUND), _palette(colour.lower(), DARK_GROUND)


def contrast(one: str, other: str) -> float:
    """From 1 (alike) to 21 (black and white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _palette(colour: str, ground: str) -> Palette:
    accent = _apart(colour, ground, BUTTON_CONTRAST)
    # White is what people expect on a button; where it can't be read, ink; in the narrow band between, black.
    on_accent = next(ink for ink in (WHITE, INK, BLACK) if contrast(ink, accent) >= TEXT_CONTRAST)
    return Palette(accent, on_accent, _apart(colour, ground, TEXT_CONTRAST))


def _apart(colour: str, ground: str, wanted: float) -> str:
    """The colour nearest to this one that has the contrast, on its way to black or white."""
    target = BLACK if _luminance(ground) > 0.5 else WHITE
    steps = (_mixed(colour, target, step / 50) for step in range(51))
    return next(step for step in steps if contrast(step, ground) >= wanted)


def _mixed(colour: str, target: str, part: float) -> str:
    pairs = zip(_channels(colour), _channels(target), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _luminance(colour: str) -> float:
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))
