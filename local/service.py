"""Something of ours that runs until it is stopped."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Service(ABC):
    """Has `start` and `stop`; a context manager that calls them."""

    @abstractmethod
    def start(self) -> None:
        """Let it run; returns when it does."""

    @abstractmethod
    def stop(self) -> None:
        """End it; nothing where it doesn't run."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
