"""The words in other languages: `.po` files, kept in step with the templates and compiled to `.mo`."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from functions.email_service.rendering import LANGUAGES, LOCALES
from functions.email_service.templates import MAILS

EXTRACTOR = "jinja2.ext:babel_extract"
OPTIONS = {pattern: {"trimmed": "true", "newstyle_gettext": "true"} for pattern in ("**.txt", "**.html")}


def files() -> list[Path]:
    """The `.po` of each language but English, which the templates are written in."""
    return [LOCALES / language / "LC_MESSAGES" / "mails.po" for language in sorted(LANGUAGES - {"en"})]


def wanted() -> Catalog:
    """Every message that the templates have, in the order of their files."""
    catalog = Catalog(project="Backroom", copyright_holder="", fuzzy=False)
    found = extract_from_dir(MAILS, method_map=[(pattern, EXTRACTOR) for pattern in OPTIONS], options_map=OPTIONS)
    for place, _, message, comments, context in found:
        catalog.add(message, None, [(place, None)], auto_comments=comments, context=context)  # type: ignore[list-item]
    return catalog


def read(file: Path) -> Catalog:
    """A language's catalog."""
    with file.open("rb") as content:
        return read_po(content, locale=file.parts[-3], domain="mails")


def updated(file: Path) -> bytes:
    """The `.po` with what the templates have now: what is new is there untranslated, what is gone is gone."""
    old, new = read(file), wanted()
    for message in new:
        known = old.get(message.id, message.context)
        if message.id and known is not None:
            message.string = known.string
            message.flags |= known.flags & {"fuzzy"}
    new.locale = old.locale
    buffer = BytesIO()
    write_po(buffer, new, width=120, omit_header=True, sort_by_file=True)
    language, plural = file.parts[-3], new.plural_forms
    header = f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    return f'{header}"Plural-Forms: {plural}\\n"\n\n'.encode() + buffer.getvalue()


def compiled(file: Path) -> bytes:
    """The `.mo` of a `.po`."""
    buffer = BytesIO()
    catalog = read(file)
    catalog.creation_date = datetime(2026, 11, 21, tzinfo=UTC)  # not the time of compiling: the same every time
    write_mo(buffer, catalog)
    return buffer.getvalue()


def missing(file: Path) -> list[str]:
    """The messages that have no translation, or one that nobody has looked at."""
    found = []
    for message in read(file):
        strings = [message.string] if isinstance(message.string, str) else message.string or [""]
        if message.id and (message.fuzzy or not all(strings)):
            found.append(str(message.id))
    return found
