"""The sandbox, and what tests say to it and ask it."""

import base64
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from pathlib import Path

from local.resend.account import Account
from local.resend.api import Api
from local.resend.behaviours import Behaviour
from local.resend.drafts import Rules
from local.resend.errors import Refused
from local.resend.mails import Mail, bare
from local.resend.script import Script
from local.resend.signing import sent
from local.sandbox import sandbox
from local.sandbox.webhooks import Sent, Webhooks

RATE = 5  # requests a second: the vendor's usual limit of an account
BACKOFF = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0)  # the vendor's: seconds after each failure
TICK = 0.1  # seconds from one look at what is due to the next


def new_key() -> str:
    """An API key."""
    return f"re_sandbox_{secrets.token_urlsafe(24)}"


def new_secret() -> str:
    """A webhook's signing secret."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"


class Sandbox(sandbox.Sandbox[Account]):
    """One account of a Resend of one's own.

    `folder` keeps the mailbox too. `rate` limits requests a second. `domains` are the verified ones (None: all),
    `blocks_examples` refuses recipients at example.com as the vendor does. `clock` gives seconds since 1970, `pace`
    the seconds between a mail's events. Webhooks go to `webhook_url`, or wait for `flush_webhooks` with
    `hold_webhooks`.
    """

    too_large = Refused(413, "validation_error", "The request body is too large, or of unknown length.")

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
        self._script = Script()
        self._secret = webhook_secret or new_secret()
        webhooks = Webhooks(self._secret, webhook_url, hold=hold_webhooks, backoff=backoff, sign=sent)
        super().__init__(folder, port, self._script, webhooks)
        self._key = api_key or new_key()
        self._rate = rate
        self._rules = Rules(domains, blocks_examples)
        self._clock = clock
        self._pace = pace
        self._thread: threading.Thread | None = None

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

    def flush_webhooks(self, *, times: int = 1, backwards: bool = False) -> list[Sent]:
        """Deliver all that wait, those of what is due by now included."""
        self._account.catch_up()
        return super().flush_webhooks(times=times, backwards=backwards)

    def attachments(self, mail: Mail) -> list[bytes]:
        """The content of each."""
        return [attachment.read(self._account.folder) for attachment in mail.attachments]

    def start(self) -> None:
        """Serve, and let happen what is due."""
        super().start()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; what is in its folder stays."""
        if self._thread:
            self._stopped.set()
            self._thread.join()
            self._thread = None
        super().stop()

    def _opened(self, folder: Path) -> Account:
        return Account(folder, self._clock, self._webhooks.add, self._pace)

    def _api(self) -> Api:
        return Api(self._account, self._script, self._key, self._rate, self._rules)

    def _env(self) -> dict[str, str]:
        return {"RESEND_API_KEY": self._key, "RESEND_API_URL": self.url, "RESEND_WEBHOOK_SECRET": self._secret}

    def _tick(self) -> None:
        while not self._stopped.wait(TICK):
            self._account.catch_up()
