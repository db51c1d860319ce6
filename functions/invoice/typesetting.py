"""From data to a page: Typst, given nothing but its own templates, the fonts and one JSON text.

What somebody wrote reaches it as strings of that text, so it is set as it stands: no markup, no code, no file.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Literal

from functions.invoice.fonts import fonts, printable

TEMPLATES = Path(__file__).parent / "templates"
# Of one text. A page holds some 5,000 characters, and a cell isn't for novels.
MOST_CHARACTERS = 4000
# What isn't broken by spaces may be broken anywhere: else it would run over its neighbours.
UNBROKEN = re.compile(r"[^\s\u200b-\u200d]{32,}")
BREAK = "\u200b"
# What isn't text but an SVG of ours.
DRAWINGS = frozenset({"logo", "code"})


def typeset(template: Literal["invoice", "quote"], data: dict[str, Any], on: date, xml: bytes | None = None) -> bytes:
    """The PDF/A-3b of the data, dated `on`, with the XML attached if there is one: the same bytes each time."""
    from typst import Compiler

    compiler = Compiler(TEMPLATES / f"{template}.typ", root=TEMPLATES, font_paths=fonts(), ignore_system_fonts=True)
    pdf = compiler.compile(
        format="pdf",
        pdf_standards="a-3b",
        timestamp=datetime.combine(on, time(), UTC),
        sys_inputs={"data": json.dumps(_settable(data), ensure_ascii=False), "xml": (xml or b"").decode()},
    )
    if not isinstance(pdf, bytes):
        raise TypeError("Typst gave no PDF")
    return pdf


def _settable(value: Any) -> Any:
    """The data with every string as it can be set."""
    if isinstance(value, dict):
        return {name: each if name in DRAWINGS else _settable(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_settable(each) for each in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    shown = printable(text).strip()
    if len(shown) > MOST_CHARACTERS:
        shown = shown[: MOST_CHARACTERS - 1] + "…"
    return UNBROKEN.sub(lambda run: BREAK.join(run[0]), shown)
