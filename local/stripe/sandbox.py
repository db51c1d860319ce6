"""The sandbox: a real HTTP server, and what tests say to it and ask it."""

import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from local.resend.account import Notice
from local.resend.api import Request
from local.resend.behaviours import Answering
from local.resend.server import Server
from local.resend.webhooks import Sent, Webhooks
from local.stripe import disputes, intents, refunds
from local.stripe.account import Account
from local.stripe.api import Api
from local.stripe.errors import Json
from local.stripe.methods import method
from local.stripe.script import Script
from local.stripe.signing import signed

BACKOFF = (600.0, 3600.0, 7200.0)  # the vendor's for tests: three times more, over a few hours


class Books(NamedTuple):
    """Minor units that came in, went back, and were lost to payers' banks."""

    received: int
    refunded: int
    disputed: int


class Sandbox:
    """One account of a Stripe of one's own; a context manager. Whoever still waits at its end is let go.

    `folder` keeps what a later sandbox there shall remember; without one nothing is kept. `clock` gives seconds since
    1970. Webhooks of the types `webhook_events` (None: of all) go to `webhook_url` after `webhook_delay` seconds, or
    wait for `flush_webhooks` with `hold_webhooks`.
    """

    url: str
    env: dict[str, str]

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
        self._folder = folder
        self._port = port
        self._key = api_key or f"sk_test_{secrets.token_hex(24)}"
        self._secret = webhook_secret or f"whsec_{secrets.token_hex(24)}"
        self._webhook_url = webhook_url
        self._webhook_events = webhook_events
        self._delay = webhook_delay
        self._hold = hold_webhooks
        self._backoff = backoff
        self._clock = clock
        self._script = Script()
        self._thread: threading.Thread | None = None

    def script(self, *behaviours: Answering, on: str = "POST ") -> None:
        """Do these next, each for one request that begins so: `POST /v1/refunds`, `GET /v1/payment_intents/pi_…`."""
        self._script.add(behaviours, on)

    def pay(self, intent: str, by: str = "pm_card_visa") -> Json:
        """Do as the payer's browser does: confirm the intent with this method. Returns the intent, also if declined."""
        return self._account.do(lambda change: intents.paid(change, intent, method(by)))

    def pay_url(self, intent: str) -> str:
        """The page where a person pays it."""
        return f"{self.url}/pay/{intent}/{self.find(intent)['client_secret']}"

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

    @property
    def asked(self) -> list[Request]:
        """The last 10,000 requests, whatever came of them."""
        return list(self._api.asked)

    @property
    def webhook_url(self) -> str | None:
        """Where webhooks go; None: nowhere."""
        return self._webhook_url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
        self._webhook_url = url
        if self._thread:
            self._webhooks.url = url

    @property
    def webhooks(self) -> list[Sent]:
        """Every attempt to deliver a webhook, in order."""
        return self._webhooks.sent

    @property
    def pending_webhooks(self) -> int:
        """How many of them still have an attempt to come."""
        return self._webhooks.pending

    def flush_webhooks(self, *, times: int = 1, backwards: bool = False) -> list[Sent]:
        """Deliver all that wait, at once, with no pause between attempts; returns the attempts.

        `times` delivers each so often, `backwards` the last one first.
        """
        return self._webhooks.flush(times=times, backwards=backwards)

    def deliver(self, *events: str) -> list[Sent]:
        """Deliver these events (`evt_…`), once each, now and in this order, whether they were before or not."""
        return self._webhooks.send([self.find(event) for event in events])

    def forget(self) -> None:
        """Begin anew: no objects, no keys, nothing scripted, no webhook waiting."""
        self._script.forget()
        self._account.forget()
        self._webhooks.forget()
        self._api.asked.clear()

    def start(self) -> None:
        """Serve: on the port that was asked for, or on any if somebody has it."""
        self._own = None if self._folder else tempfile.TemporaryDirectory(prefix="stripe-")
        folder = self._folder or Path(self._own.name if self._own else "")
        self._account = Account(folder, self._clock, self._tell)
        self._webhooks = Webhooks(
            self._secret,
            self._webhook_url,
            hold=self._hold,
            backoff=self._backoff,
            delay=self._delay,
            sign=signed,
            taken=self._account.delivered,
        )
        self._tell(self._account.undelivered())
        self._api = Api(self._account, self._script, self._key)
        self._server = Server(self._port, self._api.answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.env = {
            "STRIPE_SECRET_KEY": self._key,
            "STRIPE_API_BASE": self.url,
            "STRIPE_WEBHOOK_SECRET": self._secret,
        }
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; what is in its folder stays."""
        if self._thread:
            self._server.stop()
            self._thread.join()
            self._thread = None
            self._webhooks.close()
            self._account.close()
            if self._own:
                self._own.cleanup()

    def _tell(self, notices: list[Notice]) -> None:
        wanted = self._webhook_events
        self._webhooks.add([each for each in notices if wanted is None or each.payload["type"] in wanted])

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
