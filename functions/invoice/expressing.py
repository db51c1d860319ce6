"""What the European standard can express: texts that XML can hold, amounts with two decimals, countries of its list."""

from __future__ import annotations

import re
from decimal import Decimal

from shared.money import Money

CENT = Decimal("0.01")
# What XML 1.0 can't hold.
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What CLDR lists beside the countries of ISO 3166.
NO_COUNTRIES = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ".split())


class NotExpressible(ValueError):
    """An invoice that the standard has no words for."""


def plain(text: str | None) -> str:
    """Without what XML can't hold, and without space around it."""
    return NO_XML.sub("", text or "").strip()


def amount(minor: int, currency: str) -> Decimal:
    """An amount with two decimals, the most that EN 16931 knows. Raises `NotExpressible`."""
    exact = Money(minor, currency).decimal()
    if exact != exact.quantize(CENT):
        raise NotExpressible("an amount has more than two decimals")
    return exact.quantize(CENT)


def is_country(code: str) -> bool:
    """Whether the code is one of ISO 3166's (two letters)."""
    from babel import Locale

    return len(code) == 2 and code.isalpha() and code in Locale.parse("en").territories and code not in NO_COUNTRIES
