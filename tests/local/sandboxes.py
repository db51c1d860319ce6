"""What the tests of sandboxes share: a time to move, an endpoint for webhooks, patience."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Clock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Endpoint:
    """Takes webhooks; answers the next of `statuses`, else 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.taken: list[tuple[dict[str, str], str]] = []
        self.slow = 0.0
        taking = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                time.sleep(taking.slow)
                taking.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(taking.statuses.pop(0) if taking.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def types(self) -> list[str]:
        """Of the events, in the order in which they came; those of mails without their `email.`"""
        return [str(json.loads(body)["type"]).removeprefix("email.") for _, body in self.taken]


def until(true: Any, seconds: float = 5) -> None:
    """Wait for it."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
