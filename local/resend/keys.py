"""Idempotency keys: each endpoint has keys of its own."""

from dataclasses import dataclass

from local.resend.errors import Refused
from local.sandbox import keys
from local.sandbox.journal import Json

Name = tuple[str, str]
"""The endpoint and the key."""


@dataclass
class Entry:
    """A key in use; without an answer while its request is in progress."""

    fingerprint: str
    at: float
    answer: Json | None = None

    @property
    def answered(self) -> bool:
        """Else it is in progress."""
        return self.answer is not None


class Keys(keys.Keys[Name, Entry]):
    """The keys of one account."""

    def check(self, name: Name, before: Entry, now: Entry) -> None:
        """Raises Refused 409: used with another payload, or still in progress."""
        if before.fingerprint != now.fingerprint:
            raise Refused(
                409,
                "invalid_idempotent_request",
                "This idempotency key has been used with this HTTP method and endpoint within the last 24 hours, "
                "but the request body was modified and doesn't match the original request.",
            )
        if not before.answered:
            raise Refused(
                409,
                "concurrent_idempotent_requests",
                "There is another request in progress with the same idempotency key.",
            )
