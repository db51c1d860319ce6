"""HTTP on loopback, one thread for each connection."""

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from local.loopback import Loopback, Patient
from local.resend.api import Pause, Reply, Request
from local.resend.errors import Refused

LARGEST = 256 * 2**20  # bytes of a body: 40 MB of attachments, written as numbers


class Server(Loopback):
    """Hands requests to `answer`."""

    def __init__(self, port: int, answer: Callable[[Request, Pause], Reply]) -> None:
        self.answer = answer
        super().__init__(port, _Handler)


class _Handler(Patient):
    server: Server

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > LARGEST:
            refusal = Refused(413, "validation_error", "The request body is too large, or of unknown length.")
            self.close_connection = True
            self._reply(Reply(refusal.status, refusal.body, {"Connection": "close"}))
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
