"""What a line of a label says in a fixed form: its measure, size, lot or expiry. Pure."""

from __future__ import annotations

import re

MEASURE = re.compile(
    r"(?:net(?: ?w(?:eigh)?t)?|contents|vol(?:ume)?)?[.:]? ?"
    r"(?P<value>\d+(?:[.,]\d+)?) ?(?P<unit>kg|mg|g|oz|lbs?|ml|cl|l|fl ?oz)\.?(?: ?[e℮])?",
    re.IGNORECASE,
)
WEIGHTS = frozenset({"kg", "mg", "g", "oz", "lb", "lbs"})
SIZE = re.compile(r"size:? ?(?P<size>\d?X{0,3}[SML]|\d{1,3}(?:[.,]5)?)", re.IGNORECASE)
LOT = re.compile(
    r"\b(?:lot|batch)(?: ?no)?[.:# ]{1,3}(?P<lot>(?=[A-Z/-]{0,10}\d)[A-Z0-9/-]{3,20})\b",
    re.IGNORECASE,
)
EXPIRY = re.compile(
    r"\b(?:exp(?:iry|ires)?|use by|best (?:before|by)|bbe)(?: date)?[.: ]{0,3}"
    r"(?P<date>\d{4}-\d\d(?:-\d\d)?|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}[./-]\d{4})\b",
    re.IGNORECASE,
)


def tags(line: str) -> list[str]:
    """`weight:250 g`, `volume:1 l`, `size:L`, `lot:A2291`, `expires:2027-03-31`, as printed.

    A measure or size counts only as a line of its own: inside a sentence it may be a serving or
    part of a name. A date stays as printed, because 03/04/27 does not say which is the month.
    """
    found = []
    if measure := MEASURE.fullmatch(line):
        unit = measure["unit"].lower()
        kind = "weight" if unit in WEIGHTS else "volume"
        found.append(f"{kind}:{measure['value']} {unit}")
    if size := SIZE.fullmatch(line):
        found.append(f"size:{size['size'].upper()}")
    if lot := LOT.search(line):
        found.append(f"lot:{lot['lot']}")
    if expiry := EXPIRY.search(line):
        found.append(f"expires:{expiry['date']}")
    return found
