"""How many pieces, among all the numbers of a brief."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from functions.quote_generator.brief.products import Mention

UNIT = (
    r"pcs?|pces|pieces?|pairs?|units?|items?|garments?|sets?|nos|off|copies|of (?:them|these|those|each)"
    r"|total|in total|x"
)
# What people call the goods without naming the garment.
NUMBER = re.compile(
    r"(?<![\w.,#/:-])(?P<about>~|\+/- ?)?(?:x ?)?(?P<many>\d{1,7})(?:\.0+)?(?P<vague>ish| ?\+|-odd| or so)?"
    r"(?P<more>(?:, ?\d{2,7}){0,6})(?: ?(?:-|to|or|and|/|,) ?(?P<most>\d{1,7}))?(?![\w%]|[.,:/]\d|-\d)(?P<x> ?x\b)?"
    r"|(?<![\w.#])(?P<times>\d{1,7})x(?!l\b)(?= ?[a-z])"
)
UNITS = re.compile(rf"(?:ish|\+| or so|-odd)? ?(?:{UNIT})\b")
ORDER = re.compile(
    r"(?:\b(?:qty|quantity|quantities|volume|order size|number|amount|moq|total|so|makes|altogether"
    r"|making)(?: needed| required)?(?: is"
    r"| of)?[ :=]{0,3}"
    r"(?:about |around |approx |circa |ca )?"
    r"|\b(?:order(?:ing)?|buy|need|want|make|produce|quote|get) (?:of |for |about |around |approx |some |us |me )?)$"
)
ABOUT = re.compile(
    r"(?:~|\b(?:around|about|approx(?:imately)?|roughly|circa|ca|(?<!would )(?<!'d )like|maybe|perhaps|probably"
    r"|or so|nearly|almost"
    r"|up to|somewhere near"
    r"|at least|over|more than|minimum|min|between)) ?$"
)
REPLACED = re.compile(
    r"\b(?:instead of|not|rather than|than|last (?:time|year|order):?(?: we (?:had|ordered|bought|took|got))?"
    r"|previously|was|were|had|used to be)(?: the)? $"
)
# Numbers of something else.
OTHERWISE = re.compile(
    r" ?-?(?:%|percent|gsm|g\b|gr\b|cm|mm|m\b|inch|\"|colou?rs?\b|cols?\b|years?|yrs?|days?|weeks?|months?"
    r"|hours?|teams?|houses?|"
    r"locations?|stores?|shops?|offices?|branches|designs?|styles?|sizes|versions|placements?|positions?|per\b"
    r"|each\b|a piece|"
    r"schools|departments|sides?|am\b|pm\b|st\b|nd\b|rd\b|th\b|different|oz\b|kg\b|logos?\b|prints?\b|lines?\b"
    r"|(?:[a-z]+ )?way\b|ply\b|pack\b|parts?\b|panel|stitches|threads?|"
    r"pantone|needles|products|samples?|minutes|kilomet|km\b|miles|hotels|restaurants|countries|cities)"
)
PEOPLE = re.compile(
    r" (?:[a-z]+ )?(?:people|staff|employees|players|members|students|colleagues|guests|runners|participants"
    r"|volunteers|kids|"
    r"children|nurses|waiters|drivers|workers|team members|attendees|pupils|athletes)\b"
)
NOT_A_QUANTITY = re.compile(
    r"(?:\b(?:founded|since|in|established|est|pantone|pms|style|art|article|no|nr|number|po|ref|phone|tel|room"
    r"|size|age|of our|packed|(?:cartons?|boxes|packs?|bundles?|cases?) of)|#|\+) ?$"
)


# "Two tees each": for so many people, whose number decides.
EACH_GETS = re.compile(r" (?:[a-z-]+ ){1,3}(?:each|apiece|per person|a head)\b(?! (?:with|in|having|of))")
PAST = re.compile(r" (?:[a-z-]+ ){0,3}last (?:year|time|month|season|summer|winter|spring)\b")
ORDERED = re.compile(r"\b(?:ordered|bought|had|took|received)(?: about| around| the)? $")
ALTERNATIVE = re.compile(r"\b(?:if|or|versus|vs)\b[a-z ]{0,16}$")
FURTHER = re.compile(r"(?:\bplus|\+|\band)(?: another| a further| also)? $")
FOR_OTHERS = re.compile(r" (?:more|extra|for (?:the|our|my))\b")


class Quantity(NamedTuple):
    """The number of pieces, if any; how surely; the garment it is of; other garments with a number of their own."""

    number: int | None
    confidence: float
    of: Mention | None
    others: Sequence[Mention]


class _Candidate(NamedTuple):
    score: float
    number: int
    sure: float
    of: Mention | None
    start: int
    end: int


def quantity(text: str, mentions: Sequence[Mention], colour: re.Pattern[str]) -> Quantity:
    """Read it from a text without dates, sizes and money; `colour` finds colours, by which lots are told."""
    candidates = [each for found in NUMBER.finditer(text) if (each := _candidate(text, found, mentions))]
    good = [each for each in candidates if each.score > 0]
    if not good:
        return Quantity(None, 0.0, None, [])
    best = max(good, key=lambda each: (each.score, each.number if each.of else 0, -each.start))
    strong = [each for each in good if each.score >= 3]
    lots: dict[str, _Candidate] = {}
    for each in strong:
        if each.of and (each.of.word not in lots or lots[each.of.word].number < each.number):
            lots[each.of.word] = each
    others: list[Mention] = []
    if len(lots) > 1:
        best = max(lots.values(), key=lambda each: (each.number, -each.start))
        others = [each.of for each in lots.values() if each.of and each.of.word != best.of.word]  # type: ignore[union-attr]
    elif summed := _by_colour(text, candidates, colour):
        return Quantity(summed, 0.8, best.of, [])
    elif further := [each for each in good if each is not best and _further(text, each)]:
        return Quantity(best.number + sum(each.number for each in further), 0.5, best.of, [])
    elif other := [each for each in strong if ALTERNATIVE.search(text, max(0, each.start - 40), each.start)]:
        return Quantity(min(best.number, *(each.number for each in other)), min(best.sure, 0.5), best.of, [])
    elif any(each.score == best.score and each.number != best.number and not each.of for each in good):
        lowest = min(each.number for each in good if each.score == best.score)
        return Quantity(lowest, 0.5, best.of, [])
    return Quantity(best.number, min(best.sure, 0.95 if best.score >= 3 else 0.7), best.of, others)


def _candidate(text: str, found: re.Match[str], mentions: Sequence[Mention]) -> _Candidate | None:
    number = int(found["many"] or found["times"])
    start, end = found.span()
    before = text[max(0, start - 40) : start]
    sure = 0.95
    if found["most"]:
        number, sure = min([number, *map(int, re.findall(r"\d+", found["more"])), int(found["most"])]), 0.4
    elif found["more"]:
        end = found.start("more")
    if (
        found["about"]
        or found["vague"]
        or ABOUT.search(before)
        or re.match(r" ?(?:ish|or so|approx|plus|minimum)\b", text[end:])
    ):
        sure = min(sure, 0.5)
    unit = UNITS.match(text, end) is not None or bool(found["x"] or found["times"])
    if (
        number == 0
        or REPLACED.search(before)
        or (not unit and (OTHERWISE.match(text, end) or NOT_A_QUANTITY.search(before)))
    ):
        return None
    if EACH_GETS.match(text, end) or PAST.match(text, end) or ORDERED.search(before):
        return None
    of, near = _garment(text, start, end, mentions)
    score = near + (3.0 if unit else 0) + (3.0 if ORDER.search(before) else 0)
    if PEOPLE.match(text, end):
        score, sure = 0.5, 0.4
    elif not score:
        score = 1.0 if number >= 10 else 0.0
        if re.search(r"(?:^|\n) ?$", before):  # at the beginning of a line
            score += 1
    if number == 1 and score < 6:
        score = 0.0
    return _Candidate(score, number, sure, of, start, end)


def _further(text: str, each: _Candidate) -> bool:
    """ "30 for the staff plus 12 for the kids"."""
    before = FURTHER.search(text, max(0, each.start - 20), each.start)
    return (
        (each.of is None or each.of.end <= each.start)
        and before is not None
        and FOR_OTHERS.match(text, each.end) is not None
    )


def _garment(text: str, start: int, end: int, mentions: Sequence[Mention]) -> tuple[Mention | None, float]:
    """The garment a number is of, and how near it stands: the next one after it, or one just before."""
    for mention in mentions:
        if mention.start >= end:
            between = text[end : mention.start]
            words = len(between.split())
            if len(between) <= 70 and not re.search(r"\d|[.!?;\n]", between) and words <= 7:
                return mention, 4.0 if words <= 3 else 3.0
            break
    for mention in reversed(mentions):
        if mention.end <= start:
            between = text[mention.end : start]
            if len(between) <= 40 and not re.search(r"\d|[.!?;]", between):
                return mention, 2.5 if len(between.split()) <= 2 else 1.5
            break
    return None, 0.0


def _by_colour(text: str, candidates: Sequence[_Candidate], colour: re.Pattern[str]) -> int | None:
    """ "200 in black and 100 in white": lots of the colours, which add up; not where a number is the whole already."""
    lots = [each for each in candidates if colour.match(text, _after_in(text, each.end))]
    if len(lots) < 2:
        return None
    whole = sum(each.number for each in lots)
    return None if any(each.number >= whole for each in candidates if each not in lots and each.score >= 3) else whole


def _after_in(text: str, end: int) -> int:
    found = re.compile(r" ?(?:pcs |pieces |units )?(?:x )?(?:in )?").match(text, end)
    return found.end() if found else end
