"""Fills a mail in. The one place that loads Jinja2 and Babel, so import it where it is used."""

from __future__ import annotations

import gettext
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from functions.email_service import colours
from functions.email_service.formats import Formats
from functions.email_service.templates import MAILS, Template
from shared.models import Body

LOCALES = Path(__file__).with_name("locales")
LANGUAGES = frozenset({"de", "en", "fr"})
TEXT_WIDTH = 72  # columns: what is quoted twice still fits eighty
LONGEST_SUBJECT = 200  # characters
# Direction marks that reach beyond the name they stand in, and what has no shape at all.
TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0x20), *range(0x7F, 0xA0)])
del TURNING[0x0A]


@dataclass(frozen=True, slots=True)
class Brand:
    """Whose mail it is. `colour` is `#rrggbb`, or None for ours; `logo_url` is shown if it is https.

    `locale` (`de-CH`) decides formats and, where we have them, words; `time_zone` is an IANA name. `address` may have
    lines.
    """

    name: str
    colour: str | None = None
    logo_url: str | None = None
    locale: str = "en"
    time_zone: str = "UTC"
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's content. `subject` is one line."""

    subject: str
    html: str
    text: str


def render(template: Template, data: Body, brand: Brand, unsubscribe_url: str | None = None) -> Rendered:
    """The mail for this data, an instance of `template.model`.

    Raises `ValueError` for a colour that is none, and for an `unsubscribe_url` in a mail that can't be unsubscribed
    from.
    """
    if unsubscribe_url and not template.follow_up:
        raise ValueError(f"{template.name} is transactional: it can't be unsubscribed from")
    formats = Formats.of(brand.locale, brand.time_zone)
    language = formats.locale.language if formats.locale.language in LANGUAGES else "en"
    environment = _environment(language)
    right_to_left = formats.direction == "rtl"
    light, dark = colours.palettes(brand.colour)
    context: dict[str, Any] = {
        "data": data,
        "brand": _Shown(brand),
        "light": light,
        "dark": dark,
        "lang": language,
        "dir": formats.direction,
        "start": "right" if right_to_left else "left",
        "end": "left" if right_to_left else "right",
        "unsubscribe_url": unsubscribe_url,
        **{
            name: getattr(formats, name)
            for name in ("money", "day", "long_day", "days", "moment", "number", "percent", "size")
        },
    }
    # What the HTML and the text both say is said once; being plain text, it is escaped where it gets into HTML.
    module = environment.get_template(f"{template.name}/words.txt").make_module(context)
    context["words"] = {
        name: value.strip() if isinstance(value, str) else value
        for name, value in vars(module).items()
        if not name.startswith("_")
    }
    return Rendered(
        _one_line(context["words"]["subject"]),
        environment.get_template(f"{template.name}/body.html").render(context),
        environment.get_template(f"{template.name}/body.txt").render(context).strip() + "\n",
    )


class _Shown:
    """A brand as it is shown: its name can't turn the text around it."""

    def __init__(self, brand: Brand) -> None:
        self.name = on_one_line(brand.name)
        self.address = (brand.address or "").translate(TURNING).strip()
        self.logo_url = brand.logo_url if brand.logo_url and brand.logo_url.startswith("https://") else None


def on_one_line(name: str) -> str:
    """A name as it can stand in a header and in a sentence: nothing in it breaks or turns the line."""
    return _one_line(name.translate(TURNING))


def _one_line(text: str) -> str:
    """A header holds one line, whatever came in."""
    line = " ".join(part.strip() for part in text.splitlines() if part.strip())
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1].rstrip() + "…"


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(MAILS),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    translations = gettext.translation("mails", LOCALES, [language], fallback=language == "en")
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(paragraphs=_paragraphs, lines=_lines, wrapped=_wrapped, columns=_columns)
    return environment


def _paragraphs(text: str) -> list[str]:
    """Of what is divided by empty lines."""
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def _lines(text: str) -> Markup:
    """For HTML: line feeds as line breaks."""
    return Markup("<br>").join(escape(line) for line in text.splitlines())


def _wrapped(text: str, indent: int = 0) -> str:
    """For the text part: lines of a readable length. Words, and so links, stay whole."""
    space = " " * indent
    filled = (
        textwrap.fill(
            line,
            TEXT_WIDTH,
            initial_indent=space,
            subsequent_indent=space,
            expand_tabs=False,
            replace_whitespace=False,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    )
    return "\n".join(filled)


def _columns(rows: Iterable[tuple[str, ...]]) -> str:
    """For the text part: labels and values, the values below each other. A link has the next line to itself."""
    shown = [row for row in rows if row[1]]
    width = max((len(row[0]) for row in shown), default=0) + 2
    return "\n".join(
        f"{row[0] + ':':<{width}}{row[1]}" + "".join(f"\n{link}" for link in row[2:] if link) for row in shown
    )
