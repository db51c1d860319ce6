"""What goes wrong next: scripted answers to requests, in the order in which they were told."""

import threading
from collections.abc import Iterable

from local.sandbox.behaviours import Answering


class Script:
    """Each behaviour is for one request that fits it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Nothing is scripted any more."""
        with self._lock:
            self._next: list[tuple[str, Answering]] = []

    def add(self, behaviours: Iterable[Answering], on: str) -> None:
        """Do these next, each for one request that begins so: `POST /v1/refunds`."""
        with self._lock:
            self._next += [(on, behaviour) for behaviour in behaviours]

    def take(self, method: str, path: str) -> Answering | None:
        """What to do with this request."""
        with self._lock:
            for place, (on, behaviour) in enumerate(self._next):
                if f"{method} {path}".startswith(on):
                    del self._next[place]
                    return behaviour
        return None
