"""A stand-in for the Supabase gateway that answers at once: what the gateway first answered to the same path."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

OWN_HEADERS = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


def serve(gateway: str, listening: int) -> None:
    """Answer for the gateway at that address, on the socket of that number, until killed."""
    kept: dict[tuple[str, str], urllib3.BaseHTTPResponse] = {}
    pool = urllib3.PoolManager()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # head and body leave in one packet

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            asked = self.command, self.path
            if asked not in kept:
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                kept[asked] = pool.request(self.command, gateway + self.path, body=body, headers=headers)
            reply = kept[asked]
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                if name.lower() not in OWN_HEADERS:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.data)))
            self.end_headers()
            self.wfile.write(reply.data)

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.daemon_threads = True
    server.socket.close()
    server.socket = socket.socket(fileno=listening)
    server.serve_forever()
