"""Mails in a real browser: on a phone and on a desk, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, sync_playwright

from functions.email_service import templates
from local.mail.pictures import CHROMIUM, FLAGS, SAMPLES
from tests.functions.email_service.filling import brand, rendered, saying

LEGIBILITY = Path(__file__).with_name("legibility.js").read_text()
LOGO = "https://example.com/logo.png"
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
# Ours, one that is hard to see by day, one that is hard to see by night, and one between white and black.
COLOURS = (None, "#ffe600", "#111111", "#7a7a7a")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium")
everywhere = pytest.mark.parametrize(
    ("width", "scheme"), [(width, scheme) for width in (360, 1200) for scheme in ("light", "dark")]
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, width: int, scheme: Any, complaints: list[str]) -> Iterator[Page]:
    """An empty page of this width, in this scheme, that can load a logo and nothing else."""
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme) as context:
        context.route("**/*", answer)
        opened = context.new_page()
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("requestfailed", lambda request: complaints.append(request.url))
        yield opened


def answer(route: Route) -> None:
    """A wide logo; whatever else is asked for fails, and is complained of."""
    if route.request.url != LOGO:
        return route.abort()
    content = BytesIO()
    Image.new("RGB", (800, 80), "#0b6e4f").save(content, "PNG")
    return route.fulfill(body=content.getvalue(), content_type="image/png")


def judged(page: Page, html: str) -> list[str]:
    """What can't be read, and whether it is as dark or light as it was asked to be."""
    page.set_content(html)
    seen = page.evaluate(LEGIBILITY)
    assert seen["texts"] > 5
    assert seen["dark"] == page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    found: list[str] = seen["found"]
    return found


@everywhere
def test_every_mail_can_be_read_in_every_colour(page: Page, complaints: list[str]) -> None:
    for name in templates.NAMES:
        for colour in COLOURS:
            assert judged(page, rendered(name, by=brand(colour=colour, logo_url=LOGO)).html) == [], (name, colour)
    assert complaints == []


@everywhere
def test_every_mail_fits_whatever_is_filled_in(page: Page, complaints: list[str]) -> None:
    for name in templates.NAMES:
        for locale in ("de", "ar"):
            mail = rendered(name, saying(templates.find(name), LONG), brand(LONG, address=LONG, locale=locale))
            assert judged(page, mail.html) == [], (name, locale)
    assert complaints == []


@pytest.mark.parametrize(("width", "scheme"), [(360, "light")])
def test_what_cannot_be_read_is_found(page: Page) -> None:
    html = rendered("quote").html
    assert judged(page, html) == []
    assert judged(page, html.replace("color:#5b626f", "color:#a0a0a0"))[0].startswith("2.6")
    wide = html.replace("<h1", '<h1 style="white-space:nowrap">Wider than a phone, by far, and some more</h1><h1', 1)
    assert "outside: Wider than a phone, by far, and some mor" in judged(page, wide)
    wide = html.replace("</body>", '<div style="width:500px">x</div></body>')
    assert judged(page, wide) == ["140 px too wide"]


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light")])
def test_figures_stand_below_each_other(page: Page) -> None:
    page.set_content(rendered("invoice").html)
    ends = page.evaluate(
        "[...document.querySelectorAll('td[align=right] bdi')].map((e) => e.getBoundingClientRect().right)"
    )
    assert len(ends) > 10
    assert len(set(ends)) == 1


def test_the_kept_pictures_are_there_and_small() -> None:
    assert {path.name for path in SAMPLES[0].path.parent.glob("mail-*")} == {sample.path.name for sample in SAMPLES}
    for sample in SAMPLES:
        with Image.open(sample.path) as picture:
            assert picture.width in (sample.width, 2 * sample.width)
        assert sample.path.stat().st_size < 100_000
