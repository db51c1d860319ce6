"""The pages that only the local server has: what there is, and the mailbox."""

import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from local.mailbox import Mailbox
from local.style import POLICY, page

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


REFERENCE = """
<p><a href="/api/docs"><strong>The reference</strong></a>: read what each function takes and answers, and send it
requests. Sign in there as <code>sofia@juniper.example</code> (she owns Café Juniper) with the password
<code>backroom-demo</code>.</p>
"""


class Pages:
    """`/` lists the functions, `/mail` and below show mails, `/mail.json` those that auth sent."""

    name = "pages"

    def __init__(self, functions: Mapping[str, str], mail: Path | None) -> None:
        self._functions = functions
        self._mail = mail
        self._mailbox = Mailbox(mail or Path("no mail"))

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse", /) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        status, content, body = "200 OK", "text/html; charset=utf-8", b""
        headers = [("Content-Security-Policy", POLICY)]
        if path == "/":
            body = self._index().encode()
        elif path == "/mail.json":
            content, body = "application/json; charset=utf-8", self._mails().encode()
        elif (path == "/mail" or path.startswith("/mail/")) and (
            answer := self._mailbox.answer(path, environ.get("QUERY_STRING", ""))
        ):
            content, body, headers = answer
        else:
            status, content, body = "404 Not Found", "text/plain; charset=utf-8", b"Not found\n"
        start_response(
            status,
            [
                ("Content-Type", content),
                ("Content-Length", str(len(body))),
                *headers,
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "no-store"),
            ],
        )
        return [body]

    def _index(self) -> str:
        # A function's docstring begins "POST /api/name: what it does".
        parts = (about.partition(": ") for about in self._functions.values())
        rows = "".join(f"<dt><code>{escape(url)}</code></dt><dd>{escape(text)}</dd>\n" for url, _, text in parts)
        links = '<a href="/api/health">Health</a> · <a href="/mail">Mail</a> that was sent'
        return page("Backroom", f"<h1>Backroom</h1>\n{REFERENCE}<p>{links}</p>\n<dl>{rows}</dl>")

    def _mails(self) -> str:
        lines = self._mail.read_text().splitlines() if self._mail and self._mail.exists() else []
        return json.dumps({"data": [json.loads(line) for line in lines]})
