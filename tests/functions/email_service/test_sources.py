"""What is made from the mails' sources is what is committed, and every message is said in every language."""

from __future__ import annotations

import gettext
import re
from pathlib import Path
from typing import Any

import pytest

from functions.email_service.rendering import LOCALES
from functions.email_service.templates import MAILS, NAMES
from local.mail import catalogs, markup
from tests.clients.running import installed

each_language = pytest.mark.parametrize("file", catalogs.files(), ids=lambda file: file.parts[-3])


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    """The compiler."""
    installed(markup.FOLDER)


def test_the_html_is_up_to_date() -> None:
    made = markup.compiled()
    assert made.keys() == {MAILS / "layout.html", *(MAILS / name / "body.html" for name in NAMES)}
    stale = [path for path, html in made.items() if path.read_text() != html]
    assert stale == [], "make mails"


def test_a_source_that_is_wrong_does_not_compile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "body.mjml").write_text("<mj-text colour='red'>{{ x }}</mj-text>")
    for part in ("layout", "button"):
        (tmp_path / f"{part}.mjml").write_text((MAILS / f"{part}.mjml").read_text())
    monkeypatch.setattr(markup, "MAILS", tmp_path)
    with pytest.raises(ValueError, match="Attribute colour is illegal"):
        markup.compiled()


def test_each_mail_has_all_its_files() -> None:
    for name in NAMES:
        files = {path.name for path in (MAILS / name).iterdir()}
        assert files == {"body.html", "body.mjml", "body.txt", "sample.json", "words.txt"}
    assert {path.name for path in MAILS.iterdir() if path.is_dir()} == set(NAMES)


@each_language
def test_the_catalogs_are_up_to_date(file: Path) -> None:
    assert catalogs.updated(file) == file.read_bytes(), "make mails"
    assert catalogs.compiled(file) == file.with_suffix(".mo").read_bytes(), "make mails"


@each_language
def test_every_message_is_translated(file: Path) -> None:
    assert catalogs.missing(file) == []
    assert len(catalogs.read(file)) > 150


@each_language
def test_a_message_that_lacks_is_found(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / file.parts[-3] / "LC_MESSAGES" / "mails.po"
    copy.parent.mkdir(parents=True)
    text = file.read_text()
    copy.write_text(re.sub(r'(msgid "Subtotal"\nmsgstr) ".*"', r'\1 ""', text))
    assert catalogs.missing(copy) == ["Subtotal"]
    copy.write_text(text.replace('msgid "Subtotal"', '#, fuzzy\nmsgid "Subtotal"'))
    assert catalogs.missing(copy) == ["Subtotal"]
    copy.write_text(re.sub(r'#:[^\n]*\nmsgid "Subtotal"\nmsgstr ".*"\n\n', "", text))
    assert catalogs.updated(copy) != copy.read_bytes()


@each_language
def test_a_translation_has_the_same_places_to_fill_in(file: Path) -> None:
    for message in catalogs.read(file):
        if message.id:
            # Of a plural each form has its own: "one item" needs no number.
            for original, said in zip(forms(message.id), forms(message.string), strict=True):
                assert places(said) == places(original), original


def forms(text: Any) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def places(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)s", text))


def test_the_languages_differ() -> None:
    german, french = (gettext.translation("mails", LOCALES, [language]) for language in ("de", "fr"))
    assert (german.gettext("Subtotal"), french.gettext("Subtotal")) == ("Zwischensumme", "Sous-total")
    # French says the singular of none, German doesn't.
    one, more = "It works once, for %(count)s minute.", "It works once, for %(count)s minutes."
    assert german.ngettext(one, more, 0) != german.ngettext(one, more, 1)
    assert french.ngettext(one, more, 0) == french.ngettext(one, more, 1)
