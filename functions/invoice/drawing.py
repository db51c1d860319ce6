"""What is drawn rather than set: the logo, the code to pay by, the colour."""

from __future__ import annotations

import base64
import io
import math
import re
from decimal import Decimal
from functools import lru_cache

from shared.money import Money

DEFAULT_COLOUR = "#3451d1"
# WCAG 2.2's least contrast for text, on white.
TEXT_CONTRAST = 4.5
# Of a logo: 60 mm at 300 dpi.
MOST_PIXELS = 720
# The EPC's guideline (EPC069-12): what a code can ask for.
LEAST_CENTS, MOST_CENTS = 1, 99_999_999_999


@lru_cache(maxsize=32)
def logo(content: bytes) -> str | None:
    """A PNG or JPEG as an SVG that holds it, drawn anew and no larger than print needs; None for what is none.

    As an SVG because that is text, the only thing the typesetter takes from outside.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG", "JPEG"]) as image:
            image.draft("RGB", (MOST_PIXELS * 2, MOST_PIXELS * 2))
            if image.width * image.height > 16_000_000:
                return None
            drawn = image.convert("RGBA" if image.has_transparency_data else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    drawn.thumbnail((MOST_PIXELS, MOST_PIXELS))
    file = io.BytesIO()
    drawn.save(file, "PNG")
    width, height = drawn.size
    held = base64.b64encode(file.getvalue()).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f'<image width="{width}" height="{height}" href="data:image/png;base64,{held}"/></svg>'
    )


def payment_code(name: str, iban: str, bic: str | None, amount: Money, reference: str) -> str | None:
    """The EPC's QR code for a transfer, as an SVG; None where there can be none."""
    from segno.helpers import make_epc_qr

    if amount.currency != "EUR" or not LEAST_CENTS <= amount.amount_minor <= MOST_CENTS:
        return None
    try:
        code = make_epc_qr(name[:70], iban, amount.decimal(), text=reference[:140], bic=bic, encoding="utf-8")
    except ValueError:  # an IBAN or BIC that is none
        return None
    return str(code.svg_inline(border=0))


def accent(colour: str | None) -> str:
    """The colour, darkened until white paper lets it be read; ours where there is none, or what isn't `#rrggbb`."""
    if colour is None or not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
        colour = DEFAULT_COLOUR
    channels = [Decimal(channel) for channel in bytes.fromhex(colour[1:])]
    while 1.05 / (_luminance(channels) + 0.05) < TEXT_CONTRAST:
        channels = [channel * Decimal("0.96") for channel in channels]
    return "#" + "".join(f"{int(channel):02x}" for channel in channels)


def _luminance(channels: list[Decimal]) -> float:
    """Relative luminance, from 0 to 1 (WCAG 2.2)."""
    red, green, blue = (math.pow((float(channel) / 255 + 0.055) / 1.055, 2.4) for channel in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
