"""The fabric: which of the rate card's keys the words fit best.

A key is read as words and a weight (`heavyweight_fleece_400`), so that new fabrics need no new rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# What customers say for the words of which keys are made; any other word of a key stands for itself.
SAID = {
    "organic": r"organic(?:ally)?|gots|bio|eco(?:-friendly)? cotton",
    "recycled": r"recycled|rpet|upcycled",
    "heavyweight": r"heavy ?-?weight|heavy ?-?duty|heavy|thick|extra warm",
    "lightweight": r"light ?-?weight|thin|featherweight",
    "performance": r"performance|moisture ?-?(?:wicking|management)|wicking|sweat ?-?wicking|breathable"
    r"|quick ?-?dry(?:ing)?"
    r"|dri-?fit|cool ?-?dry|technical|functional|sweat ?-?proof",
    "polyester": r"polyester|poly(?![- ]?bag|[- ]?cotton|[- ]?mailer)",
    "poly": r"poly(?:ester)?(?=[ /&-]{0,3}(?:and )?cotton)|(?<=cotton)[ /-]poly(?:ester)?|easy ?-?iron",
    "elastane": r"elastane|spandex|lycra|stretch(?:y)?",
    "fleece": r"fleece|fleecy|brushed(?: back| inside)?",
    "french": r"french",
    "terry": r"terry|loop ?back",
    "pique": r"piqu[eé]",
    "merino": r"merino",
    "wool": r"wool(?:len)?",
    "blend": r"blend(?:ed)?|mix",
    "padded": r"padded|puffer|quilted|insulated|padding",
    "shell": r"shell|wind ?breaker|wind ?proof",
    "softshell": r"soft ?-?shell",
    "ripstop": r"rip ?-?stop",
    "knit": r"knit(?:ted)?",
}
# Fabrics that rate cards may lack: said, they are noted, and never stand for another.
MATERIALS = (
    "bamboo linen hemp denim canvas silk viscose modal tencel lyocell cashmere suede leather corduroy mesh bouclé "
    "cotton polyester nylon acrylic wool merino fleece polyamide velour satin ripstop softshell elastane "
    "organic recycled"
).split()
NEGATED = re.compile(r"\b(?:no|not|without|instead of|rather than|avoid|isn't|not too)(?: \w+)? $")
OF_SOMETHING_ELSE = re.compile(
    r" (?:neck )?(?:poly ?)?(?:label|bag|tag|mailer|box|thread|packaging|carton|tote)s?\b|\]"
)
WEIGHT = re.compile(r"\b(\d{2,3}) ?-?(?:gsm|g/m2|g/m²|g/sqm|grams?|gr|g)\b(?! ?(?:each|per))|\bgsm:? ?(\d{2,3})\b")
# A weight is meant when it is as near as this.
NEAR = 0.1


class Fabric(NamedTuple):
    """A key, or None; how surely; and the materials that are said and not offered."""

    key: str | None
    confidence: float
    unknown: list[str]


def fabric(text: str, product: str | None, fabrics: Mapping[str, Sequence[str]]) -> Fabric:
    """The best of the product's keys; of all products' where none is known, if only one fits."""
    keys = (
        list(fabrics.get(product, ()))
        if product
        else [*dict.fromkeys(key for each in fabrics.values() for key in each)]
    )
    words = {word for key in keys for word in _words(key)} | {"heavyweight", "lightweight"}
    said = {word for word in words if _says(text, word)}
    weights = [int(found[1] or found[2]) for found in WEIGHT.finditer(text)]
    unknown = [word for word in MATERIALS if word not in words and _says(text, word)]
    heavy, light = "heavyweight" in said, "lightweight" in said
    if not any(heavy and "heavyweight" in _words(key) for key in keys):
        said.discard("heavyweight")
    scored = sorted(
        ((_score(key, said, weights), -place, key) for place, key in enumerate(keys)),
        reverse=True,
        key=lambda each: each[:2],
    )
    fitting = [(score, key) for score, _, key in scored if score > 0]
    best = [key for score, key in fitting if score == fitting[0][0]]
    if (heavy or light) and not (best and heavy and "heavyweight" in _words(best[0])):
        weighed = [key for key in best or (keys if product else []) if _weight(key)]
        if len(weighed) > 1 or (weighed and not best):
            return Fabric((max if heavy else min)(weighed, key=_weight), 0.75, unknown)
    if not best or (len(best) > 1 and not product):
        return Fabric(None, 0.0, unknown)
    own = _weight(best[0])
    if unknown or (weights and own and min(abs(own - weight) for weight in weights) > own * NEAR):
        return Fabric(best[0], 0.4, unknown)
    return Fabric(best[0], 0.9 if len(best) == 1 else 0.5, unknown)


def _score(key: str, said: set[str], weights: Sequence[int]) -> float:
    """More for each word said, a little less for each that isn't; a weight that differs counts against it."""
    words = _words(key)
    score = sum(1.0 if word in said else -0.1 for word in words) if words & said else 0.0
    own = _weight(key)
    if weights and own:
        off = min(abs(own - weight) for weight in weights)
        if off <= own * NEAR:
            score += 1.5 - off / 1000
        elif score:
            score -= min(off, 400) / 10_000  # of those that are all too light or too heavy the nearest
    return round(score, 4)


def _says(text: str, word: str) -> bool:
    return any(
        not NEGATED.search(text, max(0, found.start() - 30), found.start())
        and not OF_SOMETHING_ELSE.match(text, found.end())
        for found in re.finditer(rf"(?:(?<!\w)(?:{SAID.get(word, re.escape(word))})s?(?!\w))", text)
    )


def _words(key: str) -> set[str]:
    return {part for part in key.split("_") if not part.isdecimal()}


def _weight(key: str) -> int:
    """Grams per square metre; 0 where the key says none."""
    return next((int(part) for part in key.split("_") if part.isdecimal()), 0)
