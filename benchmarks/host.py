"""A WSGI application on the standard library's threaded server, as the platform's own runtime serves it.

It answers on a socket that is already listening, so that a request sent before it is up waits for it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import TYPE_CHECKING, Any
from wsgiref.handlers import SimpleHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def empty(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The bare floor: an application that does nothing."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


def serve(module: str, attribute: str, listening: int) -> None:
    """Import the application, then answer on the socket of that number until killed."""
    application: Any = getattr(import_module(module), attribute)

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if self.raw_requestline and self.parse_request():
                SimpleHandler(self.rfile, self.wfile, None, self.environ()).run(application)  # type: ignore[arg-type]
            self.close_connection = True

        def environ(self) -> dict[str, str]:
            path, _, query = self.path.partition("?")
            return {
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,  # raw, as on the platform
                "QUERY_STRING": query,
                "SERVER_NAME": "127.0.0.1",
                "SERVER_PORT": "0",
                "SERVER_PROTOCOL": self.request_version,
                "REMOTE_ADDR": self.client_address[0],
                "CONTENT_TYPE": self.headers.get("content-type", ""),
                "CONTENT_LENGTH": self.headers.get("content-length", ""),
                **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()},
            }

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=listening)
    server.serve_forever()
