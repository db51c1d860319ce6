"""Idempotency keys: one set of them for all endpoints."""

from dataclasses import dataclass

from local.sandbox import keys
from local.sandbox.journal import Json
from local.stripe.errors import Refused

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

    @property
    def answered(self) -> bool:
        """Else it is in progress."""
        return self.status > 0


class Keys(keys.Keys[str, Entry]):
    """The keys of one account."""

    def check(self, name: str, before: Entry, now: Entry) -> None:
        """Raises Refused: 400 where it was used for something else, 409 while it is in progress."""
        if (before.path, before.fingerprint) != (now.path, now.fingerprint):
            used = "with the same parameters they were first used with"
            if before.path != now.path:
                used = f"for the same endpoint they were first used for ('{now.path}' vs '{before.path}')"
            raise Refused(
                400,
                f"Keys for idempotent requests can only be used {used}. Try using a key other than '{name}' if you "
                "meant to execute a different request.",
                type="idempotency_error",
            )
        if not before.answered:
            raise Refused(
                409,
                "There is currently another in-progress request using this Idempotency Key (that probably means you "
                "submitted twice, and the other request is still going through). Please try again later.",
                code="idempotency_key_in_use",
                headers={"Stripe-Should-Retry": "true"},
            )
