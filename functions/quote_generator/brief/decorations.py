"""Prints, embroideries, labels and packaging: how many colours, and where.

A sentence is read piece by piece, between commas and joining words. A piece that names a method begins a decoration;
one that doesn't adds what it says to the decoration before it, or waits for the next: "front and back print".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from functions.quote_generator.brief.text import sentences

METHODS = {
    "label": r"(?:printed |woven |embroidered |custom |satin )?(?:neck |care |size |brand |inside )?labels?\b"
    r"|\blabell?ing\b|\b(?:hang|swing) ?-?tags?|\bneck tapes?|\bneck prints?",
    "packaging": r"(?:printed )?(?:individually |single |separately )(?:poly ?)?(?:packed|bagged|bagging"
    r"|wrapped|folded|boxed)"
    r"|(?:printed |recycled |custom |branded |individual |plain )*"
    r"(?:poly ?-?bag(?:s|ged|ging)?|packaging|bagging|mailers?(?: bags?)?|gift ?-?box(?:es|ed)?|mailer bags?)\b"
    r"|\bbagged\b",
    "embroidery": r"embroider\w*|\b(?:stitched|sewn)(?:[ -]on)?\b(?! (?:in|together|hem))",
    "screen_print": r"\b(?:screen|silk) ?-?(?:print(?:ed|ing|s)?|screen(?:ed|ing)?)|\bprint(?:ed|ing"
    r"|s)?\b(?! run)|\bserigraph\w*",
}
METHOD = re.compile("|".join(rf"(?P<{name}>{pattern})" for name, pattern in METHODS.items()))
LOGO = re.compile(
    r"\b(?:logos?|photos?|pictures?|crests?|emblems?|badges?|branding|branded|art|artwork|graphics?|motifs?|designs?|(?:our"
    r"|company|team|club|staff|player) names?|numbers|slogan)\b"
)
WITHOUT = re.compile(
    r"\b(?:no|without|not|w/o|none|zero|don't (?:need|want)|do not (?:need|want)|un-?"
    r"|free of)(?: any)?(?: [a-z]+){0,2}[ -]?$"
    r"|\bun(?=printed|branded|decorated)$"
)
PLAIN = re.compile(
    r"\b(?:unprinted|undecorated|unbranded|un-branded|blanks?|blank garments)\b|\bno (?:logo|branding|decoration|print)"
)
NOT_OFFERED = re.compile(r"\b(?:heat[ -]?(?:transfer|press)|dtg|dtf|sublimation|vinyl|flock)\b")
COLOURS = re.compile(
    r"(?<![\d.#])(\d{1,2}) ?-?(?:spot |pms |pantone )?(?:colou?rs?|cols?|c)\b|\bcolou?rs?:? ?(\d{1,2})\b(?! ?(?:pcs|x))"
)
IN_COLOURS = re.compile(r"\b(?:in|of) (?:\d{1,2}) (?:different )?(?:colou?rs?|cols)\b")
PLACE = re.compile(
    r"(?P<side>\bboth |\bleft[ -](?:hand )?(?:side )?(?:of (?:the )?)?"
    r"|\bright[ -](?:hand )?(?:side )?(?:of (?:the )?)?)?"
    r"(?<!long )(?<!short )(?<!long-)(?<!short-)(?<!crew )(?<!round )(?<!v-)(?<!open )"
    r"\b(?P<place>chest|breast|front|back|sleeve|arm|hood|leg|thigh|pocket|collar|cuff|nape|shoulder|hem|heart)(?P<plural>s)?\b"
    r"(?! (?:pocket|of house|desk|office|to (?:me|us|you)|in touch|with|from|by|end|seam|cover|zip|order"
    r"|stock))(?!-?up\b)"
)
CALLED = {"breast": "chest", "arm": "sleeve", "nape": "neck", "thigh": "leg", "heart": "left_chest"}
PIECES = re.compile(r"(,|\+|&| and | plus |/| as well as |\(|\))")
LABELLED = re.compile(r"\s*(?:print |logo |embroidery )?(?:position|placement|location|place)s?\b")
# Printed unless something else is said, but for what is usually embroidered.
EMBROIDERED = {"polo", "uniform", "knitwear", "jacket"}


@dataclass
class Decoration:
    """One decoration as it is put together."""

    method: str
    colours: int | None = None
    placements: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, object]:
        """As a quote's request has it."""
        found: dict[str, object] = {"method": self.method}
        if self.method == "screen_print" and self.colours:
            found["colours"] = self.colours
        if self.placements and self.method in ("screen_print", "embroidery"):
            found["placements"] = self.placements
        return found


@dataclass
class _Piece:
    joined_by: str
    text: str
    method: str | None
    refused: bool
    colours: int | None
    placements: list[str]


def decorations(text: str, product: str | None, garment: re.Pattern[str]) -> tuple[list[Decoration], float, list[str]]:
    """(decorations, confidence, notes). `garment` finds the words for garments, whose parts are no placements."""
    found: list[Decoration] = []
    notes: list[str] = []
    for sentence in sentences(text):
        found += _of_sentence(sentence, garment, found, notes)
    notes += [f"{each[0].capitalize()} is not offered." for each in NOT_OFFERED.finditer(text)]
    if PLAIN.search(text) and not notes:
        notes.append("Without print or embroidery, as wished.")
    confidence = 0.85
    if not any(each.method in ("screen_print", "embroidery") for each in found) and not any(
        each.startswith("Without") for each in notes
    ):
        if logos := _logos(text, "embroidery" if product in EMBROIDERED else "screen_print", garment):
            found, confidence = [*logos, *found], 0.4
    return _once(found), confidence, notes


