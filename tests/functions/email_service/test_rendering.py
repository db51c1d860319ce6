"""Mails as they come out: whatever the data, it stays data; one line is one line; each locale gets its own."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from functions.email_service import templates
from functions.email_service.rendering import LONGEST_SUBJECT, TEXT_WIDTH, render
from local.mail import markup
from tests.clients.running import installed
from tests.functions.email_service.filling import ADDRESS, LOCALES, UNSUBSCRIBE, bare, brand, rendered, saying

each = pytest.mark.parametrize("name", templates.NAMES)
LARGEST = 100_000  # bytes; what is beyond 102 kB Gmail cuts off
WORD = "Qwertz"  # stands for whatever one writes; no template has it
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "tag": "</td></table><img src=x onerror=alert(1)>",
    "jinja": "{{ 7*7 }}{% raise %}{# gone #}",
    "entities": "&lt;b&gt; &amp; &#8203;",
    "quotes": '"\'`Ada" style="x',
    "format": "%(name)s %s {0} \\n",
    "arabic": "مصنع النسيج الشمالي",
    "hebrew": "מפעל הצפון 12",
    "cjk": "北方纺织有限公司",
    "emoji": "🧵👩‍🏭 Zoë",
    "long": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
}


class Page(HTMLParser):
    """The elements of a page with the names of their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.text = squeezed(" ".join(self.words))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attributes)))
        self.links += [value or "" for name, value in attributes if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def squeezed(text: str) -> str:
    """With single spaces: where a line is broken doesn't matter."""
    return " ".join(text.split())


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    """What judges HTML."""
    installed(markup.FOLDER)


@each
@pytest.mark.parametrize("locale", LOCALES)
def test_a_sample_comes_out_whole(name: str, locale: str) -> None:
    mail = rendered(name, by=brand(locale=locale))
    for part in (mail.subject, mail.html, mail.text):
        assert not re.search(r"\{\{|\{%|\{#|%\(|None|Undefined|Amount\(|Decimal", part)
    assert "\n" not in mail.subject
    assert 0 < len(mail.subject) <= LONGEST_SUBJECT
    assert not re.search(r"</?[a-z!]|&[a-z]+;|\n\n\n", mail.text)
    assert len(mail.html.encode()) < 40_000
    assert '<meta name="color-scheme" content="light dark">' in mail.html
    assert "prefers-color-scheme: dark" in mail.html


@each
def test_the_text_part_is_for_reading(name: str) -> None:
    """Lines are short, and a link has a line to itself: who shows mails would take what follows for a part of it."""
    text = rendered(name).text
    for line in text.splitlines():
        assert re.fullmatch(r"https://\S+", line) or "https://" not in line
        assert len(line) <= TEXT_WIDTH or " " not in line
        assert line == line.rstrip() or line == "-- "
    assert text.endswith("\n")


def test_html_is_valid_in_every_locale_and_whatever_is_filled_in() -> None:
    pages = {}
    for name in templates.NAMES:
        for locale in LOCALES:
            pages[f"{name} {locale}"] = rendered(
                name, by=brand(locale=locale, logo_url="https://example.com/l.png")
            ).html
            for kind, word in HOSTILE.items():
                data = saying(templates.find(name), word)
                pages[f"{name} {locale} {kind}"] = rendered(name, data, brand(word, locale=locale)).html
    assert len(pages) == len(templates.NAMES) * len(LOCALES) * (len(HOSTILE) + 1)
    assert {name: found for name, found in markup.complaints(pages).items() if found} == {}


@pytest.mark.parametrize(
    ("whole", "broken"),
    [
        ("</h1>", ""),
        ("</a>", ""),
        ("<body", "<body id='a' id='b'"),
        ("<h1", "</p><h1"),
        ("View the quote", "View & the <quote"),
        ("</title>", "</title><title>two</title>"),
    ],
)
def test_html_that_is_broken_is_found(whole: str, broken: str) -> None:
    html = rendered("quote").html
    assert whole in html
    assert markup.complaints({"mail": html.replace(whole, broken, 1)})["mail"]


@each
@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_filled_in_stays_text(name: str, kind: str) -> None:
    """The same mail with a harmless word differs in that word alone, in each part."""
    template, hostile = templates.find(name), HOSTILE[kind]
    plain = rendered(name, saying(template, WORD, hostile), brand(WORD))
    mail = rendered(name, saying(template, hostile, WORD), brand(hostile))
    assert mail.subject == plain.subject.replace(WORD, hostile) or len(mail.subject) == LONGEST_SUBJECT
    assert squeezed(mail.text) == squeezed(plain.text.replace(WORD, hostile))
    page, harmless = Page(mail.html), Page(plain.html)
    assert page.elements == harmless.elements
    assert page.links == harmless.links
    assert hostile in mail.text
    assert page.text.replace(mail.subject, "") == harmless.text.replace(WORD, hostile).replace(mail.subject, "")
    assert len(mail.html.encode()) < LARGEST


@each
def test_the_longest_mail_is_not_cut_off(name: str) -> None:
    """Lists as long as they may be, every text as long as it may be and of what takes most room when escaped."""
    template = templates.find(name)
    data = saying(template, '"' * 40)
    for length in (200, 120, 100, 40):
        data = {**data, **{k: v for k, v in saying(template, '"' * length).items() if '"' * length in str(v)}}
    for most in (200, 30, 20, 12, 5):
        for field, value in list(data.items()):
            if isinstance(value, list) and len(value) < most:
                longer = {**data, field: (value * most)[:most]}
                try:
                    template.read(longer)
                except Exception:  # noqa: S112 - fewer are allowed
                    continue
                data = longer
    if name == "plain":
        data["paragraphs"] = ['"' * 2000] * 5
    mail = rendered(name, data, brand('"' * 100, address="\n".join(['"' * 80] * 6)))
    assert len(mail.html.encode()) < LARGEST


def test_long_lists_end_with_how_many_more() -> None:
    template = templates.find("quote")
    data = {**template.sample, "items": template.sample["items"][:1] * 60}
    mail = rendered("quote", data)
    assert "and 35 more lines" in mail.text
    assert "and 35 more lines" in mail.html
    assert mail.text.count("Heavyweight hoodie") == 25
    assert "and 1 more line\n" in rendered("quote", {**data, "items": data["items"][:26]}).text
    assert "und 35 weitere Positionen" in rendered("quote", data, brand(locale="de")).text


class TestSubject:
    @pytest.mark.parametrize("name", ["A\r\nBcc: x@example.com", "A\nB", "A\x00B", "A\u2028B", "A\x85B"])
    def test_is_one_line_whatever_the_workspace_is_called(self, name: str) -> None:
        for template in templates.NAMES:
            mail = rendered(template, by=brand(name))
            assert re.fullmatch(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]+", mail.subject)

    def test_is_cut_where_it_is_too_long(self) -> None:
        template = templates.find("supplier-status")
        mail = rendered("supplier-status", {**template.sample, "status": "pending"}, brand("x" * 300))
        assert len(mail.subject) == LONGEST_SUBJECT
        assert mail.subject.endswith("…")

    def test_holds_no_code(self) -> None:
        """Subjects are kept when codes are not."""
        for name in ("invite", "one-time-code"):
            mail = rendered(name)
            assert templates.find(name).sample["code"] in mail.text
            assert templates.find(name).sample["code"] not in mail.subject


class TestBrand:
    def test_a_name_cannot_turn_the_text_around_it(self) -> None:
        mail = rendered("quote", by=brand("Evil\u202eknaB\u2066", address="a\u202db"))
        for part in (mail.subject, mail.html, mail.text):
            assert not re.search("[\u202a-\u202e\u2066-\u2069]", part)
            assert "EvilknaB" in part

    def test_a_logo_has_its_name_beside_it_and_is_https(self) -> None:
        shown = rendered("quote", by=brand(logo_url="https://example.com/logo.png")).html
        assert re.search(r'<img src="https://example.com/logo.png" alt="Northern Threads"', shown)
        for url in (None, "", "http://example.com/logo.png", "javascript:alert(1)", "data:image/svg+xml,x"):
            without = rendered("quote", by=brand(logo_url=url)).html
            assert "<img" not in without
            assert "<bdi>Northern Threads</bdi>" in without

    @pytest.mark.parametrize("colour", ["red", "#fff", "#12345", "#12345g", "url(x)", "#123456;}", ""])
    def test_a_colour_that_is_none_is_refused(self, colour: str) -> None:
        with pytest.raises(ValueError, match="#rrggbb"):
            rendered("quote", by=brand(colour=colour))

    def test_name_address_and_reason_stand_below_every_mail(self) -> None:
        for name in templates.NAMES:
            mail = rendered(name)
            assert all(line in mail.text and line in mail.html for line in ADDRESS.splitlines())
            assert "You receive this " in mail.text
            assert "You receive this " in mail.html
            assert "None" not in rendered(name, by=brand(address=None)).text


class TestUnsubscribing:
    def test_is_offered_in_follow_ups_alone(self) -> None:
        mail = rendered("quote-followup")
        assert UNSUBSCRIBE in mail.html
        assert f"\n{UNSUBSCRIBE}\n" in mail.text
        for name in set(templates.NAMES) - {"quote-followup"}:
            assert "nsubscribe" not in rendered(name).html + rendered(name).text
            template = templates.find(name)
            with pytest.raises(ValueError, match="transactional"):
                render(template, template.read(template.sample), brand(), UNSUBSCRIBE)

    def test_its_address_is_escaped(self) -> None:
        template = templates.find("quote-followup")
        url = 'https://example.com/?a=1&b="><script>'
        mail = render(template, template.read(template.sample), brand(), url)
        assert url in Page(mail.html).links
        assert "<script>" not in mail.html


class TestLocale:
    @pytest.mark.parametrize("locale", ["ar", "ar-EG", "he", "fa", "ur-PK"])
    def test_runs_from_right_to_left(self, locale: str) -> None:
        html = rendered("invoice", by=brand(locale=locale)).html
        assert '<html lang="en" dir="rtl"' in html  # the words are English: that is how they are to be read out
        assert "text-align:left" not in re.sub(r"<!--.*?-->", "", html).split("<body", 1)[1]

    def test_words_come_in_three_languages_and_formats_in_all(self) -> None:
        subjects = {locale: rendered("quote", by=brand(locale=locale)).subject for locale in ("en", "de", "fr", "ja")}
        assert subjects == {
            "en": "Quote Q-2026-00184 from Northern Threads: $9,760.00",
            "de": "Angebot Q-2026-00184 von Northern Threads: 9.760,00\xa0$",
            "fr": "Devis Q-2026-00184 de Northern Threads\xa0: 9\u202f760,00\xa0$US",
            "ja": "Quote Q-2026-00184 from Northern Threads: $9,760.00",
        }
        assert "2026年12月21日" in rendered("quote", by=brand(locale="ja")).text
        assert "21. Dezember 2026" in rendered("quote", by=brand(locale="de-CH")).text

    @pytest.mark.parametrize("locale", ["xx", "en-ZZ", "zz-ZZ", "x", ""])
    def test_an_unknown_one_falls_back_to_english(self, locale: str) -> None:
        assert rendered("quote", by=brand(locale=locale)).subject == rendered("quote").subject

    def test_a_moment_is_told_by_the_clocks_of_the_workspace(self) -> None:
        def said(zone: str) -> str:
            return rendered("invite", by=brand(time_zone=zone)).text

        assert "December 8, 2026, 6:30\u202fPM (Central European Standard Time)" in squeezed_lines(
            said("Europe/Berlin")
        )
        assert "December 9, 2026, 2:30\u202fAM (Japan Standard Time)" in squeezed_lines(said("Asia/Tokyo"))
        for unknown in ("Mars/Olympus", "", "../../etc/passwd"):
            assert "5:30\u202fPM (Coordinated Universal Time)" in squeezed_lines(said(unknown))


def squeezed_lines(text: str) -> str:
    """Without line breaks, but with the spaces that keep words together."""
    return re.sub(r"[ \n]+", " ", text)


class TestVariants:
    @pytest.mark.parametrize("tone", ["gentle", "urgent"])
    def test_each_tone_has_its_words(self, tone: str) -> None:
        sample = {k: v for k, v in templates.find("quote-followup").sample.items() if not k.startswith("discount")}
        mail = rendered("quote-followup", {**sample, "tone": tone})
        assert "% off" not in mail.text
        assert "Total: $9,760.00" in mail.text

    @pytest.mark.parametrize(
        ("status", "bars"),
        [
            ("awaiting_payment", 0),
            ("in_production", 1),
            ("quality_check", 2),
            ("ready_to_ship", 3),
            ("shipped", 4),
            ("delivered", 5),
            ("completed", 5),
            ("on_hold", 0),
            ("cancelled", 0),
        ],
    )
    def test_an_order_shows_how_far_it_is(self, status: str, bars: int) -> None:
        mail = rendered("order-status", {**templates.find("order-status").sample, "status": status})
        assert mail.html.count('class="done"') == bars
        assert mail.html.count('class="bar"') == (5 - bars if bars else 0)

    def test_an_overdue_invoice_is_a_reminder(self) -> None:
        sample = templates.find("invoice").sample
        assert "was due 1 day ago" in squeezed(rendered("invoice", {**sample, "overdue_days": 1}).text)
        mail = rendered("invoice", {**sample, "overdue_days": 14})
        assert mail.subject == "Reminder: invoice INV-2026-00052 is overdue"
        assert "was due 14 days ago, and €8,130.08 is still open" in squeezed(mail.text)

    @each
    def test_what_may_be_left_out_leaves_nothing_behind(self, name: str) -> None:
        template = templates.find(name)
        mail = rendered(name, bare(template))
        assert "None" not in mail.text + mail.html
        assert "Hello" not in mail.text
        assert "https://" not in mail.text.replace(UNSUBSCRIBE, "")
        assert not re.search(r":\s*\n\s*\n", mail.text)
        assert "<a " not in mail.html.replace(f'href="{UNSUBSCRIBE}"', "") or template.follow_up
