"""Labels to inventory items: named, described, counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from functions.detect_local.branding import brand
from functions.detect_local.calibration import calibrated
from functions.detect_local.grouping import Label, plain
from functions.detect_local.placing import around, lettering_height, place
from functions.detect_local.printed import tags
from functions.detect_local.reading import Code, Line

# Below this a digit of a date or a lot may be wrong.
SOLID = 0.9
# Lettering this near to the tallest is as prominent; a name is set in two lines at most.
AS_TALL = 0.9
# With so many digits, and so many for each letter, a line is a code's number; with fewer it may be a title.
LONG_NUMBER = 6
DIGITS_A_LETTER = 6
# A matrix code holds up to seven thousand characters.
MOST_NAME = 200
MOST_TAG, MOST_TAGS = 200, 100
# The codes that name a product in any shop; the others may be a serial number or a link.
RETAIL = frozenset({"ean_13", "ean_8", "upc_a", "upc_e"})

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Barcode:
    """`format` is spelled as in the W3C Barcode Detection API: `ean_13`, `qr_code`."""

    format: str
    text: str


@dataclass(frozen=True)
class Item:
    """One thing, or `quantity` alike.

    `type` is `labelled_item` (lettering with a barcode, or with a printed measure, size, lot or
    expiry), `barcode` (a code alone) or `text` (lettering, which need not be a thing's). `text` is
    the lettering besides the name. `box` is x, y, width and height in fractions of the picture,
    around all of them. `tags` are what `printed` knows, and a label's further codes. `brand` is who
    the label says the thing is from, where it says so in a form that `branding` knows.

    `confidence` is how probably name and barcode are right: that of the weakest evidence (the lines'
    mean score by length, or the barcode's, whichever is lower; of alike items the lowest), as
    `calibration` maps it.
    """

    name: str
    type: str
    quantity: int
    confidence: float
    barcode: Barcode | None
    text: str | None
    box: Box
    tags: list[str]
    brand: str | None = None


def items(labels: Iterable[Label], width: int, height: int) -> list[Item]:
    """One item a label, alike ones counted; `width` and `height` are the picture's, in pixels.

    A label needs wording or a code to be one: digits alone stand under bars that could not be read,
    and a measure or a date names nothing. Two labels are alike when their barcodes say the same or,
    where one shows no barcode (the back of a can does, its front does not), when their wording is
    the same.
    """
    counted: list[Item] = []
    for label in labels:
        if not label.codes and not any(_is_wording(line.text) for line in label.lines):
            continue
        item = _item(label, width, height)
        for index, other in enumerate(counted):
            if _alike(item, other):
                counted[index] = _together(other, item)
                break
        else:
            counted.append(item)
    return counted


def _is_wording(text: str) -> bool:
    """Whether a line can name a thing: not a measure or a date, nor what is spelled out under bars.

    There are digits, of which one may be misread as a letter; Code 39's text stands between
    asterisks (ISO/IEC 16388).
    """
    letters = sum(character.isalpha() for character in text)
    digits = sum(character.isdigit() for character in text)
    number = digits >= LONG_NUMBER and letters * DIGITS_A_LETTER <= digits
    return not number and not (text.startswith("*") and text.endswith("*")) and not tags(text)


def _item(label: Label, width: int, height: int) -> Item:
    codes = sorted(label.codes, key=lambda code: code.format not in RETAIL)
    name, rest = _named(label.lines)
    solid = [line.text for line in label.lines if line.score >= SOLID]
    printed = [tag for line in solid for tag in tags(line)]
    scores = [_mean_score(label.lines)] if label.lines else []
    if codes and not name:
        kind, name = "barcode", " ".join([codes[0].symbology, *codes[0].text.split()])
    else:
        kind = "labelled_item" if codes or printed else "text"
    return Item(
        name=name[:MOST_NAME],
        type=kind,
        quantity=1,
        confidence=round(calibrated(min(scores + [code.score for code in codes[:1]])), 4),
        barcode=Barcode(codes[0].format, codes[0].text) if codes else None,
        text="\n".join(rest) or None,
        box=_box([*label.lines, *codes], width, height),
        tags=_tags(printed, [f"{code.format}:{code.text}" for code in codes[1:]]),
        brand=brand(solid),
    )


def _named(lines: Sequence[Line]) -> tuple[str, list[str]]:
    """The tallest lettering that is more than a measure or a date, and the other lines."""
    wording = [line for line in lines if _is_wording(line.text)] or list(lines)
    if not wording:
        return "", []
    as_tall = AS_TALL * max(lettering_height(line.corners) for line in wording)
    tall = [index for index, line in enumerate(lines) if lettering_height(line.corners) >= as_tall and line in wording]
    first, *others = tall
    in_two_lines = others == [first + 1]
    name = lines[first : first + 1 + in_two_lines]
    return " ".join(line.text for line in name), [line.text for line in lines if line not in name]


def _mean_score(lines: Sequence[Line]) -> float:
    return sum(line.score * len(line.text) for line in lines) / sum(len(line.text) for line in lines)


def _tags(*lists: Sequence[str]) -> list[str]:
    """All of them once; a page of text in a further QR code is no tag."""
    return [tag for tag in dict.fromkeys(chain.from_iterable(lists)) if len(tag) <= MOST_TAG][:MOST_TAGS]


def _box(parts: Iterable[Line | Code], width: int, height: int) -> Box:
    spot = around(place(part.corners, 0.0) for part in parts)
    left, right = (min(max(x / width, 0.0), 1.0) for x in (spot.left, spot.right))
    top, bottom = (min(max(y / height, 0.0), 1.0) for y in (spot.top, spot.bottom))
    return round(left, 4), round(top, 4), round(right - left, 4), round(bottom - top, 4)


def _alike(one: Item, other: Item) -> bool:
    if one.barcode and other.barcode:
        return one.barcode == other.barcode
    return "barcode" not in (one.type, other.type) and _wording(one) == _wording(other)


def _wording(item: Item) -> str:
    return plain(f"{item.name}{item.text or ''}")


def _together(one: Item, other: Item) -> Item:
    """One item for both, described by the one that says more."""
    fuller = max((one, other), key=lambda item: (item.barcode is not None, len(_wording(item))))
    left, top = min(one.box[0], other.box[0]), min(one.box[1], other.box[1])
    right = max(one.box[0] + one.box[2], other.box[0] + other.box[2])
    bottom = max(one.box[1] + one.box[3], other.box[1] + other.box[3])
    return replace(
        fuller,
        quantity=one.quantity + other.quantity,
        confidence=min(one.confidence, other.confidence),
        box=(left, top, round(right - left, 4), round(bottom - top, 4)),
        tags=_tags(one.tags, other.tags),
        brand=fuller.brand or one.brand or other.brand,
    )
