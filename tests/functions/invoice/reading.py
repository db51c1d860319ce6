"""What somebody, or a program, finds in a PDF."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from typing import Any


def pages(pdf: bytes) -> list[str]:
    """The text of each page; spaces that don't break, and places where a word may be broken, as plain ones or none."""
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    found = [page.get_textpage().get_text_range() for page in document]
    return [re.sub("[\u200b\ufffe\x02]", "", text.replace("\r\n", "\n")).replace("\xa0", " ") for text in found]


def text(pdf: bytes) -> str:
    """The text of all pages."""
    return "\n".join(pages(pdf))


def opened(pdf: bytes) -> Any:
    """The PDF's objects (pikepdf)."""
    import pikepdf

    return pikepdf.open(io.BytesIO(pdf))


def embedded(pdf: bytes) -> bytes:
    """The XML in it. Raises `KeyError` where there is none."""
    with opened(pdf) as document:
        found: bytes = document.attachments["factur-x.xml"].get_file().read_bytes()
    return found


def metadata(pdf: bytes) -> str:
    """Its XMP packet."""
    with opened(pdf) as document:
        packet: bytes = document.Root.Metadata.read_bytes()
    return packet.decode()


def figure(written: str) -> Decimal:
    """ "1.234,50" in German as a number."""
    return Decimal(written.replace(".", "").replace(",", ".").replace("\u2212", "-"))


def pictures(pdf: bytes, dots_per_inch: int = 100) -> list[bytes]:
    """A PNG of each page, of few colours: pages are small that way."""
    import pypdfium2
    from PIL import Image

    found = []
    for page in pypdfium2.PdfDocument(pdf):
        file = io.BytesIO()
        drawn = page.render(scale=dots_per_inch / 72).to_pil().convert("RGB")
        drawn.quantize(96, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        found.append(file.getvalue())
    return found
