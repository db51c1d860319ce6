"""HTTP on loopback, one thread for each connection."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from local.resend.api import Pause, Reply, Request
from local.resend.errors import Refused

LARGEST = 256 * 2**20  # bytes of a body: 40 MB of attachments, written as numbers


class Server(ThreadingHTTPServer):
    """Knows its connections, to end them."""

    request_queue_size = 256

    def __init__(self, port: int, answer: Callable[[Request, Pause], Reply]) -> None:
        self.answer = answer
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError:
            super().__init__(("127.0.0.1", 0), _Handler)

    def stop(self) -> None:
        """End the server and whatever it is doing."""
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # its client was faster
                    connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)


class _Handler(BaseHTTPRequestHandler):
    """One connection; its requests come one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def handle(self) -> None:
        with suppress(ConnectionError):  # whoever asked has left, or shall get no answer
            super().handle()

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
        self._reply(self.server.answer(Request(self.command, split.path, split.query, headers, content), self._pause))

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    def _reply(self, reply: Reply) -> None:
        body = json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _pause(self, seconds: float | None) -> None:
        """Wait; raises ConnectionError when the client leaves meanwhile, or is made to."""
        self.connection.settimeout(seconds)
        with suppress(TimeoutError):
            self.connection.recv(1)
            raise ConnectionAbortedError
        self.connection.settimeout(None)

    def log_message(self, *_: object) -> None:
        pass
