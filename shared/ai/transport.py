"""HTTP to providers, bounded in time and size whatever they do: the SDKs bound neither a trickle nor a flood."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from contextvars import copy_context
from functools import cache
from queue import Empty, SimpleQueue
from ssl import SSLContext
from typing import Any, TypeVar

import httpx2

from shared.ai.providers import Failure

T = TypeVar("T")

MOST_BYTES = 2_000_000


def bounded(seconds: float, call: Callable[[httpx2.Client], T]) -> T:
    """Run `call` with a client of its own, for so many seconds altogether. Raises `Failure`, or what `call` raises.

    In a thread, because a read timeout starts anew with every byte. When time is up its connections are shut down, and
    the thread, woken by that, closes them itself: closed from outside, their numbers would be given to the next
    connection of the process while TLS still reads from them.
    """
    results: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
    transport = _Bounded(verify=_trust())
    client = httpx2.Client(
        transport=transport,
        timeout=seconds,
        trust_env=False,
        # A compressed answer can be a thousand times its size.
        headers={"Accept-Encoding": "identity"},
    )

    def run() -> None:
        try:
            with client:
                result = call(client)
            results.put((result, None))
        except BaseException as error:
            results.put((None, error))

    # A daemon: a thread that waits for a socket must not keep the process from ending.
    threading.Thread(target=copy_context().run, args=(run,), daemon=True).start()
    try:
        result, error = results.get(timeout=seconds)
    except Empty:
        transport.shut_down()
        raise Failure("timeout", retriable=True) from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def failure(error: httpx2.HTTPError) -> Failure:
    """What a call that brought no answer means."""
    reason = "timeout" if isinstance(error, httpx2.TimeoutException) else "unreachable"
    return Failure(reason, retriable=True)


class _Bounded(httpx2.HTTPTransport):
    """Refuses an answer that is compressed or larger than `MOST_BYTES`; can be shut down from another thread."""

    def __init__(self, verify: SSLContext) -> None:
        super().__init__(verify=verify)
        self._sockets: list[socket.socket] = []
        self._over = False

    def shut_down(self) -> None:
        """End what is being said on its connections, without closing them."""
        self._over = True
        for each in self._sockets:
            with suppress(OSError):  # ended already
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.extensions["trace"] = self._note
        response = super().handle_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            response.close()
            raise Failure("answer_too_large")
        response.stream = _Counted(response.stream)
        return response

    def _note(self, event: str, details: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets.append(details["return_value"].get_extra_info("socket"))
            if self._over:  # connected too late to be told
                self.shut_down()


class _Counted(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream | httpx2.AsyncByteStream) -> None:
        assert isinstance(stream, httpx2.SyncByteStream)  # noqa: S101 - what a synchronous transport returns
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if size > MOST_BYTES:
                raise Failure("answer_too_large")
            yield chunk

    def close(self) -> None:
        self._stream.close()


@cache
def _trust() -> SSLContext:
    """The certificates to trust: read once, it takes 20 ms."""
    return httpx2.create_ssl_context(trust_env=False)
