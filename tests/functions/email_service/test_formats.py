"""Money to its last digit, and something readable for every locale there is."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from babel import localedata

from functions.email_service.formats import Formats
from functions.email_service.templates.fields import MailAmount
from shared.money import CURRENCIES

LOCALES = [locale.replace("_", "-") for locale in localedata.locale_identifiers()]
# As a workspace may have it.
POSSIBLE = [locale for locale in LOCALES if re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", locale)]


def of(locale: str = "en") -> Formats:
    return Formats.of(locale, "UTC")


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_money_keeps_every_digit(currency: str) -> None:
    """Also where locale data would round to what cash there is."""
    for minor in (0, 5, 105, 123456789, -123456789, 10**15):
        for locale in ("en", "de", "fr-CH", "ja"):
            said = of(locale).money(MailAmount(amount_minor=minor, currency=currency))
            assert int(re.sub(r"\D", "", said)) == abs(minor), said
            assert (minor < 0) == bool(re.search("[-−]", said)), said


@pytest.mark.parametrize(
    ("locale", "currency", "said"),
    [
        ("en", "USD", "$1,234,567.89"),
        ("de", "EUR", "1.234.567,89\xa0€"),
        ("fr", "EUR", "1\u202f234\u202f567,89\xa0€"),
        ("de-CH", "CHF", "CHF\xa01’234’567.89"),
        ("ja", "JPY", "¥123,456,789"),
        ("en-IN", "INR", "₹12,34,567.89"),
        ("en", "KWD", "KWD\xa0123,456.789"),
    ],
)
def test_money_is_written_as_its_locale_does(locale: str, currency: str, said: str) -> None:
    written = of(locale).money(MailAmount(amount_minor=123456789, currency=currency))
    assert written.replace("￥", "¥") == said


def test_nothing_is_said_of_what_is_not_there() -> None:
    assert (of().money(None), of().day(None), of().long_day(None), of().number(None)) == ("", "", "", "")


def test_every_possible_locale_can_be_written_in() -> None:
    assert len(POSSIBLE) > 500
    for locale in POSSIBLE:
        formats = of(locale)
        assert formats.locale.language == locale.partition("-")[0]
        said = [
            formats.money(MailAmount(amount_minor=-1250, currency="EUR")),
            formats.day(date(2026, 12, 21)),
            formats.long_day(date(2026, 12, 21)),
            formats.days(date(2026, 12, 21), date(2027, 1, 3)),
            formats.moment(datetime(2026, 12, 21, 17, tzinfo=UTC)),
            formats.number(Decimal("1234.5678")),
            formats.percent(Decimal("0.125")),
            formats.size(1_500_000_000),
        ]
        assert all(text and "{" not in text for text in said), (locale, said)


@pytest.mark.parametrize(
    ("number", "said"), [("0", "0"), ("12.500", "12.5"), ("1E+5", "100,000"), ("0.000001", "0.000001")]
)
def test_numbers_keep_their_digits(number: str, said: str) -> None:
    assert of().number(Decimal(number).normalize()) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 byte"), (999, "999 byte"), (1500, "1.5 kB"), (644_245_094, "644 MB"), (10**15, "1,000 TB")],
)
def test_sizes_are_in_thousands(size: int, said: str) -> None:
    assert of().size(size) == said


def test_figures_in_a_mail_from_right_to_left_are_isolated() -> None:
    assert re.fullmatch("\u2068.*\u2069", of("ar").money(MailAmount(amount_minor=1, currency="EUR")))
    assert re.fullmatch("\u2068.*\u2069", of("he").day(date(2026, 1, 1)))
    assert "\u2068" not in of("ja").day(date(2026, 1, 1))
