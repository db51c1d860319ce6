"""The two pages that only the local server has: what there is, and the mailbox."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 3rem auto; padding: 0 1rem; }
:root { color-scheme: light dark; }
code, pre { font: 0.9em/1.5 ui-monospace, monospace; }
dt { margin-top: 1rem; }
dd { margin: 0; opacity: 0.75; }
article { border-top: 1px solid; margin-top: 2rem; }
pre, a { white-space: pre-wrap; overflow-wrap: anywhere; }
"""
# Nothing is loaded and nothing runs: the pages are text, links and this style, whatever a mail may hold.
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src data:",  # the empty icon
        f"style-src 'sha256-{STYLE_HASH}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

REFERENCE = """
<p><a href="/api/docs"><strong>The reference</strong></a>: read what each function takes and answers, and send it
requests. Sign in there as <code>sofia@juniper.example</code> (she owns Café Juniper) with the password
<code>backroom-demo</code>.</p>
"""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
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
        # A function's docstring begins "POST /api/name: what it does".
        parts = (about.partition(": ") for about in self._functions.values())
        rows = "".join(f"<dt><code>{escape(url)}</code></dt><dd>{escape(text)}</dd>\n" for url, _, text in parts)
        links = '<a href="/api/health">Health</a> · <a href="/mail">Mail</a> that sign-up and password reset sent'
        return "text/html", _page("Backroom", f"{REFERENCE}<p>{links}</p>\n<dl>{rows}</dl>")

    def _mailbox(self) -> tuple[str, str]:
        body = "".join(_article(mail) for mail in reversed(self._read()))
        return "text/html", _page("Mail", body or "<p>None yet.</p>")

    def _mails(self) -> tuple[str, str]:
        return "application/json", json.dumps({"data": self._read()})

    def _read(self) -> list[dict[str, Any]]:
        if not self._mail or not self._mail.exists():
            return []
        return [json.loads(line) for line in self._mail.read_text().splitlines()]


def _page(title: str, body: str) -> str:
    return PAGE.format(title=title, style=STYLE, body=body)


def _article(mail: Mapping[str, Any]) -> str:
    link = mail["link"] and f'<p><a href="{escape(mail["link"])}">{escape(mail["link"])}</a></p>'
    return (
        f"<article><h2>{escape(mail['subject'])}</h2>"
        f"<p>{escape(mail['at'])} to {escape(mail['to'])}</p>"
        f"{link or ''}<pre>{escape(mail['text'])}</pre></article>\n"
    )
