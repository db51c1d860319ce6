"""What a sandbox can be told to do with a request, instead of just answering it."""

from dataclasses import dataclass
from typing import TypeAlias

from local.sandbox.server import Pause


@dataclass(frozen=True)
class Fails:
    """Answers with this status and the vendor's error body, before or after having accepted.

    `name` and `message` are the vendor's own for the status unless given; `retry_after` are seconds.
    """

    status: int = 500
    name: str | None = None
    message: str | None = None
    retry_after: float | None = None
    accepted: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """When to try again, if that is said."""
        return {} if self.retry_after is None else {"retry-after": f"{self.retry_after:g}"}


@dataclass(frozen=True)
class Hangs:
    """Never answers, before or after having accepted."""

    accepted: bool = False


@dataclass(frozen=True)
class Drops:
    """Closes the connection without a word. `accepted`: the answer is lost, what was asked for is done."""

    accepted: bool = False


@dataclass(frozen=True)
class Slow:
    """Does everything as usual, but so much later; its idempotency key is in progress meanwhile.

    `accepted`: does it at once, and answers later with how things stood then.
    """

    seconds: float
    accepted: bool = False


Answering: TypeAlias = Fails | Hangs | Drops | Slow


def keep_waiting(behaviour: object, pause: Pause, *, accepted: bool) -> None:
    """Be late, hang or drop, where that is scripted for before, or for after having accepted.

    Raises ConnectionError where no answer shall be given.
    """
    match behaviour:
        case Slow(seconds) if behaviour.accepted == accepted:
            pause(seconds)
        case Hangs() if behaviour.accepted == accepted:
            pause(None)
        case Drops() if behaviour.accepted == accepted:
            raise ConnectionAbortedError
