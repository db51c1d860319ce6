"""HTTP on loopback, one thread for each connection: requests, and their answers."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from local.loopback import Loopback, Patient

LARGEST = 256 * 2**20  # bytes of a body: 40 MB of attachments, written as numbers
Pause: TypeAlias = Callable[[float | None], None]
"""Waits so many seconds, or (None) for good; raises ConnectionError when the client leaves meanwhile."""


@dataclass(frozen=True)
class Request:
    """What was asked; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    content: bytes = field(repr=False)


class Reply(NamedTuple):
    """What is answered: a document, or else `content`, whose type the headers name."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]
    content: bytes | None = None


class Refused(Exception):
    """An answer that isn't 2xx, with the vendor's `body`."""

    def __init__(self, status: int, message: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.message = message
        self.body = body
        self.headers = headers or {}
        super().__init__(message)

    @property
    def reply(self) -> Reply:
        """As it is answered."""
        return Reply(self.status, self.body, self.headers)


class Server(Loopback):
    """Hands requests to `answer`; one whose body is too large, or of unknown length, gets the reply `too_large`."""

    def __init__(self, port: int, answer: Callable[[Request, Pause], Reply], too_large: Reply) -> None:
        self.answer = answer
        self.too_large = too_large
        super().__init__(port, _Handler)


class _Handler(Patient):
    server: Server

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > LARGEST:
            self.close_connection = True
            refusal = self.server.too_large
            self._reply(refusal._replace(headers={**refusal.headers, "Connection": "close"}))
            return
        split = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        content = self.rfile.read(int(length))
        if len(content) < int(length):
            raise ConnectionAbortedError
        self._reply(self.server.answer(Request(self.command, split.path, split.query, headers, content), self.pause))

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    def _reply(self, reply: Reply) -> None:
        body = json.dumps(reply.body).encode() if reply.content is None else reply.content
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in {"Content-Type": "application/json; charset=utf-8", **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
