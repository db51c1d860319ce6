"""A server of ours on 127.0.0.1 that can end in the middle of whatever it is doing."""

import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Loopback(ThreadingHTTPServer):
    """A thread for each connection; knows its connections, to end them. On any port if somebody has this one."""

    request_queue_size = 256

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        try:
            super().__init__(("127.0.0.1", port), handler)
        except OSError:
            super().__init__(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Serve, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End it; whoever still waits is let go."""
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # its client was faster
                    connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)


class Patient(BaseHTTPRequestHandler):
    """One connection; its requests come one after the other. It says nothing on the console."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):  # whoever asked has left, or shall get no answer
            super().handle()

    def pause(self, seconds: float | None) -> None:
        """Wait so long, or (None) for good; raises ConnectionError when the client leaves meanwhile, or is made to."""
        if seconds == 0:
            return
        self.connection.settimeout(seconds)
        with suppress(TimeoutError):
            self.connection.recv(1)
            raise ConnectionAbortedError
        self.connection.settimeout(None)

    def log_message(self, *_: object) -> None:
        pass
