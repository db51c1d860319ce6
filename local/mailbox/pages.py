"""`/mail` and what is below it."""

import base64
import re
from collections.abc import Iterable
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, quote

from local.mailbox.letters import Entry, Letter, Letters
from local.resend.mails import Attachment, Event, Mail
from local.resend.times import iso
from local.style import MAIL_POLICY, POLICY, moment, page, row, rows, state

AT_ONCE = 100  # mails on a page of the list
GOOD = {"delivered", "opened", "clicked"}
BAD = {"bounced", "complained", "failed", "suppressed", "canceled"}
PICTURE = re.compile(r"image/(png|jpeg|gif|webp|avif)")


class Answer(NamedTuple):
    """What a path is answered with."""

    content_type: str
    body: bytes
    headers: list[tuple[str, str]] = []  # noqa: RUF012 - a tuple's default, never changed


class Mailbox:
    """`/mail` is the list, `/mail/<id>` one; below that `html` is its frame, `attachments/<n>` a file."""

    def __init__(self, mail: Path) -> None:
        self._letters = Letters(mail)

    def answer(self, path: str, query: str) -> Answer | None:
        """What is at this path below `/mail`, if anything."""
        parts = path.strip("/").split("/")
        if parts == ["mail"]:
            return _html(self._list(parse_qs(query).get("page", ["1"])[0]))
        letter = self._letters.one(parts[1])
        match parts[2:]:
            case _ if letter is None:
                return None
            case []:
                return _html(self._letter(letter, parse_qs(query).get("width") == ["phone"]))
            case ["html"] if letter.mail:
                return self._frame(letter.mail)
            case ["attachments", number] if letter.mail and number.isdecimal():
                files = letter.mail.attachments
                return self._file(files[int(number)]) if int(number) < len(files) else None
        return None

    def _list(self, asked: str) -> str:
        entries = self._letters.all()
        pages = max(1, -(-len(entries) // AT_ONCE))
        number = min(max(1, int(asked)), pages) if asked.isdecimal() else 1
        shown = entries[(number - 1) * AT_ONCE : number * AT_ONCE]
        body = rows("".join(map(_row, shown)), "No mail yet.")
        newer = f'<a href="/mail?page={number - 1}">← newer</a>' if number > 1 else "<span></span>"
        older = f'<a href="/mail?page={number + 1}">older →</a>' if number < pages else "<span></span>"
        turning = f'<nav class="pages">{newer}{older}</nav>' if pages > 1 else ""
        count = f"{len(entries)} mail{'' if len(entries) == 1 else 's'}, newest first"
        top = '<nav><a href="/">Backroom</a></nav><h1>Mail</h1>'
        about = f'<p class="faint">{count}; nothing leaves this machine.</p>'
        return page("Mail", f"{top}\n{about}\n{body}\n{turning}")

    def _letter(self, letter: Letter, phone: bool) -> str:
        entry, mail = letter.entry, letter.mail
        parts = ['<nav><a href="/mail">← Mail</a></nav>', f"<h1>{escape(entry.subject)}</h1>", _about(letter)]
        if letter.code:
            parts.append(f'<p class="code">{escape(letter.code)}</p>')
        if letter.link:
            parts.append(f"<p>{_link(letter.link)}</p>")
        if mail and mail.html:
            parts += [_widths(entry.id, phone), _iframe(entry.id, phone)]
            parts.append(_links(mail.html))
        elif letter.text:
            parts.append(f'<pre class="card plain">{escape(letter.text)}</pre>')
        if mail:
            parts.append(self._more(mail))
        return page(escape(entry.subject), "\n".join(parts))

    def _more(self, mail: Mail) -> str:
        headers = {"Message-ID": mail.message_id, **mail.headers}
        headers |= {f"tag {name}": value for name, value in mail.tags.items()}
        rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in headers.items())
        files = "".join(
            f"<li>{_attachment(mail.id, number, file)}</li>" for number, file in enumerate(mail.attachments)
        )
        events = "".join(f"<li>{_event(event)}</li>" for event in mail.events)
        text = f"<pre>{escape(mail.text)}</pre>" if mail.text and mail.html else ""
        return "".join(
            (
                _section(f"Attachments ({len(mail.attachments)})", f"<ul>{files}</ul>" if files else "", opened=True),
                _section("What happened", f"<ol>{events}</ol>", opened=True),
                _section("Text part", text),
                _section("Headers and tags", f"<div><table>{rows}</table></div>"),
            )
        )

    def _frame(self, mail: Mail) -> Answer:
        """The HTML as it came, but for the pictures that it carries, which are put where it names them."""
        html = mail.html or ""
        for file in mail.attachments:
            if file.content_id and PICTURE.fullmatch(file.content_type):
                content = base64.b64encode(file.read(self._letters.folder)).decode()
                html = html.replace(f"cid:{file.content_id}", f"data:{file.content_type};base64,{content}")
        return Answer("text/html; charset=utf-8", html.encode(errors="replace"), _policy(MAIL_POLICY))

    def _file(self, file: Attachment) -> Answer | None:
        """For saving, never for showing."""
        if file.file is None:
            return None
        name = quote(file.filename, safe="")
        headers = [("Content-Disposition", f"attachment; filename*=UTF-8''{name}"), *_policy("default-src 'none'")]
        return Answer("application/octet-stream", file.read(self._letters.folder), headers)


def _html(body: str) -> Answer:
    return Answer("text/html; charset=utf-8", body.encode(errors="replace"), _policy(POLICY))


def _policy(policy: str) -> list[tuple[str, str]]:
    return [("Content-Security-Policy", policy), ("Referrer-Policy", "no-referrer"), ("X-DNS-Prefetch-Control", "off")]


def _row(entry: Entry) -> str:
    return row(f"/mail/{quote(entry.id)}", ", ".join(entry.to), entry.subject, _state(entry.state), entry.at)


def _about(letter: Letter) -> str:
    entry, mail = letter.entry, letter.mail
    rows = {"To": ", ".join(entry.to), "From": mail.sender if mail else "Supabase Auth"}
    if mail:
        rows |= {"Cc": ", ".join(mail.cc), "Bcc": ", ".join(mail.bcc), "Reply to": ", ".join(mail.reply_to)}
        rows["Scheduled"] = iso(mail.scheduled_at) if mail.waits and mail.scheduled_at else ""
    told = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in rows.items() if value)
    return f'<dl class="about">{told}<dt>Sent</dt><dd>{moment(entry.at)} {_state(entry.state)}</dd></dl>'


