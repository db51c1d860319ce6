"""Text and pictures by people who don't mean well: set as they stand, or left out; never run, never endless."""

from __future__ import annotations

import io
import time

import pytest
from PIL import Image

from functions.invoice.document import Content
from functions.invoice.drawing import logo
from functions.invoice.einvoice import to_xml
from functions.invoice.fonts import printable, right_to_left
from functions.invoice.rendering import render
from tests.functions.invoice.making import BREWERY, STUDIO, content, line
from tests.functions.invoice.reading import opened, text
from tests.functions.invoice.studios import logo as mark
from tests.functions.invoice.validating import broken_rules

MARKUP = [
    '#panic("!")',
    '#eval("1") #include "/etc/passwd" #image(\'x\')',
    "*bold* _it_ `raw` $x^2$ = head @ref <label> // gone /* too */",
    "#sys.inputs.data",
    'a "quoted" \\u{41} \\n {json: "x"} ]}',
    "<script>alert(1)</script> & ]]> <!-- -->",
    "<svg onload=alert(1)>",
]


def everywhere(words: str) -> Content:
    """An invoice that says these words wherever somebody can write any."""
    seller = STUDIO.model_copy(
        update={name: words for name in ("name", "contact", "city", "footer", "registration", "tax_number")}
    )
    buyer = BREWERY.model_copy(update={name: words for name in ("name", "contact", "address", "city", "postcode")})
    return content(
        [line(words, 119_000, unit=words[:20], detail=words)],
        seller=seller,
        buyer=buyer,
        order_number=words[:60],
        notes=[words, words],
        reason=words,
    )


class TestText:
    @pytest.mark.parametrize("words", MARKUP)
    def test_markup_is_set_as_it_stands(self, words: str) -> None:
        made = everywhere(words)
        found = text(render(made, logo=None, paid_on=None)).replace("\n", "").replace(" ", "")
        assert found.count(words.replace(" ", "")) >= 8
        assert broken_rules(to_xml(made)) == []

    @pytest.mark.parametrize(
        "words",
        [
            "W" * 500,
            "name " * 100,
            "-" * 400,
            "a" * 20_000,
            "Z" + "\u0301\u0489\u0321" * 500 + "algo",
            "\u202e\u202d\u2066" * 200 + "abc",
            "\x00\x07\x1b[31mred\x85\u2028\u2029",
            "😀🎈👩‍👩‍👧\ufe0f" * 50 + "Studio",
            "\U000e0041\ufdd0\uffff\ue000x",
            "ﷺ" * 100,
            "ᚠᚢᚦ አማርኛ বাংলা ქართული",
            "\u200b\u00ad\u2060\u180e\ufeff-",
            "שלום abc (1) 123 \u200f\u200e!",
            "लाल गुब्बारे ลูกโป่ง",
            "<svg \u202e🎈ᚠ",
            "🎈",
        ],
        ids=lambda words: ascii(words[:8]),
    )
    def test_no_text_is_too_strange_to_be_set(self, words: str) -> None:
        made = everywhere(words)
        began = time.perf_counter()
        pdf = render(made, logo=None, paid_on=None)
        assert time.perf_counter() - began < 15  # 0.2 to 1 second alone on a processor
        assert "Amount due EUR 1,190.00" in text(pdf)
        document = opened(pdf)
        assert document.check_pdf_syntax() == []

    def test_directions_are_found_from_letters_not_from_overrides(self) -> None:
        assert printable("Invoice \u202e00,1\u202c EUR\u2066") == "Invoice 00,1 EUR"
        assert right_to_left("123 – بالون")
        assert not right_to_left("Balloon بالون")

    def test_marks_are_kept_to_as_many_as_people_write(self) -> None:
        assert printable("Z" + "\u0301" * 300 + "x") == "Ź" + "\u0301" * 3 + "x"
        assert printable("e\u0301") == "é"

    def test_what_no_font_shows_is_replaced_or_left_out(self) -> None:
        assert printable("🎈 Studio") == " Studio"
        assert printable("ᚠx\x07\ue000") == "\ufffdx"


class TestLogo:
    def test_a_logo_is_drawn(self) -> None:
        with_it, without = (render(everywhere("x"), logo=each, paid_on=None) for each in (mark("#0f766e"), None))
        assert images(with_it) == images(without) + 2  # the picture, and what of it can be seen through

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\x89PNG broken",
            mark("#0f766e")[:900],
            b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
            b"GIF89a" + bytes(64),
            b"\xff\xd8\xff\xe0" + bytes(200),
            b"%PDF-1.7",
        ],
        ids=["empty", "png", "cut", "svg", "gif", "jpeg", "pdf"],
    )
    def test_bytes_that_are_no_picture_are_left_out(self, content: bytes) -> None:
        assert logo(content) is None
        assert images(render(everywhere("x"), logo=content, paid_on=None)) == images(
            render(everywhere("x"), logo=None, paid_on=None)
        )

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
    def test_every_kind_of_picture_is_drawn(self, mode: str) -> None:
        file = io.BytesIO()
        Image.new(mode, (300, 90)).save(file, "JPEG" if mode == "CMYK" else "PNG")
        assert images(render(everywhere("x"), logo=file.getvalue(), paid_on=None)) > 0

    def test_a_picture_of_too_many_pixels_is_left_out(self) -> None:
        file = io.BytesIO()
        Image.new("1", (20_000, 20_000)).save(file, "PNG")
        assert logo(file.getvalue()) is None


def images(pdf: bytes) -> int:
    """How many pictures of pixels are in it."""
    document = opened(pdf)
    return sum(1 for each in document.objects if hasattr(each, "get") and each.get("/Subtype") == "/Image")
