"""shared/ai/transport over TLS: a call given up leaves the next one's connection alone."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx2
import pytest
import trustme

from shared.ai import transport
from shared.ai.providers import Failure

LATE, PROMPT = b"late", b"prompt"
LENGTH = 200_000


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """The ports of two TLS servers: one answers after 0.4 s, when nobody waits any more, one at once but slowly."""
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    monkeypatch.setattr(transport, "_trust", lambda: trust)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def serve(listener: socket.socket, body: bytes, wait: float) -> None:
        with suppress(OSError):  # closed at the end
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0], body, wait), daemon=True).start()

    def answer(connection: socket.socket, body: bytes, wait: float) -> None:
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            asked = b""
            while not asked.endswith(b"\r\n\r\nx"):  # closed with something unread, a socket drops what was written
                asked += secured.recv(65536)
            time.sleep(wait)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) * LENGTH))
            for _ in range(100):
                secured.sendall(body * (LENGTH // 100))
                time.sleep(0.002)

    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    for listener, body, wait in zip(listeners, (LATE, PROMPT), (0.4, 0.1), strict=True):
        threading.Thread(target=serve, args=(listener, body, wait), daemon=True).start()
    yield listeners[0].getsockname()[1], listeners[1].getsockname()[1]
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def call(port: int, seconds: float) -> bytes:
    def post(client: httpx2.Client) -> bytes:
        return client.post(f"https://127.0.0.1:{port}/", content=b"x", timeout=5).content

    return transport.bounded(seconds, post)


def test_a_call_given_up_takes_nothing_from_the_next(servers: tuple[int, int]) -> None:
    """Closed from outside, its descriptor would be the next connection's, and its thread still read from it."""
    late, prompt = servers
    before = threading.active_count()
    for _ in range(10):
        with pytest.raises(Failure, match="timeout"):
            call(late, 0.3)
        assert call(prompt, 5) == PROMPT * LENGTH
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_a_stranger_s_certificate_is_refused(servers: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    trust = ssl.create_default_context()
    monkeypatch.setattr(transport, "_trust", lambda: trust)
    with pytest.raises(httpx2.ConnectError):
        call(servers[1], 5)
