"""The fonts, and which characters they can show: what none of them can must not reach the page.

PDF/A refuses a character without a glyph, and so does the typesetter.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typst import Fonts

# In the order in which a character is looked for. (package, file, face of a collection)
FILES = (
    ("fontpkg_inter", "files/Inter[opsz,wght].ttf", 0),
    ("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf", 0),
    ("fontpkg_ibm_plex_sans_arabic", "files/IBMPlexSansArabic-Regular.ttf", 0),
    ("justmytype_intl_rtl", "fonts/ofl/notosansarabic/NotoSansArabic[wdth,wght].ttf", 0),
    ("justmytype_intl_rtl", "fonts/ofl/notosanshebrew/NotoSansHebrew[wdth,wght].ttf", 0),
    ("fontpkg_noto_sans_devanagari", "files/NotoSansDevanagari[wdth,wght].ttf", 0),
    ("fontpkg_noto_sans_thai", "files/NotoSansThai[wdth,wght].ttf", 0),
    ("noto_cjk_sans_otc", "NotoSansCJK-Regular.ttc", 2),
)
# Plex before Noto, which draws an Arabic letter's dots apart from it: read from the PDF, a name would be in pieces.
FAMILIES = (
    "Inter",
    "Noto Sans",
    "IBM Plex Sans Arabic",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
)
# One character is drawn otherwise in each of these places.
CJK = {"JP": "JP", "KR": "KR", "TW": "TC", "HK": "HK", "MO": "HK"}
# What Inter can surely show, so that most text needs no font opened to know it.
PLAIN = re.compile("[\x20-\x7e\xa0-\xac\xae-\u0148\u014a-\u017f\u200b\u202f–—‘’‚“”„•…€−]*")
# Marks stacked on a letter; writing systems need up to three, a flood of them paints over its neighbours.
MOST_MARKS = 3
# Directions are found from the letters; somebody else's overrides would turn a name, or an amount, around.
DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
UNKNOWN = "\ufffd"


def families(country: str) -> list[str]:
    """The families by name, first the preferred one. `country`: whose reader's Chinese characters they are."""
    return [*FAMILIES, f"Noto Sans CJK {CJK.get(country, 'SC')}"]


@lru_cache(maxsize=1)
def fonts() -> Fonts:
    """All fonts, found once in a process. Nothing is read of one before a character needs it."""
    from typst import Fonts

    return Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=sorted({_path(package, ".") for package, _, _ in FILES}),
    )


def printable(text: str) -> str:
    """The text as it can be typeset: composed, without controls, with a replacement for letters nobody can show.

    Line feeds stay. Symbols that no font has (emoji) are left out.
    """
    if PLAIN.fullmatch(text):
        return text
    composed = unicodedata.normalize("NFC", DIRECTIONS.sub("", text.replace("\r\n", "\n")))
    return "".join(_shown(cluster) for cluster in _clusters(composed))


def right_to_left(text: str) -> bool:
    """Whether a line of this text runs from right to left: as its first letter does (Unicode Annex 9, P2 and P3)."""
    if PLAIN.fullmatch(text):
        return False
    strong = (unicodedata.bidirectional(character) for character in text)
    return next((kind != "L" for kind in strong if kind in ("L", "R", "AL")), False)


def _clusters(text: str) -> list[str]:
    """Letters, each with the marks and joiners that follow it."""
    found: list[str] = []
    for character in text:
        if found and (unicodedata.category(character)[0] == "M" or character in "\u200c\u200d"):
            found[-1] += character
        else:
            found.append(character)
    return found


def _shown(cluster: str) -> str:
    if cluster == "\n" or PLAIN.fullmatch(cluster):
        return cluster
    kind = unicodedata.category(cluster[0])
    if kind[0] != "C" and kind not in ("Zl", "Zp"):
        for text in (cluster[: 1 + MOST_MARKS], cluster[0]):
            if any(_covers(text, *file) for file in FILES):
                return text
    if cluster[0].isspace():
        return " "
    return "" if kind[0] in "CSM" else UNKNOWN


def _covers(text: str, *file: object) -> bool:
    return all(ord(character) in _characters(*file) for character in text)


@cache
def _characters(package: str, name: str, face: int) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(_path(package, name), fontNumber=face, lazy=True) as font:
        return frozenset(font.getBestCmap())


def _path(package: str, name: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the fonts of {package} are not installed")
    return Path(spec.origin).parent / name
