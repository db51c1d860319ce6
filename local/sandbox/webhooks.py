"""Webhooks, signed and sent as vendors do: at least once, and in no promised order."""

import heapq
import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import urllib3

from local.sandbox.journal import Json

PATIENCE = 15.0  # seconds for an answer


class Notice(NamedTuple):
    """An event that a webhook shall tell of."""

    payload: Json
    twice: bool = False


class Sent(NamedTuple):
    """One attempt: the message's id, of which event, and the answer's status, 0 where there was none."""

    id: str
    type: str
    status: int
    body: bytes
    headers: dict[str, str]


@dataclass
class _Message:
    id: str
    type: str
    body: bytes
    attempts: int = 0


Sign: TypeAlias = Callable[[str, str, bytes, int], dict[str, str]]
"""Secret, message's id, body and time (seconds since 1970) → the headers that prove it, and say who sends it."""


class Webhooks:
    """Sends from a thread of its own to `url`, again after each failure until `backoff` (seconds) is used up.

    Without a `url` nothing is kept, nor what is of none of the `types` (None: all). With `hold` all waits for `flush`;
    `delay` are seconds before each first attempt. `taken` hears of each message that was answered 2xx.
    """

    def __init__(
        self,
        secret: str,
        url: str | None,
        *,
        hold: bool,
        backoff: Sequence[float],
        sign: Sign,
        types: Collection[str] | None = None,
        delay: float = 0.0,
        taken: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.url = url
        self.hold = hold
        self.delay = delay
        self._sign = sign
        self._types = types
        self._taken = taken
        self._secret = secret
        self._backoff = tuple(backoff)
        self._pool = urllib3.PoolManager(retries=False, timeout=PATIENCE)
        self._counter = itertools.count()
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self.forget()

    def start(self) -> None:
        """Begin to send."""
        self._ended = False
        self.forget()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def sent(self) -> list[Sent]:
        """Every attempt, in order."""
        with self._changed:
            return list(self._sent)

    @property
    def pending(self) -> int:
        """How many messages still have an attempt to come."""
        with self._changed:
            return len(self._queue)

    def forget(self) -> None:
        """Nothing is to be sent, nothing was."""
        with self._changed:
            self._queue: list[tuple[float, int, _Message]] = []
            self._sent: list[Sent] = []

    def add(self, notices: list[Notice]) -> None:
        """Send these when it is their turn."""
        wanted = [each for each in notices if self._types is None or each.payload["type"] in self._types]
        if not self.url or not wanted:
            return
        with self._changed:
            for payload, twice in wanted:
                message = _message(payload)
                for _ in range(2 if twice else 1):
                    self._push(message, self.delay)
            self._changed.notify()

    def flush(self, *, times: int = 1, backwards: bool = False) -> list[Sent]:
        """Send all that is waiting, now and from this thread: failures again and again without a pause.

        `times` sends every message so often, `backwards` the last one first. Returns the attempts.
        """
        made: list[Sent] = []
        with self._sending:
            while messages := self._take_all():
                for message in reversed(messages) if backwards else messages:
                    made += [self._attempt(message) for _ in range(times)]
        return made

    def send(self, payloads: Sequence[Json]) -> list[Sent]:
        """Send just these, once each, now and in this order, whatever is waiting; no failure is tried again."""
        with self._sending:
            return [self._attempt(_message(payload), again=False) for payload in payloads]

    def close(self) -> None:
        """Send nothing more."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(PATIENCE)
        self._pool.clear()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._ended and (self.hold or not self._queue or self._queue[0][0] > time.monotonic()):
                    due = self._queue[0][0] - time.monotonic() if self._queue and not self.hold else None
                    self._changed.wait(due)
                if self._ended:
                    return
            with self._sending:
                message = self._take_due()
                if message:
                    self._attempt(message)

    def _push(self, message: _Message, pause: float) -> None:
        heapq.heappush(self._queue, (time.monotonic() + pause, next(self._counter), message))

    def _take_due(self) -> _Message | None:
        """Whoever flushed meanwhile may have taken it."""
        with self._changed:
            due = self._queue and self._queue[0][0] <= time.monotonic()
            return heapq.heappop(self._queue)[2] if due else None

    def _take_all(self) -> list[_Message]:
        with self._changed:
            found = [message for _, _, message in sorted(self._queue, key=lambda each: each[:2])]
            self._queue.clear()
        return found

    def _attempt(self, message: _Message, *, again: bool = True) -> Sent:
        # Verifying compares with the real time, whatever time the sandbox plays.
        proof = self._sign(self._secret, message.id, message.body, int(time.time()))
        headers = {"Content-Type": "application/json", **proof}
        url, status = self.url, 0
        if url:
            try:
                status = self._pool.request("POST", url, body=message.body, headers=headers, redirect=False).status
            except urllib3.exceptions.HTTPError:
                status = 0
        attempt = Sent(message.id, message.type, status, message.body, headers)
        with self._changed:
            self._sent.append(attempt)
            failed = not 200 <= status < 300
            if failed and again and url and message.attempts < len(self._backoff):
                pause = self._backoff[message.attempts]
                message.attempts += 1
                self._push(message, pause)
        if not failed:
            self._taken(message.id)
        return attempt


def _message(payload: Json) -> _Message:
    """An event that has an id keeps it."""
    id_ = payload.get("id") or f"msg_{secrets.token_hex(12)}"
    return _Message(id_, payload["type"], json.dumps(payload).encode())
