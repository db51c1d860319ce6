"""Whether a text about a quote says only what the quote says. Whatever isn't plainly so is refused.

Every number in it must be one of the quote's, of its own kind: an amount where money is spoken of, days where days are,
pieces where pieces are. Dates are taken whole. Amounts named "total" or "deposit" must be the quote's total or deposit.
Nothing that leads elsewhere, no markup, and no word that promises more than the quote does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from functions.quote_generator.numerals import number

MOST_CHARACTERS = 800
LEAST_CHARACTERS = 40

MONTHS = "January February March April May June July August September October November December".split()
MONTH = "|".join([*MONTHS, *(month[:3] for month in MONTHS)])
DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
DATES = [
    re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b"),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m>{MONTH})\b\.?(?:,? (?P<y>\d{{4}}))?"),
    re.compile(rf"\b(?P<m>{MONTH})\b\.? (?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<y>\d{{4}}))?"),
    re.compile(rf"\b(?P<m>{MONTH}) (?P<y>\d{{4}})\b"),
]
A_MONTH = re.compile(r"\b(?:January|February|April|June|July|August|September|October|November|December)\b|\bMarch\b")
NUMBER = re.compile(r"\d(?:[\d.,'\u00a0\u202f]*\d)?")
SIGNS = {"$": {"USD", "CAD", "AUD"}, "€": {"EUR"}, "£": {"GBP"}, "৳": {"BDT"}}
NAMES = {
    "dollar": {"USD", "CAD", "AUD"}, "euro": {"EUR"}, "pound": {"GBP"}, "taka": {"BDT"}, "cent": set[str](),
    "usd": {"USD"}, "eur": {"EUR"}, "gbp": {"GBP"}, "cad": {"CAD"}, "aud": {"AUD"}, "bdt": {"BDT"},
}  # fmt: skip
MONEY_BEFORE = re.compile(r"(?:[$€£৳]|\b(?:USD|EUR|GBP|CAD|AUD|BDT)) ?$")
MONEY_AFTER = re.compile(r" ?(?:[$€£৳]|(?:USD|EUR|GBP|CAD|AUD|BDT)\b|(?:dollar|euro|pound|taka)s?\b)", re.IGNORECASE)
DAYS_AFTER = re.compile(r"(?:-| )?(?:calendar |working |business |production )*days?\b", re.IGNORECASE)
PIECES_AFTER = re.compile(r" (?:pieces?|pcs|units?|garments?|items?)\b", re.IGNORECASE)
OTHER_UNIT = re.compile(
    r"(?:-| )?(?:weeks?|months?|years?|hours?|minutes?|percent|per cent|times|k\b|million|thousand|hundred)\b|\s?%|x\b",
    re.IGNORECASE,
)
PRICED_BEFORE = re.compile(
    r"\b(?:costs?|com(?:e|es|ing) to|pric(?:e|es|ed)(?: is| of| at)?|sav(?:e|es|ing)(?: of| you)?|worth|charge[ds]?)"
    r"(?: (?:only|just|about|exactly|a total of|as little as))? ?$",
    re.IGNORECASE,
)
SAVED_BEFORE = re.compile(r"\bsav(?:e|es|ed|ing|ings)(?: of| you| up to| by)? (?:[$€£৳]|[A-Z]{3} )?$", re.IGNORECASE)
EACH_BEFORE = re.compile(
    r"\b(?:each|every|a single) (?:\w+ )?(?:costs?|is|would (?:be|cost)|will (?:be|cost)|comes to|at) (?:[$€£৳]"
    r"|[A-Z]{3} )?$",
    re.IGNORECASE,
)
COLOURS_AFTER = re.compile(r"[ -](?:print |ink |spot )?colou?rs?\b", re.IGNORECASE)
EACH_AFTER = re.compile(
    r"(?: ?(?:[$€£৳]|[A-Z]{3}\b))? (?:each|apiece|(?:per|a|for each) (?:piece|unit|garment|item))\b", re.IGNORECASE
)
NAMED = re.compile(
    r"\b(?P<what>subtotal|total|deposit|balance|unit price)(?: price| amount| cost)?(?: (?:is|of|comes to"
    r"|amounts to|at|will be|being))?"
    r"[: ]{1,2}(?:[A-Z]{3} ?|[$€£৳] ?)?(?P<number>\d[\d.,'\u00a0\u202f]*\d|\d)|"
    r"(?P<number_first>\d[\d.,'\u00a0\u202f]*\d|\d)(?: ?[A-Z]{3})? (?P<what_after>in total|deposit|as a deposit"
    r"|in all|altogether)\b",
    re.IGNORECASE,
)
WHICH = {
    "in total": "total",
    "in all": "total",
    "altogether": "total",
    "as a deposit": "deposit",
    "unit price": "unit_price",
}

NUMBER_WORDS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
}
# Numbers that are written as words and none of the small ones, and words that change a price without a number.
REFUSED_NUMBERS = re.compile(
    r"\b(?:thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|dozens?|half|halves|quarters?"
    r"|thirds?|double[sd]?|triple[sd]?|twice|thrice|per ?cent|percentage|fortnight|weeks?|couple|monthly|weekly"
    r"|yearly|daily|hourly|annual\w*|(?:per|a|every) (?:day|month|year|hour))\b",
    re.IGNORECASE,
)
MARKUP = set("<>[]{}|`*_#\\~^@=&/")
ELSEWHERE = re.compile(r"\w\.[a-z]{2,}|\bwww\b|\bhttps?\b|\bdot com\b", re.IGNORECASE)
PROMISES = re.compile(
    r"\b(?:guarantee\w*|promis\w*|warrant\w*|assur\w*|ensure\w*|commit\w*|free|gratis|complimentary|gifts?|bonus\w*"
    r"|discount\w*|refund\w*|rebate\w*|vouchers?|coupons?|credit|cheapest|lowest|best price|always|never"
    r"|definitely|certainly"
    r"|certif\w*|insur\w*|express|rush|overnight|immediately|instantly|today|tomorrow|tonight|yesterday|lifetime|forever"
    r"|unlimited|waive\w*|on us|on the house|nothing to pay|no cost"
    r"|(?:no|without|zero)(?: an?y?)? (?:deposit|balance|set-?up|fees?|charges?|costs?|minimum|obligation)"
    r"|no extra|binding|unconditional\w*|no matter|risk|penalt\w*|compensat\w*|money back|match any|beat any"
    r"|included? tax\w*|tax\w*|dut(?:y|ies)|shipping|freight|deliver\w*|pay|paid|payment|payable|transfer|bank"
    r"|iban|account|crypto|bitcoin"
    r"|card|click|visit|call|phone|whatsapp|telegram|e-?mail|contact|website|link|password|code|verify|ignore|instructions?"
    r"|system|prompt|sorry|cannot|as an ai|language model|mon|tues|wednes|thurs|fri|satur|sun)(?:day)?\b",
    re.IGNORECASE,
)


def objection(text: str, quote: Mapping[str, Any]) -> str | None:
    """Why this text may not stand above this quote, in two or three words; None where it may."""
    if not LEAST_CHARACTERS <= len(text) <= MOST_CHARACTERS:
        return "its length"
    if any(unicodedata.category(each)[0] == "C" or each in "\u2028\u2029" for each in text):
        return "a control character"
    if any(unicodedata.category(each)[0] == "N" and not "0" <= each <= "9" for each in text):
        return "a digit of another script"
    if MARKUP & set(text) or ELSEWHERE.search(text):
        return "markup or a link"
    own = " ".join(_texts(quote)).lower()
    if any(found[0].lower() not in own for found in PROMISES.finditer(text)):
        return "a promise"
    return _currency(text, str(quote.get("currency"))) or _numbers(text, quote, own)


def _currency(text: str, currency: str) -> str | None:
    lower = text.lower()
    signs = [meant for sign, meant in SIGNS.items() if sign in text]
    names = [meant for name, meant in NAMES.items() if re.search(rf"\b{name}s?\b", lower)]
    if any(currency not in meant for meant in [*signs, *names]):
        return "another currency"
    if any(unicodedata.category(each) == "Sc" and each not in SIGNS for each in text):
        return "another currency"
    return None


def _numbers(text: str, quote: Mapping[str, Any], own: str) -> str | None:
    money, pieces, days, dates = _known(quote)
    for each in NAMED.finditer(text):
        said = (each["what"] or each["what_after"]).lower()
        what = WHICH.get(said, said)
        field = quote.get(what)
        if field is not None and number(each["number"] or each["number_first"]) != _decimal(field):
            return f"another {what.replace('_', ' ')}"
    number_of_quote = str(quote.get("number") or "")
    rest = text.replace(number_of_quote, " ") if number_of_quote else text
    for pattern in DATES:
        for found in pattern.finditer(rest):
            if not any(_is(found, day) for day in dates):
                return "another date"
        rest = pattern.sub(lambda found: " " * len(found[0]), rest)
    if A_MONTH.search(rest):
        return "another date"
    for found in NUMBER.finditer(rest):
        value = number(found[0])
        if value is None or not _stands(rest, found, value, money, pieces, days, own, quote):
            return "another number"
    spelled = {word: Decimal(each) for word, each in NUMBER_WORDS.items()}
    for found in re.finditer(rf"\b(?:{'|'.join(spelled)})\b(?P<unit>[ -]\w+)?", rest, re.IGNORECASE):
        word = found[0].split(" ")[0].split("-")[0].lower()
        unit = (found["unit"] or "").strip(" -").lower()
        if word == "one" and not unit.startswith(("day", "piece", "unit", *NAMES)):
            continue  # "no one", "one way to pay less"
        if spelled[word] not in (
            days if unit.startswith("day") else pieces | days if not unit.startswith(tuple(NAMES)) else money
        ):
            return "another number"
    for found in REFUSED_NUMBERS.finditer(rest):
        if found[0].lower() not in own:
            return "a number in words"
    return None


def _stands(
    text: str,
    found: re.Match[str],
    value: Decimal,
    money: set[Decimal],
    pieces: set[Decimal],
    days: set[Decimal],
    own: str,
    quote: Mapping[str, Any],
) -> bool:
    """Whether a number is one of the quote's for what it is said to be."""
    before, end = text[: found.start()], found.end()
    if re.search(r"[\w-]$", before) and not re.search(r"[$€£৳]$", before):
        return _in_words(text, found, own)  # a part of a word: the 3XL of a line's description
    if SAVED_BEFORE.search(before):
        return value in _named(quote, "saves_each")
    if EACH_AFTER.match(text, end) or EACH_BEFORE.search(before):
        return value in _named(quote, "unit_price", "saves_each")
    if PRICED_BEFORE.search(before) or MONEY_BEFORE.search(before) or MONEY_AFTER.match(text, end):
        return value in money
    if DAYS_AFTER.match(text, end):
        return value in days
    if PIECES_AFTER.match(text, end):
        return value in pieces
    if COLOURS_AFTER.match(text, end):
        return re.search(rf"(?<![\w.,]){re.escape(found[0])}(?:(?:[ -]\w+)? ?-?colou?r)", own) is not None
    if OTHER_UNIT.match(text, end) or re.match(r"\w", text[end : end + 1]):
        return _in_words(text, found, own)
    if "." in found[0] or "," in found[0]:
        return value in money or value in pieces
    return value in money | pieces or _in_words(text, found, own)


