"""The day by which the goods are needed."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

MONTHS = {
    name: number
    for number, names in enumerate(
        "jan january|feb february|mar march|apr april|may|jun june|jul july|aug august|sep sept september|"
        "oct october|nov november|dec december".split("|"),
        start=1,
    )
    for name in names.split()
}
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
MONTH = "(?P<month>" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\b(?:(?<=\b[a-z]{3})(?<!may)\.)?"
YEAR = r"(?:,?[ -]?(?:of )?(?P<year>20\d\d)\b)?"
DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?(?: ?- ?\d{1,2}(?:st|nd|rd|th)?)?"
PART = (
    r"(?P<part>early|mid|middle|late|end|start|beginning|first half|second half|(?:first|1st|second|2nd"
    r"|third|3rd|fourth|4th|last) week)"
)
BY = r"(?P<by>by|before|until|till|not later than|no later than|latest)"
SEASONS = {"spring": (3, 1), "summer": (6, 1), "autumn": (9, 1), "fall": (9, 1), "winter": (12, 1)}
HOLIDAYS = {"christmas": (12, 25), "new year": (1, 1), "halloween": (10, 31), "valentine": (2, 14)}
SPANS = {"day": 1, "week": 7, "fortnight": 14, "month": 30}

# What a date before it is for, best first; a date for what comes first of these is none of ours.
ANOTHER = re.compile(
    r"\b(?:quote|price|prices|offer|answer|reply|respond|response|hear|get back|know|samples?|proofs?|mock-?ups?"
    r"|decide|valid|call|meeting|since|founded|est|established|opened in|ordered|last)\b[^.\n]{0,22}$"
)
DEADLINE = re.compile(
    r"\b(?:need|needs|needed|by|before|until|till|deadline|due|deliver|delivery|delivered|latest|later than|have them"
    r"|arrive|receive|in hand|in-hand|ship|shipped|required|want|within|date)\b[^.\n]{0,40}$"
)
SOON = re.compile(r"\basap\b|\bas soon as (?:possible|you can)\b|\burgent(?:ly)?\b|\brush\b|\bimmediately\b")


class Found(NamedTuple):
    """A day that the text names, where, and how surely it is that day."""

    start: int
    end: int
    day: date
    confidence: float


Rule = tuple[re.Pattern[str], Callable[[re.Match[str], date], tuple[date, float] | None]]


def target_date(text: str, today: date) -> tuple[date | None, float, str, list[str]]:
    """(day, confidence, the text with every date blotted out, notes)."""
    found = list(_found(text, today))
    rest = text
    for each in found:
        rest = f"{rest[: each.start]}{'#' * (each.end - each.start)}{rest[each.end :]}"
    notes = ["Wanted as soon as possible: the earliest date is offered."] if SOON.search(text) else []
    ahead = [each for each in found if each.day >= today]
    if any(each.day < today for each in found):
        notes.append("A date in the past was left aside.")
    wanted = [each for each in ahead if not ANOTHER.search(text, max(0, each.start - 60), each.start)]
    if not wanted:
        return None, 0.0, rest, notes
    pressing = [each for each in wanted if DEADLINE.search(text, max(0, each.start - 60), each.end)]
    best = (pressing or wanted)[0]
    if len({each.day for each in found}) == 1 and (far := BEFORE_THAT.search(rest)):
        best = best._replace(day=best.day - _offset(far), confidence=min(best.confidence, 0.8))
    return best.day, best.confidence if pressing else best.confidence * 0.9, rest, notes


def _found(text: str, today: date) -> Iterator[Found]:
    """Every date, none within another; rules first to last."""
    taken = text
    all_found = []
    for pattern, rule in RULES:
        for match in pattern.finditer(taken):
            read = _tried(rule, match, today)
            if read is not None:
                taken = f"{taken[: match.start()]}{'#' * len(match[0])}{taken[match.end() :]}"
                all_found.append(Found(match.start(), match.end(), *read))
    for each in sorted(all_found):
        yield _moved(text, each)


def _tried(
    rule: Callable[[re.Match[str], date], tuple[date, float] | None], match: re.Match[str], today: date
) -> tuple[date, float] | None:
    try:
        return rule(match, today)
    except (ValueError, OverflowError):  # 31 February; a year beyond all years
        return None


EARLIER = (
    r"(?P<many>\d{1,2}|a|an|one) (?P<span>day|week|fortnight|month)s? (?:before|ahead of|prior to|in advance|earlier)"
)
BEFORE_IT = re.compile(rf"\b{EARLIER}[a-z' ]{{0,40}}$")
BEFORE_THAT = re.compile(
    rf"\b{EARLIER} (?:the |our |this |that |race |event |opening |launch |start |it\b|then\b|day\b|kick-?off|wedding)"
)
AFTER_IT = re.compile(rf"[a-z', #]{{0,60}}?\b{EARLIER}\b")


def _moved(text: str, found: Found) -> Found:
    """ "two weeks before our event on 12 June", "on 12 June, and we need them two weeks before"."""
    match = BEFORE_IT.search(text, max(0, found.start - 80), found.start) or AFTER_IT.match(text, found.end)
    if match is None:
        return found
    return found._replace(
        start=min(found.start, match.start()), end=max(found.end, match.end()), day=found.day - _offset(match)
    )


def _offset(match: re.Match[str]) -> timedelta:
    many = int(match["many"]) if match["many"].isdecimal() else 1
    return timedelta(days=many * SPANS[match["span"]])


def _exact(match: re.Match[str], today: date) -> tuple[date, float]:
    """A day and a month by name, perhaps a year; else the next such day."""
    month, day = MONTHS[match["month"]], int(match["day"])
    if match["year"]:
        return date(int(match["year"]), month, day), 0.95
    return _next(today, month, day), 0.95


def _iso(match: re.Match[str], _: date) -> tuple[date, float]:
    return date(int(match[1]), int(match[2]), int(match[3])), 0.98


def _numeric(match: re.Match[str], today: date) -> tuple[date, float]:
    """Day first, as most of the world writes; asked about where it could be the month."""
    first, second, year = int(match[1]), int(match[2]), match[3]
    sure = 0.95 if "." in match[0] or first > 12 or first == second else 0.4
    if second > 12 >= first:
        first, second, sure = second, first, 0.95
    if not year:
        return _next(today, second, first), min(sure, 0.7)
    return date(int(year) + (2000 if len(year) == 2 else 0), second, first), sure


def _part_of_month(match: re.Match[str], today: date) -> tuple[date, float]:
    month = MONTHS[match["month"]]
    part = match["part"].split()[0]
    day = {"early": 10, "mid": 15, "middle": 15, "start": 1, "beginning": 1, "late": 31}.get(part, 31)
    if match["part"].endswith("week"):
        day = {"first": 7, "1st": 7, "second": 14, "2nd": 14, "third": 21, "3rd": 21, "fourth": 28, "4th": 28}.get(
            part, 31
        )
    if match["part"] == "first half":
        day = 15
    return _in_month(match["year"], month, day, today), 0.85


def _by_month(match: re.Match[str], today: date) -> tuple[date, float]:
    month = MONTHS[match["month"]]
    first = _in_month(match["year"], month, 1, today)
    return (first - timedelta(days=1) if match["by"] == "before" else first), 0.85


def _in_the_month(match: re.Match[str], today: date) -> tuple[date, float]:
    return _in_month(match["year"], MONTHS[match["month"]], 31, today), 0.75


def _quarter(match: re.Match[str], today: date) -> tuple[date, float]:
    last = 3 * int(match["quarter"])
    starts = (match["part"] or "end") in ("start", "beginning", "early")
    day = _in_month(match["year"], last - 2 if starts else last, 1 if starts else 31, today)
    return day, 0.85


def _span(match: re.Match[str], today: date) -> tuple[date, float]:
    many, unit = match["many"], match["span"]
    count = int(match["most"] or many) if many.isdecimal() else 1
    if count > 400:
        raise ValueError("too far away")
    if unit == "month":
        month = today.month - 1 + count
        year, month = today.year + month // 12, month % 12 + 1
        return date(year, month, min(today.day, calendar.monthrange(year, month)[1])), 0.9
    return today + timedelta(days=count * SPANS[unit]), 0.9


def _end_of(match: re.Match[str], today: date) -> tuple[date, float]:
    following = 1 if match["which"] == "next" else 0
    if match["unit"] == "week":
        return today + timedelta(days=(4 - today.weekday()) % 7 + 7 * (following and today.weekday() < 5)), 0.8
    if match["unit"] == "year":
        return date(today.year + following, 12, 31), 0.85
    month = today.month - 1 + following
    year, month = today.year + month // 12, month % 12 + 1
    return date(year, month, calendar.monthrange(year, month)[1]), 0.85


def _day(match: re.Match[str], today: date) -> tuple[date, float]:
    """That day of this month, or of the next."""
    day = int(match["day"])
    return (today + timedelta(days=1)).replace(day=day) if day > today.day else _following(today).replace(day=day), 0.75


def _following(today: date) -> date:
    return (today.replace(day=1) + timedelta(days=32)).replace(day=1)


def _weekday(match: re.Match[str], today: date) -> tuple[date, float]:
    ahead = (DAYS.index(match["weekday"]) - today.weekday() - 1) % 7 + 1
    return today + timedelta(days=ahead), 0.8


def _holiday(match: re.Match[str], today: date) -> tuple[date, float]:
    name = match["holiday"]
    if name == "easter":
        day = next(each for each in map(_easter, range(today.year, today.year + 2)) if each > today)
    else:
        day = _next(today, *HOLIDAYS[name])
    # What is for a feast of gifts is needed before it.
    eve = match["by"] == "before" or name in ("christmas", "new year", "easter")
    return (day - timedelta(days=1) if eve else day), 0.85


def _season(match: re.Match[str], today: date) -> tuple[date, float]:
    month, day = SEASONS[match["season"]]
    return _in_month(match["year"], month, day, today), 0.6


def _next(today: date, month: int, day: int) -> date:
    """That day of this year or, if it is over, of the next."""
    this = date(today.year, month, day)
    return this if this >= today else date(today.year + 1, month, day)


def _in_month(year: str | None, month: int, day: int, today: date) -> date:
    """That day of the month, its last where it is shorter; without a year the next one not over."""
    for each in [int(year)] if year else [today.year, today.year + 1]:
        found = date(each, month, min(day, calendar.monthrange(each, month)[1]))
        if year or found >= today:
            break
    return found


def _easter(year: int) -> date:
    """Easter Sunday (Gregorian; Meeus, Jones and Butcher's algorithm)."""
    century, of_century = divmod(year, 100)
    golden = year % 19
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - epact - of_century % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


RULES: list[Rule] = [
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"\b(20\d\d)[-/.](\d{1,2})[-/.](\d{1,2})\b", _iso),
        (r"(?<![\d.])(\d{1,2})\.(\d{1,2})\.(20\d\d|\d\d)?(?!\d)", _numeric),
        (r"(?<![\d/])(\d{1,2})[/-](\d{1,2})[/-](20\d\d|\d\d)\b", _numeric),
        (r"\b(?:by|before|until|due|on|for) (?:the )?(\d{1,2})/(\d{1,2})(?![\d/])()", _numeric),
        (rf"(?<!\d-)\b{DAY}[ -]?(?:of )?{MONTH}{YEAR}", _exact),
        (rf"\b{MONTH} (?:the )?{DAY}(?!\d| ?(?:pcs|pieces|units|k\b|x\b|-?colou?rs?|cols?\b)){YEAR}", _exact),
        (rf"\b{PART}(?: of|-| in)? ?(?:the )?(?:month of )?{MONTH}{YEAR}", _part_of_month),
        (rf"\b(?:{PART} (?:of |in )?)?(?:the )?q(?P<quarter>[1-4])\b(?: of)?{YEAR}", _quarter),
        (rf"\b{BY} (?:the )?(?:start of )?{MONTH}{YEAR}", _by_month),
        (rf"\b(?:in|during|for|sometime in|around|delivery|deadline:?) {MONTH}{YEAR}", _in_the_month),
        (rf"\b(?!may\b|mar\b|jan\b|march\b){MONTH} (?P<year>20\d\d)", _in_the_month),
        (
            r"\b(?:in|within|max|maximum|under|turnaround:? (?:of )?|lead time:? (?:of )?|next)(?: about"
            r"| around| the next)?"
            r" ?(?P<many>\d{1,3}|a|an)(?: ?(?:-|to|or) ?(?P<most>\d{1,3}))?(?: ?-)? ?"
            r"(?:working |business )?(?P<span>day|week|fortnight|month)s?\b(?:' time)?",
            _span,
        ),
        (
            r"\b(?P<many>\d{1,3})(?: ?(?:-|to|or) ?(?P<most>\d{1,3}))?(?: ?-)? ?(?P<span>day|week|month)s?"
            r"(?: from (?:now|today)|'? time| turnaround| lead time| max\b| at most)",
            _span,
        ),
        (r"\bend of (?:the )?(?P<which>next|this|the|current)? ?(?P<unit>week|month|year)\b", _end_of),
        (r"\b(?P<which>next|this) (?P<unit>week|month|year)\b(?! we)", _end_of),
        (r"\b(?:by|before|until|on) the (?P<day>\d{1,2})(?:st|nd|rd|th)\b", _day),
        (
            rf"\b(?:next|this|by|coming|before|on|until) (?:next |this |coming )?(?P<weekday>{'|'.join(DAYS)})\b",
            _weekday,
        ),
        (
            rf"\b(?:{BY}|in time for|for|on|ahead of|around) (?:the )?"
            r"(?P<holiday>christmas|new year|halloween|valentine|easter)(?:'?s)?\b",
            _holiday,
        ),
        (rf"\b(?:{BY}|in time for|for|in) (?:the |next )?(?P<season>{'|'.join(SEASONS)})\b{YEAR}", _season),
    )
]
