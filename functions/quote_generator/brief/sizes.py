"""How many of each size."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

NAMED = {
    "extra small": "XS", "x-small": "XS", "xsmall": "XS", "small": "S", "medium": "M", "med": "M", "large": "L",
    "extra large": "XL", "x-large": "XL", "xlarge": "XL", "xx-large": "XXL", "double xl": "XXL",
    "2xl": "XXL", "2x": "XXL", "xxxl": "3XL", "3x": "3XL", "xxxxl": "4XL", "4x": "4XL",
}  # fmt: skip
SIZE = (
    r"(?:(?:xx-?|x-?|extra )?large|(?:x-?|extra )?small|medium|med|double xl|[2-6]xl|[2-4]x(?! \d)|x{0,4}l|x{0,2}s|m)"
)
MANY = r"\d{1,6}"
BETWEEN = r"(?: ?(?:,|;|/|&|\+|-|and|\n|\|)){0,2} ?"
NUMBER_FIRST = rf"({MANY})(%?) ?(?:x |x(?=[smlx\d])|pcs |pieces |of |in |each |size |units )?\b({SIZE})\b"
SIZE_FIRST = rf"\b({SIZE})\b ?(?:[:=x(-]|- )? ?({MANY})(%?)\)?(?: ?(?:pcs|pieces|units))?(?!\w)"
RUNS = [
    (re.compile(rf"(?<![\w.#])(?:{pattern}){BETWEEN}(?:(?:{pattern}){BETWEEN})*"), re.compile(pattern))
    for pattern in (SIZE_FIRST, NUMBER_FIRST)
]
RANGE = re.compile(rf"\b({SIZE}) ?(?:-|to|through|up to|until|/) ?({SIZE})\b(?!-?neck)")
LIST = re.compile(rf"\b{SIZE}(?: ?(?:,|/|:|&| and| ) ?(?:and )?{SIZE}){{1,7}}\b")
EVENLY = re.compile(r"\b(?:even(?:ly)?|equal(?:ly)?|same (?:number|amount|quantity)|split|spread|across|each size)\b")
RATIO = re.compile(r"\b(\d{1,2}(?: ?[:/-] ?\d{1,2}){2,7})\b")


class Sizes(NamedTuple):
    """The numbers, if all are said or follow ("%S" where they are shares); how surely; the text without them; notes."""

    numbers: dict[str, int]
    confidence: float
    rest: str
    notes: list[str]


def listed(text: str, known: Sequence[str]) -> Sizes:
    """The sizes given with numbers: "100 S, 200 M, 200 L", "S: 100, M: 200", "15 small, 30 medium"."""
    best: tuple[int, int, int, dict[str, int], bool] | None = None
    for (run, pair), size_first in zip(RUNS, (True, False), strict=True):
        for found in run.finditer(text):
            pairs = pair.findall(found[0])
            numbers: dict[str, int] = {}
            for one in pairs:
                size, many = (one[0], one[1]) if size_first else (one[2], one[0])
                name = _name(size, known)
                numbers[name] = numbers.get(name, 0) + int(many)
            shares = any("%" in one for one in pairs)
            if len(pairs) > 1 and (best is None or len(pairs) > best[0]):
                best = (len(pairs), found.start(), found.end(), numbers, shares)
    if best is None:
        return Sizes({}, 0.0, text, [])
    _, start, end, numbers, shares = best
    rest = f"{text[:start]}{'#' * (end - start)}{text[end:]}"
    unknown = [size for size in numbers if size not in known]
    notes = [f"Size {size} is not offered." for size in unknown]
    numbers = {size: many for size, many in numbers.items() if many > 0}
    if shares:
        return Sizes({f"%{size}": many for size, many in numbers.items()}, 0.9, rest, notes)
    return Sizes(numbers, 0.4 if unknown else 0.95, rest, notes)


def spread(text: str, quantity: int | None, known: Sequence[str]) -> Sizes:
    """The sizes given without numbers: "S-XL evenly", "XS to XXL, ratio 1:2:2:2:2:1"."""
    found = RANGE.search(text)
    if found:
        first, last = (_name(size, known) for size in found.groups())
        if first not in known or last not in known or known.index(first) >= known.index(last):
            return Sizes({}, 0.0, text, [])
        names = list(known[known.index(first) : known.index(last) + 1])
    else:
        found = LIST.search(text)
        if found is None:
            return Sizes({}, 0.0, text, [])
        said = (_name(size, known) for size in re.findall(SIZE, found[0]))
        names = [*dict.fromkeys(name for name in said if name in known)]
    around = text[max(0, found.start() - 60) : found.end() + 60]
    rest = f"{text[: found.start()]}{'#' * len(found[0])}{text[found.end() :]}"
    ratio = RATIO.search(around)
    weights = [int(part) for part in re.split(r"\D+", ratio[1])] if ratio else []
    if len(weights) != len(names) or not sum(weights):
        weights = [1] * len(names) if EVENLY.search(around) else []
    if not weights or not names or quantity is None:
        return Sizes(
            {}, 0.0, rest, [f"Sizes {names[0]} to {names[-1]}: how many of each is still open."] if names else []
        )
    return Sizes(divided(quantity, names, weights), 0.9, rest, [])


def divided(quantity: int, names: Sequence[str], weights: Sequence[int]) -> dict[str, int]:
    """Whole numbers in proportion to the weights that add up to the quantity; what is over goes to the first."""
    whole = sum(weights)
    numbers = [quantity * weight // whole for weight in weights]
    for place in range(quantity - sum(numbers)):
        numbers[place % len(numbers)] += 1
    return {name: many for name, many in zip(names, numbers, strict=True) if many}


def _name(size: str, known: Sequence[str]) -> str:
    """A size as the rate card writes it: XXL and 2XL are one."""
    name = NAMED.get(size, size.upper())
    same = {"XXL": "2XL", "2XL": "XXL", "XXXL": "3XL", "3XL": "XXXL", "XXXXL": "4XL", "4XL": "XXXXL"}
    return name if name in known else same[name] if same.get(name) in known else name
