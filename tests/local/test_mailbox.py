"""The mailbox: everything is there, and nothing that a mail holds becomes markup, runs or reaches anything."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.mailbox import Mailbox
from local.mailbox.letters import Letters
from local.mailbox.pages import AT_ONCE, Answer
from local.resend import Bounces, Sandbox
from tests.local.test_resend import mail as fields
from tests.local.test_resend import send, send_batch, use

PIXEL = b"\x89PNG not really"
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;{}%s"
AUTH = {
    "at": "2026-11-21T10:00:00.000Z",
    "to": "robin@juniper.example",
    "subject": "Confirm Your Signup",
    "text": "Your code is 482913",
    "code": "482913",
    "link": "http://127.0.0.1:1/auth/v1/verify?a=1&b=2",
}
# What pages are made of; a mail adds none.
TAGS = {"html", "meta", "link", "title", "style", "nav", "a", "h1", "p", "ol", "ul", "li", "span", "time", "dl", "dt"}
TAGS |= {"dd", "iframe", "details", "summary", "pre", "div", "table", "tr", "td"}
ATTRIBUTES = {"lang", "charset", "name", "content", "rel", "href", "class", "datetime", "title", "aria-current"}
ATTRIBUTES |= {"sandbox", "src", "open", "download"}


class Markup(HTMLParser):
    """The tags and attributes of a page, and where they lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.leads: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.leads += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "resend") as running:
        use(running, monkeypatch)
        yield running


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path / "mail.jsonl")


def answer(mailbox: Mailbox, path: str, query: str = "") -> Answer:
    found = mailbox.answer(path, query)
    assert found is not None, path
    return found


def page(mailbox: Mailbox, path: str, query: str = "") -> str:
    return answer(mailbox, path, query).body.decode()


def policy(found: Answer) -> str:
    return dict(found.headers)["Content-Security-Policy"]


class TestList:
    def test_is_empty_at_first(self, mailbox: Mailbox) -> None:
        assert "No mail yet." in page(mailbox, "/mail")

    def test_has_mails_of_both_kinds_newest_first(self, mailbox: Mailbox, sandbox: Sandbox, tmp_path: Path) -> None:
        old, new = ({**AUTH, "at": f"{year}-11-21T10:00:00.000Z", "subject": str(year)} for year in (2020, 2099))
        (tmp_path / "mail.jsonl").write_text(json.dumps(old) + "\n" + json.dumps(new) + "\n")
        sandbox.script(Bounces())
        send(subject="Between")
        text = Markup(page(mailbox, "/mail")).text
        assert text.index("2099") < text.index("Between") < text.index("2020")
        assert "bounced" in text

    def test_follows_what_comes_and_notices_when_all_is_forgotten(self, mailbox: Mailbox, sandbox: Sandbox) -> None:
        send(subject="First")
        assert "First" in page(mailbox, "/mail")
        send(subject="Second", scheduled_at="in 1 hour")
        assert {"First", "Second", "scheduled"} <= set(page(mailbox, "/mail").replace("<", ">").split(">"))
        sandbox.forget()
        assert "No mail yet." in page(mailbox, "/mail")

    def test_has_pages(self, mailbox: Mailbox, sandbox: Sandbox) -> None:
        for _ in range(2):
            send_batch([fields(subject="Each") for _ in range(AT_ONCE)])
        send(subject="Newest")
        first, last = page(mailbox, "/mail"), page(mailbox, "/mail", "page=3")
        assert (first.count('<span class="subject">'), last.count('<span class="subject">')) == (AT_ONCE, 1)
        assert "Newest" in first
        assert page(mailbox, "/mail", "page=99") == last
        assert page(mailbox, "/mail", "page=-1") == page(mailbox, "/mail", "page=x") == first

    def test_skips_a_line_that_is_still_being_written(self, mailbox: Mailbox, tmp_path: Path) -> None:
        whole = json.dumps(AUTH) + "\n"
        (tmp_path / "mail.jsonl").write_text(whole + whole[:20])
        assert len(Letters(tmp_path / "mail.jsonl").all()) == 1


