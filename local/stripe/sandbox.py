"""The sandbox, and what tests say to it and ask it."""

import secrets
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from local.sandbox import sandbox
from local.sandbox.behaviours import Answering
from local.sandbox.journal import Json
from local.sandbox.webhooks import Sent, Webhooks
from local.stripe import disputes, intents, pages, refunds
from local.stripe.account import Account
from local.stripe.api import Api
from local.stripe.errors import Refused
from local.stripe.methods import method
from local.stripe.script import Script
from local.stripe.signing import signed

BACKOFF = (600.0, 3600.0, 7200.0)  # the vendor's for tests: three times more, over a few hours


def new_key() -> str:
    """An API key."""
    return f"sk_test_{secrets.token_hex(24)}"


def new_secret() -> str:
    """A webhook's signing secret."""
    return f"whsec_{secrets.token_hex(24)}"


class Books(NamedTuple):
    """Minor units that came in, went back, and were lost to payers' banks."""

    received: int
    refunded: int
    disputed: int


class Sandbox(sandbox.Sandbox[Account]):
    """One account of a Stripe of one's own.

    `clock` gives seconds since 1970. Webhooks of the types `webhook_events` (None: of all) go to `webhook_url` after
    `webhook_delay` seconds, or wait for `flush_webhooks` with `hold_webhooks`.
    """

    too_large = Refused(413, "The request body is too large, or of unknown length.", type="invalid_request_error")

    def __init__(
        self,
        folder: Path | None = None,
        *,
        port: int = 0,
        api_key: str | None = None,
        webhook_secret: str | None = None,
        webhook_url: str | None = None,
        webhook_events: Collection[str] | None = None,
        webhook_delay: float = 0.0,
        hold_webhooks: bool = False,
        backoff: Sequence[float] = BACKOFF,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._script = Script()
        self._secret = webhook_secret or new_secret()
        webhooks = Webhooks(
            self._secret,
            webhook_url,
            hold=hold_webhooks,
            backoff=backoff,
            sign=signed,
            types=webhook_events,
            delay=webhook_delay,
            taken=lambda event: self._account.delivered(event),
        )
        super().__init__(folder, port, self._script, webhooks)
        self._key = api_key or new_key()
        self._clock = clock

    def script(self, *behaviours: Answering, on: str = "POST ") -> None:
        """Do these next, each for one request that begins so: `POST /v1/refunds`, `GET /v1/payment_intents/pi_…`."""
        self._script.add(behaviours, on)

    def pay(self, intent: str, by: str = "pm_card_visa") -> Json:
        """Do as the payer's browser does: confirm the intent with this method. Returns the intent, also if declined."""
        return self._account.do(lambda change: intents.paid(change, intent, method(by)))

    def pay_url(self, intent: str) -> str:
        """The page where a person pays it."""
        return self.url + pages.path(self.find(intent))

    def authenticate(self, intent: str, ok: bool = True) -> Json:
        """Answer the bank's question (3-D Secure) of an intent that requires action."""
        return self._account.do(lambda change: intents.answered(change, intent, ok))

    def settle(self, intent: str, ok: bool | None = None) -> Json:
        """Let the bank decide on an intent that is processing; None: as its method has it."""
        return self._account.do(lambda change: intents.settled(change, intent, ok))

    def fail_refund(self, refund: str) -> Json:
        """Let a refund come back: the money is on the account again."""
        return self._account.do(lambda change: refunds.failed(change, refund))

    def dispute(self, intent: str, amount: int | None = None, reason: str = "fraudulent") -> Json:
        """Let the payer dispute what was paid. Returns the dispute."""
        charge = self.find(intent)["latest_charge"]
        return self._account.do(lambda change: disputes.opened(change, str(charge), amount, reason))

    def close_dispute(self, dispute: str, won: bool) -> Json:
        """Let the bank decide it."""
        return self._account.do(lambda change: disputes.closed(change, dispute, won))

    def find(self, id_: str) -> Json:
        """Any object as the API shows it. Raises KeyError."""
        found = self._account.find(id_)
        if found is None:
            raise KeyError(id_)
        return found

    def all(self, kind: str) -> list[Json]:
        """All of a kind, oldest first: `payment_intent`, `charge`, `refund`, `dispute`, `event`."""
        return self._account.all(kind)

    def books(self, **metadata: str) -> dict[str, Books]:
        """By currency, what really moved for intents with this metadata; disputes count until they are won."""
        wanted = {each["id"] for each in self.all("payment_intent") if metadata.items() <= each["metadata"].items()}
        taken = {each["charge"]: int(each["amount"]) for each in self.all("dispute") if each["status"] != "won"}
        found: dict[str, Books] = {}
        for charge in self.all("charge"):
            if charge["payment_intent"] in wanted:
                book = found.get(charge["currency"], Books(0, 0, 0))
                found[charge["currency"]] = Books(
                    book.received + charge["amount_captured"],
                    book.refunded + charge["amount_refunded"],
                    book.disputed + taken.get(charge["id"], 0),
                )
        return found

    def deliver(self, *events: str) -> list[Sent]:
        """Deliver these events (`evt_…`), once each, now and in this order, whether they were before or not."""
        return self._webhooks.send([self.find(event) for event in events])

    def _opened(self, folder: Path) -> Account:
        return Account(folder, self._clock, self._webhooks.add)

    def _api(self) -> Api:
        return Api(self._account, self._script, self._key)

    def _env(self) -> dict[str, str]:
        return {"STRIPE_SECRET_KEY": self._key, "STRIPE_API_BASE": self.url, "STRIPE_WEBHOOK_SECRET": self._secret}
