"""HTTP to providers, bounded in time and size whatever they do: the SDKs bound neither a trickle nor a flood."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from functools import cache
from queue import Empty, SimpleQueue
from ssl import SSLContext
from typing import TypeVar

import httpx2

from shared.ai.providers import Failure

T = TypeVar("T")

MOST_BYTES = 2_000_000


def bounded(seconds: float, call: Callable[[httpx2.Client], T]) -> T:
    """Run `call` with a client of its own, for so many seconds altogether. Raises `Failure`, or what `call` raises.

    In a thread, because a read timeout starts anew with every byte. When time is up the connection is closed under it.
    """
    results: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
    client = httpx2.Client(
        transport=_Bounded(verify=_trust()),
        timeout=seconds,
        trust_env=False,
        # A compressed answer can be a thousand times its size.
        headers={"Accept-Encoding": "identity"},
    )

    def run() -> None:
        try:
            results.put((call(client), None))
        except BaseException as error:
            results.put((None, error))

    # A daemon: a thread that waits for a socket must not keep the process from ending.
    threading.Thread(target=copy_context().run, args=(run,), daemon=True).start()
    try:
        result, error = results.get(timeout=seconds)
    except Empty:
        raise Failure("timeout", retriable=True) from None
    finally:
        client.close()
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def failure(error: httpx2.HTTPError) -> Failure:
    """What a call that brought no answer means."""
    reason = "timeout" if isinstance(error, httpx2.TimeoutException) else "unreachable"
    return Failure(reason, retriable=True)


class _Bounded(httpx2.HTTPTransport):
    """Refuses an answer that is compressed or larger than `MOST_BYTES`."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            response.close()
            raise Failure("answer_too_large")
        response.stream = _Counted(response.stream)
        return response


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
