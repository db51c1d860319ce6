"""Numbers as people write them."""

from __future__ import annotations

import re
from decimal import Decimal


def number(written: str) -> Decimal | None:
    """9,760.00 and 9.760,00 and 9760 alike; None for what may be read in two ways or is no number.

    A single point is a decimal point, for the text is English; a single comma stands before thousands or, with one or
    two digits after it, for the decimal point.
    """
    plain = re.sub(r"['\u00a0\u202f]", "", written)
    points, commas = plain.count("."), plain.count(",")
    if points and commas:
        decimal = max(".", ",", key=plain.rfind)
        whole, _, fraction = plain.rpartition(decimal)
        grouping = "," if decimal == "." else "."
        if decimal in whole or not _grouped(whole, grouping):
            return None
        return Decimal(f"{whole.replace(grouping, '')}.{fraction}")
    if commas == 1 and re.fullmatch(r"\d+,\d{1,2}", plain):
        return Decimal(plain.replace(",", "."))
    if commas or points > 1:
        grouping = "," if commas else "."
        return Decimal(plain.replace(grouping, "")) if _grouped(plain, grouping) else None
    return Decimal(plain)


def _grouped(whole: str, grouping: str) -> bool:
    return re.fullmatch(rf"\d{{1,3}}(?:{re.escape(grouping)}\d{{3}})+", whole) is not None
