"""What comes next: scripted behaviours, and the addresses that have one of their own."""

import threading
from collections import deque
from collections.abc import Iterable

from local.resend.behaviours import (
    Behaviour,
    Bounces,
    Clicks,
    Complains,
    Delays,
    Delivers,
    Opens,
    Outcome,
    Suppresses,
)
from local.resend.mails import bare
from local.sandbox.behaviours import Answering, Drops, Fails, Hangs, Slow

# The vendor's own for tests, all with labels: bounced+anything@resend.dev.
VENDORS: dict[str, Behaviour] = {
    "delivered@resend.dev": Delivers(),
    "bounced@resend.dev": Bounces(),
    "complained@resend.dev": Complains(),
    "suppressed@resend.dev": Suppresses(),
}
# Ours, to try trouble by hand. Those that answer do so at the first try of each request only, but for `down`.
OURS: dict[str, Behaviour] = {
    "fails@resend.test": Fails(),
    "fails-accepted@resend.test": Fails(accepted=True),
    "drops@resend.test": Drops(),
    "lost@resend.test": Drops(accepted=True),
    "hangs@resend.test": Hangs(),
    "hangs-accepted@resend.test": Hangs(accepted=True),
    "slow@resend.test": Slow(5),
    "limited@resend.test": Fails(429, retry_after=2),
    "down@resend.test": Fails(503),
    "opened@resend.test": Opens(),
    "clicked@resend.test": Clicks("https://example.com/"),
    "delayed@resend.test": Delays(),
    "soft-bounced@resend.test": Delays(then="bounced"),
    "twice@resend.test": Delivers(twice=True),
    "backwards@resend.test": Delivers(backwards=True),
}
KNOWN = {**VENDORS, **OURS}
ALWAYS = "down@resend.test"


class Script:
    """Behaviours in the order in which they were told; answers and outcomes are taken when it is their turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Nothing is scripted any more."""
        with self._lock:
            self._next: deque[Behaviour] = deque()
            self._to: dict[str, deque[Behaviour]] = {}
            self._usual: dict[str, Behaviour] = {}
            self._tried: set[str] = set()

    def add(self, behaviours: Iterable[Behaviour], to: str | None) -> None:
        """Do these next, each for one request; or each for one that concerns this address."""
        with self._lock:
            (self._next if to is None else self._to.setdefault(bare(to), deque())).extend(behaviours)

    def always(self, behaviour: Behaviour, to: str) -> None:
        """Do this whenever nothing else is scripted for the address."""
        with self._lock:
            self._usual[bare(to)] = behaviour

    def answering(self, addresses: Iterable[str], attempt: str) -> Answering | None:
        """How to answer a request to these; `attempt` is the same for each try of the same request."""
        with self._lock:
            if self._next and not isinstance(self._next[0], Outcome):
                return self._answer(self._next)
            for address in map(bare, addresses):
                queue = self._to.get(address)
                if queue and not isinstance(queue[0], Outcome):
                    return self._answer(queue)
                usual = self._usual.get(address)
                if usual is not None and not isinstance(usual, Outcome):
                    return usual
                known = KNOWN.get(unlabelled(address))
                if known is not None and not isinstance(known, Outcome):
                    if attempt not in self._tried or unlabelled(address) == ALWAYS:
                        self._tried.add(attempt)
                        return known
        return None

    def outcomes(self, mails: Iterable[Iterable[str]]) -> list[dict[str, Outcome]]:
        """What becomes of each mail of an accepted request, by bare address; who isn't named just gets it."""
        with self._lock:
            everybody: Outcome | None = None
            if self._next and isinstance(self._next[0], Outcome):
                everybody = self._outcome(self._next)
            return [
                {address: everybody or self._outcome_of(address) for address in map(bare, addresses)}
                for addresses in mails
            ]

    def _outcome_of(self, address: str) -> Outcome:
        queue = self._to.get(address)
        if queue and isinstance(queue[0], Outcome):
            return self._outcome(queue)
        for behaviour in (self._usual.get(address), KNOWN.get(unlabelled(address))):
            if isinstance(behaviour, Outcome):
                return behaviour
        return Delivers()

    @staticmethod
    def _answer(queue: deque[Behaviour]) -> Answering | None:
        behaviour = queue.popleft()
        return None if isinstance(behaviour, Outcome) else behaviour

    @staticmethod
    def _outcome(queue: deque[Behaviour]) -> Outcome:
        behaviour = queue.popleft()
        return behaviour if isinstance(behaviour, Outcome) else Delivers()


def unlabelled(address: str) -> str:
    """`name+label@host` → `name@host`."""
    local, _, host = address.rpartition("@")
    return f"{local.partition('+')[0]}@{host}"
