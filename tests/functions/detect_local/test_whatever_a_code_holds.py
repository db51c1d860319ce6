"""Codes may hold thousands of characters of any kind: what the engine says of them always fits what detect answers."""

from __future__ import annotations

from dataclasses import asdict
from io import BytesIO

import pytest
import zxingcpp
from PIL import Image

from functions.detect.models import Sighting
from functions.detect_local.engine import see


def drawn(*texts: str | bytes) -> bytes:
    """QR codes beside one another, as PNG."""
    codes = [
        Image.fromarray(
            zxingcpp.write_barcode_to_image(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode), scale=4)
        )
        for text in texts
    ]
    paper = Image.new("L", (sum(code.width + 40 for code in codes), max(code.height for code in codes) + 40), 255)
    left = 20
    for code in codes:
        paper.paste(code, (left, 20))
        left += code.width + 40
    written = BytesIO()
    paper.save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("BEGIN:VCARD\r\nN:Vale;Robin\r\nEND:VCARD", "BEGIN:VCARD\nN:Vale;Robin\nEND:VCARD"),
        ("a\x1b[31mred", "a<ESC>[31mred"),
        ("nothing\x00here", "nothing<NUL>here"),
        ("0104012345123456\x1d10ABC", "0104012345123456<GS>10ABC"),
        ("a\rb\x7fc", "a\nb�c"),
        ("next\x85line", "next�line"),
        ("x" * 2900, "x" * 2900),
        ("наклейка 标签 😀", "наклейка 标签 😀"),
    ],
    ids=[
        "a visiting card",
        "a terminal's escape",
        "NUL",
        "a group separator",
        "others",
        "of the second block",
        "a page",
        "any letters",
    ],
)
def test_it_is_shown(text: str, shown: str) -> None:
    sighting = Sighting.model_validate(asdict(see(drawn(text))), strict=False)
    [item] = sighting.items
    assert item.barcode is not None
    assert item.barcode.text == shown
    assert "\n" not in item.name


def test_many_long_ones() -> None:
    texts = [f"{number} " + "long " * 60 for number in range(6)]
    sighting = Sighting.model_validate(asdict(see(drawn(*texts))), strict=False)
    assert 1 <= len(sighting.items) <= 6
