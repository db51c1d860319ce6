"""Lines and barcodes to labels: what is printed on one thing. Pure: no picture and no model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from functions.detect_local.placing import (
    LONELY_GAP,
    Place,
    around,
    clusters,
    code_place,
    gap_to_code,
    place,
    reading_angle,
    reading_order,
    same_bars,
    same_label,
)
from functions.detect_local.reading import Code, Line

# Measured on photographs without lettering: what the models "read" there scores up to 0.78, and up
# to 0.89 where it is one character or one repeated (rivets, coins, the rim of a cup).
LEGIBLE = 0.8
# A line at least this long, and this like the code's text, is the code spelled out under its bars
# (whose guards are misread as a 1 now and then).
SPELLED = 4
SPELLED_ALIKE = 0.8
LOOKALIKES = str.maketrans("oils", "0115")


@dataclass(frozen=True)
class Label:
    """Lines in reading order and codes that are printed on one thing, and where."""

    lines: list[Line]
    codes: list[Code]
    at: Place


def plain(text: str) -> str:
    """Letters and digits alone, case folded: what two prints of one text have in common."""
    return "".join(character for character in text.casefold() if character.isalnum())


def legible(lines: Iterable[Line]) -> list[Line]:
    """The lines worth believing: well scored, and of more than one kind of character."""
    return [line for line in lines if line.score >= LEGIBLE and len(set(plain(line.text))) > 1]


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """Row by row from the top of the text, whichever way the photo was held."""
    angle = reading_angle(lines)
    return [lines[index] for index in reading_order([place(line.corners, angle) for line in lines])]


def group(lines: Sequence[Line], codes: Sequence[Code]) -> list[Label]:
    """Labels in reading order.

    Lines that stand together are a block. Blocks with the same nearest code within reach are one
    label with it: the text above and below the bars. A code that is no block's nearest joins the
    label beside it if the two codes differ in kind, as a carton's EAN and QR code do; two codes of
    one kind are two things. A code and a block that are still alone and each other's nearest are
    one label from somewhat farther: a small code in the far corner.
    """
    angle = reading_angle(lines)
    codes = _once(codes, angle)
    bars = [code_place(code.corners, angle) for code in codes]
    wording = [
        line
        for line in lines
        if not any(_spells(line, place(line.corners, angle), code, bar) for code, bar in zip(codes, bars, strict=True))
    ]
    spots = [place(line.corners, angle) for line in wording]
    blocks = [
        Label([wording[index] for index in block], [], around(spots[index] for index in block))
        for block in clusters(spots, same_label)
    ]
    nearest = _own_codes([block.at for block in blocks], bars)
    labels = [block for block, near in zip(blocks, nearest, strict=True) if near is None]
    alone: list[Label] = []
    for index, (code, bar) in enumerate(zip(codes, bars, strict=True)):
        own = [block for block, near in zip(blocks, nearest, strict=True) if near == index]
        whole = Label(
            [line for block in own for line in block.lines],
            [code],
            around([bar, *(block.at for block in own)]),
        )
        (labels if own else alone).append(whole)
    for each in alone:
        beside = _label_beside(each, labels)
        if beside is None:
            labels.append(each)
        else:
            beside.codes.extend(each.codes)
    return [
        Label(in_reading_order(labels[index].lines), labels[index].codes, labels[index].at)
        for index in reading_order([label.at for label in labels])
    ]


def _once(codes: Iterable[Code], angle: float) -> list[Code]:
    """The codes without second scans of the same bars."""
    kept: list[Code] = []
    for code in codes:
        if not any(
            (code.format, code.text) == (other.format, other.text)
            and same_bars(code_place(code.corners, angle), code_place(other.corners, angle))
            for other in kept
        ):
            kept.append(code)
    return kept


def _spells(line: Line, spot: Place, code: Code, bar: Place) -> bool:
    """Whether a line is the code's own: its bars misread as letters, or its digits under them."""
    if spot.within(bar):
        return True
    spelled, text = (plain(each).translate(LOOKALIKES) for each in (line.text, code.text))
    a_part = spelled in text and any(character.isdigit() for character in line.text)
    return (
        len(spelled) >= SPELLED
        and gap_to_code(spot, bar) < math.inf
        and (a_part or SequenceMatcher(None, spelled, text).ratio() >= SPELLED_ALIKE)
    )


def _own_codes(spots: Sequence[Place], bars: Sequence[Place]) -> list[int | None]:
    """Which code each block belongs to: its nearest, or one as lonely as it is."""
    own = [_nearest_code(spot, bars) for spot in spots]
    pairs = sorted(
        (gap, index, number)
        for index, spot in enumerate(spots)
        for number, bar in enumerate(bars)
        if (gap := gap_to_code(spot, bar, LONELY_GAP)) < math.inf
    )
    for _, index, number in pairs:
        if own[index] is None and number not in own:
            own[index] = number
    return own


def _nearest_code(spot: Place, bars: Sequence[Place]) -> int | None:
    gaps = [gap_to_code(spot, bar) for bar in bars]
    return gaps.index(min(gaps)) if min(gaps, default=math.inf) < math.inf else None


def _label_beside(alone: Label, labels: Iterable[Label]) -> Label | None:
    """The nearest label within reach whose codes are all of another kind."""
    kind = alone.codes[0].format
    others = [label for label in labels if label.codes and kind not in {c.format for c in label.codes}]
    near = min(others, key=lambda label: gap_to_code(label.at, alone.at), default=None)
    return near if near and gap_to_code(near.at, alone.at) < math.inf else None
