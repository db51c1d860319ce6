"""A brief in ordinary English to the fields of a quote's request, by rules of our own: no network, no model.

Libraries were weighed and tried. `dateparser` takes half a second to import and reads "by March" as a day in the past
and "mid February" as its 21st; `word2number` and `quantulum3` (seconds for its first text) find numbers, and not which
of them is the quantity, which is the hard part; typing errors are mended by a table of words one letter away. What is
left is a vocabulary of the trade, and that is in `brief/`, one module for each kind of thing that is said.

Each field is read once and blotted out, so that the 15 of "15 March" is nobody's quantity: dates, money, sizes, then
the garment and how many. What is unsure is understood all the same, with a low confidence and a question.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

from functions.quote_generator.brief import colours, dates, decorations, fabrics, products, quantity, sizes, terms
from functions.quote_generator.brief.models import SURE, Decoration, Fields, Known, Missing, Parsed
from functions.quote_generator.brief.products import Mention
from functions.quote_generator.brief.text import MOST_CHARACTERS, uniform
from shared.ai.providers import LOCAL

VERSION = "rules-1"
MOST_QUANTITY = 1_000_000
GARMENT = re.compile(f"{products.CLEAR.pattern}|{products.VAGUER.pattern.replace('?P<', '?P<vague_')}")
PER_COLOUR = re.compile(r"\d ?(?:pcs|pieces|units|of)? ?(?:per|each|in each|for each|a) colou?r\b")
VAGUE_QUANTITY = re.compile(r"\ba-few\b")
COMPLEXITY = [
    ("medium", r"\b(?:medium|moderate|average|normal)(?:ly)? complex(?:ity)?\b|\bcomplexity:? ?(?:medium|moderate)\b"),
    ("simple", r"\b(?:low|simple) complexity\b|\bcomplexity:? ?(?:simple|low|basic)\b"),
    (
        "complex",
        r"\bcomplexity:? ?(?:complex|high)\b|\bhigh complexity\b|\bcut[ -]and[ -]sew\b"
        r"|\b(?:complex|intricate|elaborate|complicated)\b(?! (?:\w+ )?(?:logo|print|artwork|embroidery|graphic"
        r"|design))",
    ),
    (
        "simple",
        r"\b(?:simple|basic|plain)\b(?= (?:[a-z-]+ ){0,3}?(?:GARMENT))"
        r"|(?:^|[,.;\n-]) ?(?:just |very |nice and )?(?:simple|basic|plain|nothing fancy) ?(?=[,.;\n-]|$)",
    ),
]
_GARMENT_WORD = "|".join(f"(?:{called})" for called in [*products.CALLED.values(), *products.VAGUE.values()])
COMPLEXITIES = [(name, re.compile(pattern.replace("GARMENT", _GARMENT_WORD))) for name, pattern in COMPLEXITY]

QUESTIONS = {
    "product_type": "Which product is it: {products}?",
    "quantity": "How many pieces do you need?",
    "fabric": "Which fabric shall it be: {fabrics}?",
    "sizes": "How many of each size do you need?",
    "colours": "Which colours shall the garments have?",
    "decorations": "How shall it be decorated, printed or embroidered, where, and in how many colours?",
    "target_date": "By which day do you need it, with month and year?",
    "currency": "In which currency shall we quote: {currencies}?",
    "incoterm": "Under which incoterm shall we deliver?",
    "complexity": "Is the garment simple, medium or complex to make?",
}
NEEDED = ("product_type", "quantity")


def parse(description: str, today: date, known: Known) -> Parsed:
    """What the brief says; never raises. `today` is what "in six weeks" counts from."""
    text = uniform(description)
    found: dict[str, tuple[object, float]] = {}
    notes: list[str] = []

    def put(name: str, value: object, confidence: float) -> None:
        if value:
            found[name] = (value, round(confidence, 2))

    day, sure, rest, said = dates.target_date(text, today)
    put("target_date", day, sure)
    notes += said
    code, sure, said = terms.currency(rest, tuple(known.currencies))
    put("currency", code, sure)
    notes += said
    put("incoterm", *terms.incoterm(rest, tuple(known.incoterms)))
    rest = terms.without_money(rest)

    listed = sizes.listed(rest, known.sizes)
    rest = listed.rest
    offered = [each for each in products.mentions(rest) if each.type in known.fabrics]
    counted = quantity.quantity(fabrics.WEIGHT.sub(_blot, rest), offered, colours.COLOUR)
    product = _product(offered, counted)
    if product:
        others = {each.type for each in offered} - {product.type}
        doubt = (
            0.4 if counted.others else 0.55 if others and _several(rest, offered) else 0.95 if product.clear else 0.65
        )
        put("product_type", product.type, doubt)
        if counted.others:
            goods = ", ".join(dict.fromkeys(f"{each.word}s" for each in counted.others))
            notes.append(f"Also asked for: {goods}. One quote is for one product.")
    if unknown := products.others(rest):
        notes.append(f"Not on the rate card: {', '.join(unknown[:5])}.")

    named = colours.colours(rest)
    counted = _of_each_colour(counted, rest, named)
    number = _quantity(found, notes, counted, listed, vague=bool(VAGUE_QUANTITY.search(rest)))
    split, sure, said = _sizes(rest, listed, number, known)
    put("sizes", split, sure)
    notes += said

    kind = product.type if product else None
    made_of = fabrics.fabric(rest, kind, known.fabrics)
    put("fabric", made_of.key, made_of.confidence)
    if made_of.unknown:
        notes.append(f"Not on the rate card for this product: {', '.join(made_of.unknown)}.")
    put("colours", named, 0.85)
    decorated, sure, said = decorations.decorations(rest, kind, GARMENT)
    put("decorations", [Decoration.model_validate(each.plain()) for each in decorated], sure)
    notes += said
    put("complexity", next((name for name, pattern in COMPLEXITIES if pattern.search(rest)), None), 0.8)
    if len(description) > MOST_CHARACTERS:
        notes.append(f"Only the first {MOST_CHARACTERS} characters were read.")
    return parsed(found, notes, known)


def parsed(found: dict[str, tuple[object, float]], notes: list[str], known: Known) -> Parsed:
    """Fields with their confidence, and a question for each that is needed and missing, or unsure."""
    asked = [name for name in NEEDED if name not in found]
    asked += [name for name, (_, confidence) in found.items() if confidence < SURE]
    product = found.get("product_type", (None, 0.0))[0]
    words = {
        "products": ", ".join(each.replace("_", " ") for each in known.fabrics),
        "fabrics": ", ".join(each.replace("_", " ") for each in known.fabrics.get(str(product), ())),
        "currencies": ", ".join(known.currencies),
    }
    return Parsed(
        fields=Fields.model_validate({name: value for name, (value, _) in found.items()}),
        confidence={name: confidence for name, (_, confidence) in found.items()},
        missing=[Missing(field=name, question=QUESTIONS[name].format(**words)) for name in QUESTIONS if name in asked],
        notes=list(dict.fromkeys(notes)),
        provider=LOCAL,
        model=VERSION,
        cost_micro_usd=0,
        fallback_reason=None,
    )


def _product(offered: list[Mention], counted: quantity.Quantity) -> Mention | None:
    """The garment that the quantity is of, else the first."""
    return counted.of if counted.of in offered else (offered[0] if offered else None)


def _of_each_colour(counted: quantity.Quantity, text: str, named: list[str]) -> quantity.Quantity:
    """ "1,000 pieces per colour, three colours": three thousand."""
    if counted.number is None or not PER_COLOUR.search(text):
        return counted
    said = re.search(r"\b(\d{1,2}) ?(?:different )?colou?rs?\b(?! ?-?(?:front|back|print|logo))", text)
    many = int(said[1]) if said else len(named)
    return counted._replace(number=counted.number * max(1, many), confidence=0.7 if many > 1 else 0.4)


def _several(text: str, offered: list[Mention]) -> bool:
    """Whether garments are wanted beside one another ("hoodies and joggers"), not one in other words."""
    return any(
        one.type != other.type
        and re.fullmatch(r" ?(?:,|and|&|\+|or|/|plus)(?: \w+){0,2} ", text[one.end : other.start])
        for one, other in pairwise(offered)
    )


def _quantity(
    found: dict[str, tuple[object, float]],
    notes: list[str],
    counted: quantity.Quantity,
    listed: sizes.Sizes,
    *,
    vague: bool,
) -> int | None:
    """Put the number of pieces; what the sizes add up to where nothing else is said."""
    whole = 0 if any(size.startswith("%") for size in listed.numbers) else sum(listed.numbers.values())
    number, confidence = counted.number, counted.confidence
    if whole and number != whole:
        if number and confidence >= 0.9 and not counted.others:
            notes.append(f"The sizes add up to {whole}, not {number}.")
            confidence = 0.5
        else:
            number, confidence = whole, 0.9
    elif whole:
        confidence = 0.98
    if vague and confidence < 0.9:
        number = None
    if number is None or number > MOST_QUANTITY:
        return None
    found["quantity"] = (number, confidence)
    return number


def _sizes(rest: str, listed: sizes.Sizes, number: int | None, known: Known) -> tuple[dict[str, int], float, list[str]]:
    """(numbers, confidence, notes): those listed, else those that follow from the quantity."""
    if not listed.numbers:
        listed = sizes.spread(rest, number, known.sizes)
    numbers, confidence = listed.numbers, listed.confidence
    if any(size.startswith("%") for size in numbers):
        if number is None or sum(numbers.values()) != 100:
            numbers = {}
        else:
            numbers = sizes.divided(number, [size[1:] for size in numbers], list(numbers.values()))
    if numbers and number and sum(numbers.values()) != number:
        confidence = 0.4
    return numbers, confidence, listed.notes


def _blot(found: re.Match[str]) -> str:
    return "#" * len(found[0])
