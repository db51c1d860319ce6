"""Money, dates and numbers as a locale writes them. By Babel, so only `rendering` imports this."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_time, get_datetime_format, get_timezone, get_timezone_name
from babel.numbers import format_decimal, format_percent, parse_pattern
from babel.units import format_unit

from functions.email_service.templates.fields import MailAmount
from shared.money import Money, decimals

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
SIZES = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte")
# CLDR's spacing around currencies, which Babel leaves out: BDT 500, not BDT500.
LETTER_BESIDE_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")


@dataclass(frozen=True, slots=True)
class Formats:
    """Everything is text; None comes out as nothing, so that a row without a value can be left out."""

    locale: Locale
    zone: tzinfo

    @classmethod
    def of(cls, locale: str, time_zone: str) -> Formats:
        """Of a workspace. What Babel doesn't know falls back: to the language, to English; to UTC."""
        try:
            known = Locale.parse(locale, sep="-")
        except (UnknownLocaleError, ValueError):
            known = Locale("en")
        try:
            zone = get_timezone(time_zone)
        except (LookupError, ValueError):
            zone = get_timezone("UTC")
        return cls(known, zone)

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return "rtl" if self.locale.language in RIGHT_TO_LEFT else "ltr"

    def money(self, amount: MailAmount | None) -> str:
        """`$1,250.00`."""
        if amount is None:
            return ""
        # ISO 4217's digits, not CLDR's: that leaves out the ones a cash register doesn't use, and would round.
        pattern = parse_pattern(self.locale.currency_formats["standard"].pattern)
        digits = decimals(amount.currency)
        pattern.frac_prec = (digits, digits)
        value = Money(amount.amount_minor, amount.currency).decimal()
        written = pattern.apply(value, self.locale, currency=amount.currency, currency_digits=False)
        return self._isolated(LETTER_BESIDE_DIGIT.sub("\xa0", written))

    def day(self, day: date | None) -> str:
        """`Mar 3, 2027`, for a table."""
        return self._isolated(format_date(day, "medium", self.locale)) if day else ""

    def long_day(self, day: date | None) -> str:
        """`March 3, 2027`, for a sentence."""
        return self._isolated(format_date(day, "long", self.locale)) if day else ""

    def days(self, first: date, last: date) -> str:
        """`Mar 3 – 17, 2027`, both included."""
        return self._isolated(format_interval(first, last, "yMMMd", locale=self.locale))

    def moment(self, moment: datetime) -> str:
        """`March 3, 2027 at 2:05 PM (Central European Standard Time)`, on the workspace's own clocks."""
        here = moment.astimezone(self.zone)
        joined = str(get_datetime_format("long", self.locale)).replace("'", "")
        time = format_time(here, "short", locale=self.locale)
        zone = get_timezone_name(here, "long", locale=self.locale)
        day = format_date(here, "long", self.locale)
        return self._isolated(f"{joined.replace('{1}', day).replace('{0}', time)} ({zone})")

    def number(self, number: Decimal | int | None) -> str:
        """`12,345.678`, every digit."""
        return "" if number is None else format_decimal(number, locale=self.locale, decimal_quantization=False)

    def percent(self, part: Decimal) -> str:
        """0.125 is `13%`."""
        return format_percent(part, locale=self.locale)

    def size(self, size_bytes: int) -> str:
        """`1.5 GB`: thousands, as the unit says."""
        size, unit = Decimal(size_bytes), 0
        while size >= 1000 and unit < len(SIZES) - 1:
            size, unit = size / 1000, unit + 1
        return format_unit(round(size, 1 if size < 100 else 0), f"digital-{SIZES[unit]}", "short", locale=self.locale)

    def _isolated(self, text: str) -> str:
        """Kept in its own order inside a sentence that runs the other way (Unicode's FSI and PDI)."""
        return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}" if self.direction == "rtl" else text
