"""The garment: what customers call each product type, and which of the garments named is meant."""

from __future__ import annotations

import re
from typing import NamedTuple

# Regular expressions for what people say, without the plural's s. The vaguer ones stand apart: they count only where
# nothing clearer is said ("uniform polo shirts" are polos).
CALLED = {
    "polo": r"polo(?: ?-?(?:t?shirt|top))?|pique shirt|golf shirt",
    "hoodie": r"hood(?:ie|y|ey|ed)(?: ?-?(?:sweatshirt|jumper|top|sweater))?|hoodie?s?y|hoodys|sweatshirt|zip-?ups?",
    "joggers": r"jogger|trackies?|jogging (?:bottom|pant|trouser)|sweat ?pant|track ?pant|tracksuit bottom|jogging",
    "activewear": r"active ?wear|sports? ?wear|gym ?wear|legging|sports? bra|yoga (?:pant|top|wear|set)"
    r"|(?:gym|running|training|athletic|sports?|cycling|football|basketball|workout) ?-?"
    r"(?:t?shirt|top|short|vest|kit|jersey|tight|singlet|tank|tee|pant|gear|bra)"
    r"|(?:football|soccer|team|cycling|basketball) jersey|(?:compression|running|yoga|gym|cycling) (?:tights?"
    r"|leggings?|wear|set)|tights|tracksuit|tank top|rash ?guard",
    "uniform": r"work ?wear|work ?shirt|work (?:trouser|pant)|chefs?'? (?:jacket|coat|white)|scrubs?|coverall"
    r"|boiler ?suit|overall"
    r"|(?:school|staff|security|hospital|nurse|hotel|crew|work|restaurant|company) uniform|tunic|lab coat|apron"
    r"|(?:hi-?vis|high[- ]vis(?:ibility)?|safety) (?:vest|jacket|top|shirt)",
    "knitwear": r"knit ?wear|knitted (?:jumper|sweater|top|vest|polo)|knit (?:jumper|sweater|top)|jumper"
    r"|cardigan|pullover"
    r"|(?:crew ?-?neck |v-?neck )?sweater|sweater vest|knit",
    "jacket": r"jacket|wind ?breaker|wind ?cheater|soft ?shell|puffer|parka|anorak|bomber|gilet|body ?warmer"
    r"|rain ?coat|fleece jacket|coat",
    "t_shirt": r"(?:long|short) ?-?sleeved? tshirt|tshirt|tees?|tee shirt",
}
VAGUE = {"uniform": r"uniform", "t_shirt": r"shirt|top", "activewear": r"short|vest|jersey|kit"}
OTHERS = (
    r"beanie|cap|hat|bucket hat|sock|tote ?bag|tote|backpack|dress|skirt|jeans?|scar(?:f|ve)|mug|blanket|towel|"
    r"bathrobe|robe|pyjama|pajama|swim ?suit|bikini|suit|tie|glove|face ?mask|flag|banner|curtain|pillow|onesie"
    r"|belt|shoe"
)


def _words(patterns: dict[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?P<{name}>\b(?:{called})s?\b)" for name, called in patterns.items()))


CLEAR, VAGUER = _words(CALLED), _words(VAGUE)
OTHER = re.compile(rf"\b(?:{OTHERS})s?\b")
NEGATED = re.compile(r"\b(?:not|no|without|instead of|rather than|except|other than|than)(?: [a-z]+){0,2} $")
COUNTED = re.compile(r"\d (?:x )?(?:[a-z]+ )?$")
# What looks like a garment and is a part of one, or says what another is for.
NOT_ONE = re.compile(
    r" (?:pocket|bag|label|print|embroidery|fabric|shop|brand|company|factory|hanger|box|club|drawer)s?\b"
)


class Mention(NamedTuple):
    """A garment that is named: what the word is, which product type, and where."""

    start: int
    end: int
    type: str
    word: str
    clear: bool


def mentions(text: str) -> list[Mention]:
    """The garments wanted, in order; those of vague words where there are no others, or where they have a number."""
    clear = [_mention(found, clear=True) for found in CLEAR.finditer(text) if _wanted(text, found)]
    vague = [
        _mention(found, clear=False)
        for found in VAGUER.finditer(text)
        if _wanted(text, found) and not any(each.start <= found.start() < each.end for each in clear)
    ]
    if clear:
        return sorted([*clear, *(each for each in vague if COUNTED.search(text, max(0, each.start - 30), each.start))])
    return [each for each in vague if each.type == "uniform"] or vague


def others(text: str) -> list[str]:
    """Goods that no rate card has."""
    return [*dict.fromkeys(found[0] for found in OTHER.finditer(text) if _wanted(text, found))]


def _wanted(text: str, found: re.Match[str]) -> bool:
    return not NEGATED.search(text, max(0, found.start() - 40), found.start()) and not NOT_ONE.match(text, found.end())


def _mention(found: re.Match[str], *, clear: bool) -> Mention:
    return Mention(found.start(), found.end(), found.lastgroup or "", found[0].removesuffix("s"), clear)
