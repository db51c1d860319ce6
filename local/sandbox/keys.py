"""Idempotency keys: what was answered to each, for 24 hours."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any, Generic, Protocol, TypeVar

LIFE = 24 * 3600  # seconds


class Use(Protocol):
    """What a key was used for, and when (seconds since 1970)."""

    at: float

    @property
    def answered(self) -> bool:
        """Else its request is in progress."""


Name = TypeVar("Name", bound=Hashable)
Used = TypeVar("Used", bound=Use)


def fingerprint(body: Any) -> str:
    """The same for the same payload, however it is spaced and ordered."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Keys(ABC, Generic[Name, Used]):
    """The keys of one account. Whoever calls holds the account's lock."""

    def __init__(self) -> None:
        self._uses: dict[Name, Used] = {}

    @abstractmethod
    def check(self, name: Name, before: Used, now: Used) -> None:
        """Raises Refused where the key was used for something else, or is in progress."""

    def begin(self, name: Name, use: Used) -> Used | None:
        """What was answered; None: nobody asked before, and the key is in progress from now on. Raises Refused."""
        self._forget(use.at)
        before = self._uses.setdefault(name, use)
        if before is use:
            return None
        self.check(name, before, use)
        return before

    def keep(self, name: Name, use: Used) -> None:
        """This was answered."""
        self._uses[name] = use

    def release(self, name: Name) -> None:
        """Nothing was done: the key is free again, unless it has an answer."""
        use = self._uses.get(name)
        if use and not use.answered:
            del self._uses[name]

    def _forget(self, now: float) -> None:
        """The oldest come first."""
        old = []
        for name, use in self._uses.items():
            if now - use.at < LIFE:
                break
            if use.answered:
                old.append(name)
        for name in old:
            del self._uses[name]