def _in_words(text: str, found: re.Match[str], own: str) -> bool:
    """Whether the quote's own texts have it with the words around it: "3-colour", "220 gsm", "40%"."""
    start = len(text[: found.start()]) - len(re.search(r"[\w-]*$", text[: found.start()])[0])  # type: ignore[index]
    following = re.match(r"[\w%]*(?:[ -]?[\w%]+)?", text[found.end() :])
    phrase = text[start : found.end()] + (following[0] if following else "")
    return re.search(rf"(?<!\w){re.escape(phrase.lower())}(?!\w)", own) is not None


def _known(quote: Mapping[str, Any]) -> tuple[set[Decimal], set[Decimal], set[Decimal], set[date]]:
    """The quote's amounts, numbers of pieces, of days, and dates."""
    money: set[Decimal] = set()
    pieces: set[Decimal] = set()
    days: set[Decimal] = set()
    dates: set[date] = set()
    for name, value in _fields(quote):
        if name in ("quantity",):
            pieces.add(_decimal(value))
        elif name in ("days", "lead_time_days"):
            days.add(_decimal(value))
        elif name in ("unit_price", "amount", "subtotal", "total", "deposit", "balance", "saves_each"):
            money.add(_decimal(value))
        elif name in ("valid_until", "starts_on", "ends_on", "earliest_date", "target_date"):
            dates.add(value if isinstance(value, date) else date.fromisoformat(str(value)[:10]))
    for saving in quote.get("savings") or ():
        pieces |= {
            Decimal(each) for each in re.findall(r"\b\d{2,7}\b(?= pieces| pcs| units)", str(saving.get("description")))
        }
    return money, pieces, days, dates


def _named(quote: Mapping[str, Any], *names: str) -> set[Decimal]:
    """The amounts of these fields, wherever they stand."""
    return {_decimal(value) for name, value in _fields(quote) if name in names}


def _fields(value: object, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every field that says something, however deep, with its name."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _fields(each, str(key))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _fields(each, name)
    elif value is not None:
        yield name, value


def _texts(quote: Mapping[str, Any]) -> Iterator[str]:
    """What the quote says in words."""
    for name, value in _fields(quote):
        if name in ("description", "product", "name", "rule", "product_type") and isinstance(value, str):
            yield value.replace("_", " ")


def _decimal(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal("NaN")


def _is(found: re.Match[str], day: date) -> bool:
    parts = found.groupdict()
    month = parts["m"]
    same_month = int(month) == day.month if month.isdecimal() else MONTHS[day.month - 1].startswith(month[:3])
    same_year = not parts["y"] or int(parts["y"]) == day.year
    return same_month and same_year and (not parts.get("d") or int(parts["d"]) == day.day)
