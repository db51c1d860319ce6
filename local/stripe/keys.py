"""Idempotency keys: what was answered to each, for 24 hours."""

import hashlib
import json
from dataclasses import dataclass

from local.stripe.errors import Json, Refused

LIFE = 24 * 3600  # seconds
LONGEST = 255


@dataclass
class Entry:
    """A key in use; without a status while its request is in progress."""

    path: str
    fingerprint: str
    at: float
    request: str
    status: int = 0
    body: Json | None = None


def fingerprint(params: Json) -> str:
    """The same for the same parameters, in whatever order."""
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()


class Keys:
    """The keys of one account, over all its endpoints. Whoever calls holds the account's lock."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def begin(self, key: str, asked: Entry) -> Entry | None:
        """What was answered; None: nobody asked before, and the key is in progress from now on.

        Raises Refused: 400 where it was used for something else, 409 while it is in progress.
        """
        self._forget(asked.at)
        entry = self._entries.setdefault(key, asked)
        if entry is asked:
            return None
        if (entry.path, entry.fingerprint) != (asked.path, asked.fingerprint):
            used = "with the same parameters they were first used with"
            if entry.path != asked.path:
                used = f"for the same endpoint they were first used for ('{asked.path}' vs '{entry.path}')"
            raise Refused(
                400,
                f"Keys for idempotent requests can only be used {used}. Try using a key other than '{key}' if you "
                "meant to execute a different request.",
                type="idempotency_error",
            )
        if not entry.status:
            raise Refused(
                409,
                "There is currently another in-progress request using this Idempotency Key (that probably means you "
                "submitted twice, and the other request is still going through). Please try again later.",
                code="idempotency_key_in_use",
                headers={"Stripe-Should-Retry": "true"},
            )
        return entry

    def keep(self, key: str, entry: Entry) -> None:
        """This was answered."""
        self._entries[key] = entry

    def release(self, key: str) -> None:
        """Nothing was begun: the key is free again, unless it has an answer."""
        entry = self._entries.get(key)
        if entry and not entry.status:
            del self._entries[key]

    def _forget(self, now: float) -> None:
        """The oldest come first."""
        old = []
        for key, entry in self._entries.items():
            if now - entry.at < LIFE:
                break
            if entry.status:
                old.append(key)
        for key in old:
            del self._entries[key]
