"""What a line of a label says in a fixed form: its measure, size, lot or expiry. Pure.

The words are those that labels carry in English, German, French, Spanish and Italian: EU Regulation
1169/2011, annex X, gives those of the dates, Directive 76/211/EEC the ℮ beside a quantity.
"""

from __future__ import annotations

import re

WEIGHTS = frozenset({"kg", "mg", "g", "oz", "lb", "lbs"})
ONE_MEASURE = (
    r"(?:\d{1,3} ?[x×] ?)?\d+(?:[.,]\d+)? ?"
    r"(?:kg|mg|g|fl\.? ?oz|oz|lbs?|ml|cl|dl|lit(?:er|re)s?|l|pt|qt|gal)\.?(?![a-z])"
)
MEASURE = re.compile(
    r"(?:(?:net(?: ?w(?:eigh)?t| contents)?|contents|vol(?:ume)?|poids net|contenu|nettogewicht|nettofüllmenge"
    r"|füllmenge|inhalt|peso net[ot]|contenido(?: neto)?|contenuto(?: netto)?) ?[.:]{0,2} ?)?"
    rf"(?:[e℮] ?)?(?P<first>{ONE_MEASURE})(?: ?[/|]? ?\(?(?P<second>{ONE_MEASURE})\)?)?(?: ?[e℮])?",
    re.IGNORECASE,
)
AMOUNT = re.compile(r"(?:(?P<times>\d+) ?[x×] ?)?(?P<value>[\d.,]+\d|\d) ?(?P<unit>[a-z. ]+)", re.IGNORECASE)

LETTER_SIZE = r"\d?X{0,3}[SML](?:/X{0,3}[SML])?"
SIZE = re.compile(
    rf"(?:size|gr(?:öße|\.)|taille|talla|taglia):? ?(?P<size>{LETTER_SIZE}|\d{{1,3}}(?:[.,]5)?|W\d\d ?/? ?L\d\d)",
    re.IGNORECASE,
)
# A shoe's: the European one alone, or several with a stroke between.
SHOE_SIZE = r"EUR? ?(?:1[6-9]|[2-4]\d|50)(?:[.,]5| [12]/3)?"
ABROAD = r"(?:UK|US) ?\d\d?(?:[.,]5)?"
SHOE_SIZES = re.compile(
    rf"(?:size:? ?)?(?P<sizes>(?:{ABROAD} ?[/|] ?)*{SHOE_SIZE}(?: ?[/|] ?{ABROAD})*)",
    re.IGNORECASE,
)
STROKE = re.compile(r" ?[/|] ?(?=[EU])", re.IGNORECASE)

LOT = re.compile(
    r"(?:\b(?:lot(?:to|e)?|batch|charge(?:n)?)(?:[ -]?(?:no|nr|code|number|nummer))?|\bch\.?-? ?(?:b|nr))[.:# ]{1,3}"
    r"(?P<lot>(?=[A-Z/-]{0,10}\d)[A-Z0-9/-]{3,20})\b",
    re.IGNORECASE,
)

MONTH = (
    r"(?:jan|feb|fév|mar|mär|apr|avr|abr|may|mai|jun|jul|aug|août|ago|sep|sept|oct|okt|ott|nov|dec|dez|déc|dic)"
    r"(?:[a-zéûä]{0,6})\.?"
)
DAY = r"(?:0?[1-9]|[12]\d|3[01])"
YEAR = r"20\d\d"
DATE = "|".join(
    (
        rf"{YEAR}-\d\d(?:-\d\d)?",
        rf"{DAY}[./ -]\d{{1,2}}[./ -](?:{YEAR}|\d\d)",
        rf"{DAY}[ ./-]?{MONTH}[ ./-]?(?:{YEAR}|\d\d)",
        rf"{MONTH} ?(?:{DAY},? )?{YEAR}",
        rf"(?:0?[1-9]|1[0-2])[./ -]{YEAR}",
        r"(?:0[1-9]|1[0-2])/\d\d",
    )
)
EXPIRY = re.compile(
    r"\b(?:exp(?:iry|ires|iration)?|use[ -]by|best (?:before(?:[: ]{1,2}end)?|by)|bb[ed]?|mhd|dlc|ddm|tht"
    r"|mindestens haltbar bis(?: ende)?|zu verbrauchen bis|à consommer (?:de préférence )?avant(?: le| fin)?"
    r"|consumir preferentemente antes del?(?: fin de)?|da consumarsi (?:preferibilmente )?entro(?: il| fine)?)"
    rf"(?: date| on)?[.: ]{{0,3}}(?P<date>{DATE})(?![\d/])",
    re.IGNORECASE,
)


def tags(line: str) -> list[str]:
    """`weight:250 g`, `volume:6 x 330 ml`, `size:EU 42`, `lot:A2291`, `expires:2027-03-31`, as printed.

    A measure or size counts only as a line of its own: inside a sentence it may be a serving or
    part of a name. A date stays as printed, because 03/04/27 does not say which is the month.
    """
    found = []
    if measure := MEASURE.fullmatch(line):
        found += [_amount(each) for each in measure.group("first", "second") if each]
    if size := SIZE.fullmatch(line):
        found.append(f"size:{size['size'].upper()}")
    elif shoe := SHOE_SIZES.fullmatch(line):
        found += [f"size:{each.upper()}" for each in STROKE.split(shoe["sizes"])]
    if lot := LOT.search(line):
        found.append(f"lot:{lot['lot']}")
    if expiry := EXPIRY.search(line):
        found.append(f"expires:{expiry['date']}")
    return found


def _amount(printed: str) -> str:
    amount = AMOUNT.fullmatch(printed)
    if amount is None:  # every `ONE_MEASURE` is one
        raise ValueError(printed)
    unit = amount["unit"].lower().strip(" .")
    times = f"{amount['times']} x " if amount["times"] else ""
    return f"{'weight' if unit in WEIGHTS else 'volume'}:{times}{amount['value']} {unit}"