class TestAMail:
    def test_shows_all_of_it(self, mailbox: Mailbox, sandbox: Sandbox) -> None:
        sandbox.script(Bounces(), to="ben@juniper.example")
        id_ = send(
            to=["Ada <ada@juniper.example>", "ben@juniper.example"],
            cc="desk@juniper.example",
            headers={"X-Order": "7"},
            tags=[{"name": "kind", "value": "receipt"}],
            html='<p>Hello</p><a href="https://a.example/?b=1&c=2">there</a>',
            attachments=[{"filename": "Invoice 7.pdf", "content": base64.b64encode(PIXEL).decode()}],
        )
        markup = Markup(page(mailbox, f"/mail/{id_}"))
        for told in ("Ada <ada@juniper.example>", "desk@juniper.example", "X-Order", "receipt", "Invoice 7.pdf"):
            assert told in markup.text
        assert "Permanent · General" in markup.text
        assert "Hello" in markup.text  # the text that was made of the HTML
        assert {f"/mail/{id_}/html", f"/mail/{id_}/attachments/0", "https://a.example/?b=1&c=2"} <= set(markup.leads)

    def test_is_framed_without_scripts_or_anything_from_elsewhere(self, mailbox: Mailbox, sandbox: Sandbox) -> None:
        html = "<script>alert(1)</script><img src='https://tracker.example/pixel.png'>"
        id_ = send(html=html)
        around = answer(mailbox, f"/mail/{id_}")
        assert '<iframe sandbox title="The mail" src=' in around.body.decode()
        assert "frame-src 'self'" in policy(around)
        frame = answer(mailbox, f"/mail/{id_}/html")
        assert frame.body.decode() == html
        rules = policy(frame).split("; ")
        assert rules[0] == "default-src 'none'"
        assert {"sandbox", "img-src data:", "frame-ancestors 'self'"} <= set(rules)
        assert not any("http" in rule or "script-src" in rule for rule in rules)

    def test_shows_the_pictures_that_it_carries(self, mailbox: Mailbox, sandbox: Sandbox) -> None:
        content = base64.b64encode(PIXEL).decode()
        id_ = send(
            html='<img src="cid:logo"><img src="cid:page">',
            attachments=[
                {"filename": "a.png", "content": content, "content_id": "logo"},
                {"filename": "a.svg", "content": content, "content_id": "page"},
            ],
        )
        assert page(mailbox, f"/mail/{id_}/html") == f'<img src="data:image/png;base64,{content}"><img src="cid:page">'

    def test_gives_its_attachments_for_saving_only(self, mailbox: Mailbox, sandbox: Sandbox) -> None:
        name = 'Räch"nung\u2028.html'
        attachments = [{"filename": name, "content": base64.b64encode(PIXEL).decode(), "content_type": "text/html"}]
        id_ = send(attachments=[*attachments, {"path": "https://files.example/terms.pdf"}])
        file = answer(mailbox, f"/mail/{id_}/attachments/0")
        assert (file.content_type, file.body) == ("application/octet-stream", PIXEL)
        disposition = dict(file.headers)["Content-Disposition"]
        assert disposition == "attachment; filename*=UTF-8''R%C3%A4ch%22nung%E2%80%A8.html"
        assert "https://files.example/terms.pdf, not fetched" in page(mailbox, f"/mail/{id_}")
        for missing in ("1", "2", "-1", "x"):
            assert mailbox.answer(f"/mail/{id_}/attachments/{missing}", "") is None

    def test_of_supabase_auth_has_code_and_link(self, mailbox: Mailbox, tmp_path: Path) -> None:
        (tmp_path / "mail.jsonl").write_text(json.dumps(AUTH) + "\n")
        markup = Markup(page(mailbox, "/mail/auth-0"))
        assert "482913" in markup.text
        assert AUTH["link"] in markup.leads
        assert mailbox.answer("/mail/auth-0/html", "") is None

    def test_can_be_seen_as_on_a_phone(self, mailbox: Mailbox, sandbox: Sandbox) -> None:
        id_ = send()
        assert 'class="phone"' in page(mailbox, f"/mail/{id_}", "width=phone")

    @pytest.mark.parametrize("path", ["/mail/nobody", "/mail/auth-7", "/mail/../mail.jsonl", "/mail/a/b/c/d"])
    def test_that_is_none_is_not_found(self, mailbox: Mailbox, path: str) -> None:
        assert mailbox.answer(path, "") is None


class TestEscape:
    """Nothing that a mail holds becomes markup of ours."""

    def test_everywhere(self, mailbox: Mailbox, sandbox: Sandbox) -> None:
        id_ = send(
            to=f"{HOSTILE.replace('<', '').replace('>', '')} <ada@juniper.example>",
            subject=HOSTILE,
            text=HOSTILE,
            html=f"<a href='https://a.example/{HOSTILE}'>x</a><a href='javascript:alert(1)'>y</a>",
            headers={"X-Hostile": HOSTILE},
            attachments=[{"filename": HOSTILE, "content": "AAAA"}, {"path": f"javascript:{HOSTILE}"}],
        )
        for shown in (page(mailbox, "/mail"), page(mailbox, f"/mail/{id_}")):
            harmless(shown)
            assert HOSTILE in Markup(shown).text

    def test_of_supabase_auth_too(self, mailbox: Mailbox, tmp_path: Path) -> None:
        mail = {name: HOSTILE for name in ("to", "subject", "text", "code")}
        link = f"javascript:{HOSTILE}"
        (tmp_path / "mail.jsonl").write_text(json.dumps({**AUTH, **mail, "link": link}) + "\n")
        harmless(page(mailbox, "/mail"))
        harmless(page(mailbox, "/mail/auth-0"))

    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
    def test_whatever_it_is(self, tmp_path: Path, subject: str, text: str, html: str) -> None:
        record: dict[str, Any] = {"kind": "mail", "id": "a", "at": 0.0, "sender": text, "to": [text]}
        record |= {
            "subject": subject,
            "html": f"<{html}>",
            "own_text": text,
            "attachments": [],
            "headers": {text: html},
        }
        (tmp_path / "resend").mkdir(exist_ok=True)
        (tmp_path / "resend" / "journal.jsonl").write_text(json.dumps(record) + "\n")
        mailbox = Mailbox(tmp_path / "mail.jsonl")
        harmless(page(mailbox, "/mail"))
        harmless(page(mailbox, "/mail/a"))


def harmless(shown: str) -> None:
    """Only our own tags and attributes, and addresses of the web or of this page."""
    markup = Markup(shown)
    assert markup.tags <= TAGS, markup.tags - TAGS
    assert markup.attributes <= ATTRIBUTES, markup.attributes - ATTRIBUTES
    assert all(lead == "data:," or lead.startswith(("/", "http://", "https://")) for lead in markup.leads)
