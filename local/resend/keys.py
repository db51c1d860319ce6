"""Idempotency keys: what was answered to each, for 24 hours."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from local.resend.errors import Refused
from local.resend.mails import Json

LIFE = 24 * 3600  # seconds
Name = tuple[str, str]
"""The endpoint and the key: each endpoint has keys of its own."""


@dataclass
class Entry:
    """A key in use; without an answer while its request is in progress."""

    fingerprint: str
    at: float
    answer: Json | None = None


def fingerprint(body: Any) -> str:
    """The same for the same payload, however it is spaced and ordered."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Keys:
    """The keys of one account. Whoever calls holds the account's lock."""

    def __init__(self) -> None:
        self._entries: dict[Name, Entry] = {}

    def begin(self, name: Name, print_: str, now: float) -> Json | None:
        """The answer that was given; None: nobody asked before, and the key is in progress from now on.

        Raises Refused 409: used with another payload, or still in progress.
        """
        self._forget(now)
        entry = self._entries.get(name)
        if entry is None:
            self._entries[name] = Entry(print_, now)
            return None
        if entry.fingerprint != print_:
            raise Refused(
                409,
                "invalid_idempotent_request",
                "This idempotency key has been used with this HTTP method and endpoint within the last 24 hours, "
                "but the request body was modified and doesn't match the original request.",
            )
        if entry.answer is None:
            raise Refused(
                409,
                "concurrent_idempotent_requests",
                "There is another request in progress with the same idempotency key.",
            )
        return entry.answer

    def keep(self, name: Name, print_: str, answer: Json, at: float) -> None:
        """This was answered."""
        self._entries[name] = Entry(print_, at, answer)

    def release(self, name: Name) -> None:
        """Nothing was done: the key is free again, unless it has an answer."""
        entry = self._entries.get(name)
        if entry and entry.answer is None:
            del self._entries[name]

    def _forget(self, now: float) -> None:
        """The oldest come first."""
        old = []
        for name, entry in self._entries.items():
            if now - entry.at < LIFE:
                break
            if entry.answer is not None:
                old.append(name)
        for name in old:
            del self._entries[name]