def _of_sentence(
    sentence: str, garment: re.Pattern[str], before: list[Decoration], notes: list[str]
) -> list[Decoration]:
    found: list[Decoration] = []
    waiting: list[_Piece] = []
    current = before[-1] if before and LABELLED.match(sentence) else None
    for piece in _pieces(sentence, garment):
        if piece.refused:
            notes.append(f"Without {(piece.method or 'decoration').replace('_', ' ')}, as wished.")
            current = None
        elif piece.method:
            current = Decoration(piece.method, piece.colours, list(piece.placements))
            for each in waiting:
                if each.colours and piece.colours:
                    found.append(Decoration(piece.method, each.colours, each.placements))
                else:
                    current.colours = current.colours or each.colours
                    current.placements = [*each.placements, *current.placements]
            waiting = []
            found.append(current)
        elif piece.colours or piece.placements:
            if current and current.method in ("screen_print", "embroidery"):
                if (piece.colours and current.colours and piece.placements) or (
                    piece.placements and current.placements and LOGO.search(piece.text)
                ):
                    current = Decoration(current.method, piece.colours, piece.placements)
                    found.append(current)
                elif piece.colours and current.colours and current.placements:
                    current = Decoration(current.method, piece.colours)
                    found.append(current)
                else:
                    current.colours = current.colours or piece.colours
                    current.placements += [each for each in piece.placements if each not in current.placements]
            else:
                waiting.append(piece)
    return _together(found)


def _together(found: list[Decoration]) -> list[Decoration]:
    """A further place without colours of its own belongs to the decoration before: "logo on chest, name on back"."""
    kept: list[Decoration] = []
    for each in found:
        if (
            kept
            and kept[-1].method == each.method
            and each.placements
            and (not each.colours or each.method == "embroidery")
        ):
            kept[-1].placements += [place for place in each.placements if place not in kept[-1].placements]
        else:
            kept.append(each)
    return kept


def _pieces(sentence: str, garment: re.Pattern[str]) -> Iterator[_Piece]:
    parts = PIECES.split(f",{sentence}")[1:]
    for joined_by, text in zip(parts[::2], parts[1::2], strict=True):
        methods = list(METHOD.finditer(text))
        named = next((each.lastgroup for each in methods), None)
        refused = bool(methods) and WITHOUT.search(text, 0, methods[0].start()) is not None
        colours = COLOURS.search(text)
        count = int(colours[1] or colours[2]) if colours else None
        places = list(dict.fromkeys(each for found in PLACE.finditer(text) for each in _places(found)))
        if not named and garment.search(text):
            if IN_COLOURS.search(text) or not re.search(
                r"\b(?:on|to|down|across|over|along|at) (?:the |each |its )", text
            ):
                count = None
                places = []
        if not named and not count and not _only_a_place(text) and not LOGO.search(text):
            places = (
                [] if not re.search(r"\b(?:on|at|across|left|right|both)\b", text) and joined_by in ",(" else places
            )
        if not named and LOGO.search(text) and WITHOUT.search(text, 0, LOGO.search(text).start()):  # type: ignore[union-attr]
            refused, places = True, []
        yield _Piece(joined_by, text, named, refused, count if count and count <= 20 else None, places)
        # Two methods in one piece: "embroidered polos with neck labels".
        for each in methods[1:]:
            if each.lastgroup != named and not refused:
                yield _Piece(joined_by, text, each.lastgroup, False, None, [])


def _only_a_place(text: str) -> bool:
    rest = PLACE.sub("", text)
    return not re.sub(r"\b(?:the|on|and|of|full|large|small|upper|lower|centre|center|big|in)\b|[^a-z]", "", rest)


def _places(found: re.Match[str]) -> list[str]:
    place = CALLED.get(found["place"], found["place"])
    side = (found["side"] or "").strip().split("-")[0].split(" ")[0]
    if side == "both" and found["plural"]:
        return [f"left_{place}", f"right_{place}"]
    return [f"{side}_{place}" if side not in ("", "both") and place not in ("front", "back", "left_chest") else place]


def _logos(text: str, method: str, garment: re.Pattern[str]) -> list[Decoration]:
    """What is put on the garment without saying how."""
    found: list[Decoration] = []
    for sentence in sentences(text):
        logo = LOGO.search(sentence)
        if logo and WITHOUT.search(sentence, max(0, logo.start() - 30), logo.start()):
            continue
        for piece in _pieces(sentence, garment):
            if logo is None and not (piece.colours and piece.placements):
                continue
            if piece.colours and piece.placements:
                found.append(Decoration(method, piece.colours, piece.placements))
            elif found and (piece.colours or piece.placements):
                found[-1].colours = found[-1].colours or piece.colours
                found[-1].placements += piece.placements
            elif piece.colours or piece.placements or LOGO.search(piece.text):
                found.append(Decoration(method, piece.colours, piece.placements))
    return _together(found)


def _once(found: list[Decoration]) -> list[Decoration]:
    """Said twice is meant once; what one mention leaves open another fills in."""
    kept: list[Decoration] = []
    for each in found:
        bare = next((one for one in kept if one.method == each.method and _fits(one, each)), None)
        if bare is None:
            kept.append(each)
        else:
            bare.colours = bare.colours or each.colours
            bare.placements = bare.placements or each.placements
    return kept


def _fits(one: Decoration, other: Decoration) -> bool:
    if one.method in ("label", "packaging"):
        return True
    same_place = not one.placements or not other.placements or one.placements == other.placements
    return same_place and (not one.colours or not other.colours or one.colours == other.colours)
