"""The words on the page in the reader's language, and numbers, days and countries as that language writes them."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from shared.money import Money, decimals

# British, for a date that is read alike on both sides of the ocean: 3 March 2027.
LOCALES = {"en": "en_GB", "de": "de", "fr": "fr"}
# (between thousands, before decimals): CLDR's. French takes the narrow space that doesn't break.
SEPARATORS = {"en": (",", "."), "de": (".", ","), "fr": ("\u202f", ",")}
MINUS = "\u2212"
# Whose tax on sales isn't a value added tax by name.
OTHER_TAX = frozenset({"AU", "CA", "IN", "JP", "MY", "NZ", "SG", "US"})


class Words:
    """One language's words, and its ways of writing, for amounts of one currency.

    `country`: the seller's, whose tax may not be called VAT.
    """

    def __init__(self, language: str, currency: str, country: str) -> None:
        self.language = language
        self.currency = currency
        self._words = _labels(language)
        self.other_tax = country in OTHER_TAX

    def __call__(self, name: str, **values: str) -> str:
        """The words called `name` ("title.full"), filled in."""
        found: Any = self._words
        for step in name.split("."):
            found = found[step]
        return str(found).format(**values)

    def taxed(self, name: str) -> str:
        """Words that speak of the tax by its name."""
        return self(f"other_{name}" if self.other_tax else name)

    def known(self, name: str, key: str) -> str:
        """The words for a key, or the key itself where it has none."""
        return str(self._words[name].get(key, key))

    def amount(self, minor: int, currency: str | None = None) -> str:
        """ "1,234.50": all digits of the currency, without its name."""
        currency = currency or self.currency
        return self.number(Money(minor, currency).decimal(), decimals(currency))

    def money(self, minor: int, currency: str | None = None) -> str:
        """ "EUR 1,234.50", or "1.234,50 EUR" where the currency comes last."""
        amount, currency = self.amount(minor, currency), currency or self.currency
        return f"{currency}\xa0{amount}" if self.language == "en" else f"{amount}\xa0{currency}"

    def number(self, value: Decimal, least: int = 0) -> str:
        """A number with all its digits, and at least so many after the decimal point."""
        digits = max(least, -int(value.normalize().as_tuple().exponent))
        grouping, point = SEPARATORS[self.language]
        written = f"{abs(value):,.{digits}f}".replace(",", "\0").replace(".", point).replace("\0", grouping)
        return MINUS + written if value < 0 else written

    def percent(self, value: Decimal) -> str:
        """ "19%", or "19 %" where a space is usual."""
        return self.number(value) + {"en": "%", "de": "\xa0%", "fr": "\u202f%"}[self.language]

    def day(self, day: date) -> str:
        """ "3 March 2027"."""
        from babel.dates import format_date

        return format_date(day, "long", LOCALES[self.language])

    def days(self, first: date, last: date) -> str:
        """ "3 – 17 March 2027", both included."""
        from babel.dates import format_interval

        return format_interval(first, last, "yMMMMd", locale=LOCALES[self.language])

    def country(self, code: str) -> str:
        """A country's name; the code of one nobody knows."""
        from babel import Locale

        return str(Locale.parse(LOCALES[self.language]).territories.get(code, code))


@cache
def _labels(language: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / "labels" / f"{language}.json").read_text("utf-8"))
    return found
