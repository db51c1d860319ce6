"""What a sandbox's account holds, remembered by the sandbox after it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from local.sandbox.journal import Journal, Json
from local.sandbox.webhooks import Notice


class Account(ABC):
    """Kept in `folder`. `clock` gives seconds since 1970; `tell` hears of each event and must not block."""

    def __init__(self, folder: Path, clock: Callable[[], float], tell: Callable[[list[Notice]], None]) -> None:
        self.lock = threading.RLock()
        self.folder = folder
        self.clock = clock
        self._tell = tell
        self._journal = Journal(folder / "journal.jsonl")
        self._clear()
        try:
            for record in self._journal.read():
                self._recall(record.pop("kind"), record)
        except (KeyError, TypeError, ValueError):  # another version of the sandbox wrote it: that must stop nobody
            self._clear()
            self._journal.clear()

    @abstractmethod
    def _clear(self) -> None:
        """Hold nothing."""

    @abstractmethod
    def _recall(self, kind: str, record: Json) -> None:
        """Hold what a line of the journal says. Raises KeyError, TypeError or ValueError where it makes no sense."""

    def forget(self) -> None:
        """Begin anew."""
        with self.lock:
            self._clear()
            self._journal.clear()

    def undelivered(self) -> list[Notice]:
        """The events of the past whose webhooks are still to be taken, where the vendor goes on with those."""
        return []

    def close(self) -> None:
        """Nothing more will happen."""
        with self.lock:
            self._journal.close()
