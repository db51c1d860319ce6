"""The sandbox: a real HTTP server, and what tests say to it and ask it."""

import base64
import secrets
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from local.resend.account import Account
from local.resend.api import Api, Request
from local.resend.behaviours import Behaviour
from local.resend.drafts import Rules
from local.resend.mails import Mail, bare
from local.resend.script import Script
from local.resend.server import Server
from local.resend.webhooks import BACKOFF, Sent, Webhooks

RATE = 5  # requests a second: the vendor's usual limit of an account
TICK = 0.1  # seconds from one look at what is due to the next


def new_key() -> str:
    """An API key."""
    return f"re_sandbox_{secrets.token_urlsafe(24)}"


def new_secret() -> str:
    """A webhook's signing secret."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"


class Sandbox:
    """One account of a Resend of one's own; a context manager. Whoever still waits at its end is let go.

    `folder` keeps the mailbox and what a later sandbox there shall remember; without one nothing is kept. `rate`
    limits requests a second. `domains` are the verified ones (None: all), `blocks_examples` refuses recipients at
    example.com as the vendor does. `clock` gives seconds since 1970, `pace` the seconds between a mail's events.
    Webhooks go to `webhook_url`, or wait for `flush_webhooks` with `hold_webhooks`.
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
        hold_webhooks: bool = False,
        backoff: Sequence[float] = BACKOFF,
        rate: int | None = None,
        domains: Collection[str] | None = None,
        blocks_examples: bool = False,
        clock: Callable[[], float] = time.time,
        pace: float = 0.0,
    ) -> None:
        self._folder = folder
        self._port = port
        self._key = api_key or new_key()
        self._secret = webhook_secret or new_secret()
        self._webhook_url = webhook_url
        self._hold = hold_webhooks
        self._backoff = backoff
        self._rate = rate
        self._rules = Rules(domains, blocks_examples)
        self._clock = clock
        self._pace = pace
        self._script = Script()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def script(self, *behaviours: Behaviour, to: str | None = None) -> None:
        """Do these next, each for one request that makes sense; with `to`, for one with that recipient."""
        self._script.add(behaviours, to)

    def always(self, behaviour: Behaviour, to: str) -> None:
        """Do this for that recipient whenever nothing is scripted."""
        self._script.always(behaviour, to)

    @property
    def mails(self) -> list[Mail]:
        """All mails that were accepted, oldest first, each once for each time that it was."""
        self._account.catch_up()
        return self._account.mails

    def accepted(
        self,
        to: str | None = None,
        subject: str | None = None,
        *,
        tag: tuple[str, str] | None = None,
        header: tuple[str, str] | None = None,
    ) -> int:
        """How often a mail like that was really accepted."""
        return sum(
            (to is None or bare(to) in map(bare, mail.recipients))
            and (subject is None or subject == mail.subject)
            and (tag is None or mail.tags.get(tag[0]) == tag[1])
            and (header is None or mail.headers.get(header[0]) == header[1])
            for mail in self._account.mails
        )

    def counts(self, by: Callable[[Mail], Hashable]) -> Counter[Hashable]:
        """How many mails were accepted of each kind: `counts(by=lambda mail: mail.tags["message"])`."""
        return Counter(map(by, self._account.mails))

    @property
    def asked(self) -> list[Request]:
        """The last 10,000 requests, whatever came of them; bodies above 1 MB are left out."""
        return list(self._api.asked)

    @property
    def webhook_url(self) -> str | None:
        """Where webhooks go; None: nowhere."""
        return self._webhook_url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
        self._webhook_url = url
        if self._threads:
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
        self._account.catch_up()
        return self._webhooks.flush(times=times, backwards=backwards)

    def attachments(self, mail: Mail) -> list[bytes]:
        """The content of each."""
        return [attachment.read(self._account.folder) for attachment in mail.attachments]

    def forget(self) -> None:
        """Begin anew: no mails, no keys, nothing scripted, nobody suppressed, no webhook waiting."""
        self._script.forget()
        self._account.forget()
        self._webhooks.forget()
        self._api.asked.clear()

    def start(self) -> None:
        """Serve: on the port that was asked for, or on any if somebody has it."""
        self._own = None if self._folder else tempfile.TemporaryDirectory(prefix="resend-")
        folder = self._folder or Path(self._own.name if self._own else "")
        self._webhooks = Webhooks(self._secret, self._webhook_url, hold=self._hold, backoff=self._backoff)
        self._account = Account(folder, self._clock, self._webhooks.add, self._pace)
        self._api = Api(self._account, self._script, self._key, self._rate, self._rules)
        self._server = Server(self._port, self._api.answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.env = {
            "RESEND_API_KEY": self._key,
            "RESEND_API_URL": self.url,
            "RESEND_WEBHOOK_SECRET": self._secret,
        }
        self._stopped.clear()
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True),
            threading.Thread(target=self._tick, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End it; what is in its folder stays."""
        if self._threads:
            self._stopped.set()
            self._server.stop()
            for thread in self._threads:
                thread.join()
            self._threads = []
            self._webhooks.close()
            self._account.close()
            if self._own:
                self._own.cleanup()

    def _tick(self) -> None:
        while not self._stopped.wait(TICK):
            self._account.catch_up()

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
