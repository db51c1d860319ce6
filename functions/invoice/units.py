"""Units as the European standard codes them (UN/ECE recommendation 20, and 21 for packages)."""

from __future__ import annotations

ONE = "C62"
PIECE = "H87"
CODES = {
    "box": "XBX",
    "boxes": "XBX",
    "cm": "CMT",
    "d": "DAY",
    "day": "DAY",
    "days": "DAY",
    "dozen": "DZN",
    "flat": "LS",
    "g": "GRM",
    "h": "HUR",
    "hour": "HUR",
    "hours": "HUR",
    "kg": "KGM",
    "km": "KMT",
    "l": "LTR",
    "m": "MTR",
    "m2": "MTK",
    "m3": "MTQ",
    "m²": "MTK",
    "m³": "MTQ",
    "min": "MIN",
    "ml": "MLT",
    "mm": "MMT",
    "month": "MON",
    "months": "MON",
    "pair": "PR",
    "pairs": "PR",
    "pc": PIECE,
    "pcs": PIECE,
    "piece": PIECE,
    "pieces": PIECE,
    "roll": "XRO",
    "rolls": "XRO",
    "set": "SET",
    "sets": "SET",
    "t": "TNE",
    "week": "WEE",
    "weeks": "WEE",
    "year": "ANN",
    "years": "ANN",
}


def code(unit: str | None) -> str:
    """The code of a unit; "one" for what isn't known."""
    return CODES.get(unit.strip().lower(), ONE) if unit else ONE
