"""The two pages that only the local server has: what there is, and the mailbox."""

import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# Nothing is loaded and nothing runs: the pages are text and links, whatever a mail may hold.
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<h1>{title}</h1>
{body}
</html>
"""


class Pages:
    """`/` lists the functions, `/mail` and `/mail.json` the mails that auth sent."""

    name = "pages"

    def __init__(self, functions: Mapping[str, str], mail: Path | None) -> None:
        self._functions = functions
        self._mail = mail

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse", /) -> Iterable[bytes]:
        answers = {"/": self._index, "/mail": self._mailbox, "/mail.json": self._mails}
        answer = answers.get(environ["PATH_INFO"])
        content, body = answer() if answer else ("text/plain", "Not found\n")
        encoded = body.encode()
        start_response(
            "200 OK" if answer else "404 Not Found",
            [
                ("Content-Type", f"{content}; charset=utf-8"),
                ("Content-Length", str(len(encoded))),
                ("Content-Security-Policy", POLICY),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
            ],
        )
        return [encoded]

    def _index(self) -> tuple[str, str]:
        rows = "".join(
            f'<li><a href="/api/{escape(name)}">/api/{escape(name)}</a> {escape(about)}</li>\n'
            for name, about in self._functions.items()
        )
        body = f'<p><a href="/mail">Mail</a> that sign-up and password reset sent.</p>\n<ul>{rows}</ul>'
        return "text/html", PAGE.format(title="Backroom", body=body)

    def _mailbox(self) -> tuple[str, str]:
        body = "".join(_article(mail) for mail in reversed(self._read()))
        return "text/html", PAGE.format(title="Mail", body=body or "<p>None yet.</p>")

    def _mails(self) -> tuple[str, str]:
        return "application/json", json.dumps({"data": self._read()})

    def _read(self) -> list[dict[str, Any]]:
        if not self._mail or not self._mail.exists():
            return []
        return [json.loads(line) for line in self._mail.read_text().splitlines()]


def _article(mail: Mapping[str, Any]) -> str:
    link = mail["link"] and f'<p><a href="{escape(mail["link"])}">{escape(mail["link"])}</a></p>'
    return (
        f"<article><h2>{escape(mail['subject'])}</h2>"
        f"<p>{escape(mail['at'])} to {escape(mail['to'])}</p>"
        f"{link or ''}<pre>{escape(mail['text'])}</pre></article>\n"
    )
