"""Words, numbers, days, colours and fonts."""

from __future__ import annotations

import inspect
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from functions.invoice import fonts, wording
from functions.invoice.document import Party
from functions.invoice.drawing import TEXT_CONTRAST, accent, payment_code
from functions.invoice.letters import addressed, aligned, grouped
from functions.invoice.wording import MINUS, Words
from functions.quote_generator import scheduling
from shared.money import Money

ENGLISH, GERMAN, FRENCH = (Words(language, "EUR", "DE") for language in ("en", "de", "fr"))


def leaves(value: Any, at: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        return {path: text for name, each in value.items() for path, text in leaves(each, f"{at}.{name}").items()}
    return {at: value}


class TestWords:
    def test_every_language_has_the_same_words_with_the_same_gaps(self) -> None:
        english, german, french = (leaves(wording._labels(language)) for language in ("en", "de", "fr"))
        english |= {path: "" for path in german if path.startswith(".excluded.")}
        assert english.keys() == german.keys() == french.keys()
        for path in german:
            gaps = set(re.findall(r"{\w+}", german[path]))
            assert set(re.findall(r"{\w+}", french[path])) == gaps, path
            assert set(re.findall(r"{\w+}", english[path])) == gaps, path

    def test_every_stage_of_a_quote_has_its_words(self) -> None:
        named = re.findall(r'\("(\w+)", ', inspect.getsource(scheduling.timeline))
        assert {"sampling", "quality_check", "packing"} <= set(named)
        for words in (ENGLISH, GERMAN, FRENCH):
            assert all(words.known("stage", each) != each for each in named)

    def test_everything_that_is_excluded_by_a_quote_has_its_words(self) -> None:
        from functions.quote_generator.quoting import EXCLUDED

        for words in (GERMAN, FRENCH):
            for each in {text for texts in EXCLUDED.values() for text in texts}:
                assert words.known("excluded", each) != each

    @pytest.mark.parametrize(
        ("minor", "currency", "english", "german", "french"),
        [
            (123_456_789, "EUR", "1,234,567.89", "1.234.567,89", "1\u202f234\u202f567,89"),
            (-5, "USD", f"{MINUS}0.05", f"{MINUS}0,05", f"{MINUS}0,05"),
            (1_234, "JPY", "1,234", "1.234", "1\u202f234"),
            (1_234_567, "BHD", "1,234.567", "1.234,567", "1\u202f234,567"),
        ],
    )
    def test_amounts(self, minor: int, currency: str, english: str, german: str, french: str) -> None:
        written = [words.amount(minor, currency) for words in (ENGLISH, GERMAN, FRENCH)]
        assert written == [english, german, french]

    def test_numbers_days_and_countries(self) -> None:
        assert GERMAN.number(Decimal("1250.500")) == "1.250,5"
        assert ENGLISH.number(Decimal("1E+3")) == "1,000"
        assert FRENCH.percent(Decimal("5.50")) == "5,5\u202f%"
        assert ENGLISH.day(date(2027, 3, 3)) == "3 March 2027"
        assert FRENCH.country("AE") == "Émirats arabes unis"
        assert GERMAN.country("QQ") == "QQ"
        assert Words("en", "AUD", "AU").taxed("rate") == "Tax"


class TestLetters:
    def test_an_address_abroad_ends_with_the_country(self) -> None:
        party = Party(name="Aoyama", contact="Yui", address="A\n\nB ", postcode="107", city="Tokyo", country="JP")
        assert addressed(party, ENGLISH, abroad=True) == ["Aoyama", "Attn. Yui", "A", "B", "Tokyo 107", "JAPAN"]
        assert addressed(Party(name="X", country="DE"), GERMAN, abroad=False) == ["X"]

    def test_decimal_points_stand_below_one_another(self) -> None:
        shown = aligned(["1.250", "4,5", "", "0,333"], GERMAN)
        assert [each["lacks"] for each in shown] == [",333", "33", "", ""]

    def test_an_iban_is_grouped(self) -> None:
        assert grouped("DE89 37040044 0532013000") == "DE89 3704 0044 0532 0130 00"


class TestDrawing:
    @pytest.mark.parametrize("colour", [None, "#ffffff", "#ffee00", "#00ff88", "#3451d1", "#000000", "red", "#12345"])
    def test_the_colour_can_always_be_read(self, colour: str | None) -> None:
        chosen = accent(colour)
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in (channel / 255 for channel in bytes.fromhex(chosen[1:]))
        ]
        luminance = sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))
        assert 1.05 / (luminance + 0.05) >= TEXT_CONTRAST - 0.01
        if colour in ("#3451d1", "#000000"):
            assert chosen == colour

    def test_the_code_to_pay_by_says_what_the_invoice_does(self) -> None:
        import io

        import zxingcpp
        from PIL import Image
        from segno.helpers import make_epc_qr

        arguments = ("Störk & Söhne", "DE89370400440532013000", "COBADEFFXXX", Money(119_005, "EUR"), "2026-00042")
        assert payment_code(*arguments) is not None
        file = io.BytesIO()
        code = make_epc_qr(arguments[0], arguments[1], Decimal("1190.05"), arguments[4], bic=arguments[2], encoding=1)
        code.save(file, "png", scale=4)
        (read,) = zxingcpp.read_barcodes(Image.open(file))
        assert read.text.split("\n") == [
            *("BCD", "002", "1", "SCT", "COBADEFFXXX", "Störk & Söhne", "DE89370400440532013000", "EUR1190.05"),
            *("", "", "2026-00042"),
        ]

    @pytest.mark.parametrize(
        ("iban", "amount"),
        [
            ("DE1", Money(1, "EUR")),
            ("DE89370400440532013000", Money(1, "USD")),
            ("DE89370400440532013000", Money(0, "EUR")),
        ],
    )
    def test_there_is_no_code_for_what_no_bank_takes(self, iban: str, amount: Money) -> None:
        assert payment_code("Studio", iban, None, amount, "1") is None


class TestFonts:
    def test_what_is_taken_for_plain_is_in_the_first_font(self) -> None:
        plain = {code for code in range(0x20, 0x2FFF) if fonts.PLAIN.fullmatch(chr(code))}
        assert len(plain) > 300
        assert plain <= fonts._characters(*fonts.FILES[0])

    @pytest.mark.parametrize(
        "text",
        [
            "ÀÿŁőřșțžẞ ặữỹ",
            "Ελληνικά ΰᾷ",
            "Кириллица ЂЇҐӘ ѣ",
            "العربية ﻻ پچژگ ۱۲۳",
            "עִבְרִית",
            "中文 漢字 日本語 かな 한국어",
            "हिन्दी",
            "ภาษาไทย",
            "€£¥₹₽₺₩ №™ ½ × ÷ ≤ → ✓",
            "e̋ q̃ x̄",
        ],
    )
    def test_no_letter_is_missing(self, text: str) -> None:
        assert fonts.UNKNOWN not in fonts.printable(text)
        assert len(fonts.printable(text)) >= len(text) - 1

    def test_chinese_characters_are_drawn_as_the_reader_knows_them(self) -> None:
        last = [fonts.families(country)[-1] for country in ("CN", "JP", "KR", "TW", "HK", "DE")]
        assert last == [f"Noto Sans CJK {place}" for place in ("SC", "JP", "KR", "TC", "HK", "SC")]

    def test_every_family_is_found(self) -> None:
        assert set(fonts.families("JP")) <= set(fonts.fonts().families())