def _state(name: str) -> str:
    return state(name, "good" if name in GOOD else "bad" if name in BAD else "wait")


def _widths(id_: str, phone: bool) -> str:
    full, small = ("", ' aria-current="true"') if phone else (' aria-current="true"', "")
    path = f"/mail/{escape(quote(id_))}"
    return (
        f'<nav class="widths"><a href="{path}"{full}>Full width</a><a href="{path}?width=phone"{small}>Phone</a></nav>'
    )


def _iframe(id_: str, phone: bool) -> str:
    kind = ' class="phone"' if phone else ""
    return f'<iframe sandbox title="The mail"{kind} src="/mail/{escape(quote(id_))}/html"></iframe>'


def _attachment(id_: str, number: int, file: Attachment) -> str:
    kind = f'<span class="faint">{escape(file.content_type)}</span>'
    if file.file is None:
        return f"{escape(file.filename)} {kind} <span class='faint'>at {escape(file.path or '')}, not fetched</span>"
    href = f"/mail/{escape(quote(id_))}/attachments/{number}"
    return f'<a href="{href}" download>{escape(file.filename)}</a> {kind} <span class="faint">{_size(file.size)}</span>'


def _size(size: int) -> str:
    for unit in ("bytes", "kB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size = round(size / 1000)
    return f"{size} MB"


def _event(event: Event) -> str:
    said: dict[str, object] = next(iter(event.details.values()), {})
    reason = " · ".join(str(said[name]) for name in ("type", "subType", "message", "link") if name in said)
    return (
        f'{moment(event.at)} {_state(event.type.removeprefix("email."))} <span class="faint">'
        f"{escape(', '.join(event.to))}{escape(': ' + reason if reason else '')}</span>"
    )


def _section(title: str, body: str, *, opened: bool = False) -> str:
    if not body:
        return ""
    return f'<details class="card"{" open" if opened else ""}><summary>{title}</summary>{body}</details>\n'


class _Links(HTMLParser):
    """The addresses that a mail leads to, each once."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = (dict(attrs).get("href") or "").strip()
        if tag == "a" and href.lower().startswith(("http://", "https://")):
            self.found[href] = None


def _links(html: str) -> str:
    """They stand outside the frame, which leads nowhere."""
    parser = _Links()
    parser.feed(html)
    links: Iterable[str] = (f"<li>{_link(href)}</li>" for href in parser.found)
    return _section(f"Links ({len(parser.found)})", f"<ul>{''.join(links)}</ul>" if parser.found else "")


def _link(href: str) -> str:
    """Only what is surely an address of the web is one to follow."""
    if not href.lower().startswith(("http://", "https://")):
        return escape(href)
    return f'<a href="{escape(href)}" rel="noreferrer">{escape(href)}</a>'
