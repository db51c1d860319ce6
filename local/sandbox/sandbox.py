"""A sandbox: a real HTTP server, and what tests say to it and ask it, whoever its vendor is."""

import tempfile
from abc import abstractmethod
from collections import deque
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar

from local.sandbox.account import Account
from local.sandbox.server import Pause, Refused, Reply, Request, Server
from local.sandbox.webhooks import Sent, Webhooks
from local.service import Service

Held = TypeVar("Held", bound=Account)


class Api(Protocol):
    """A vendor's HTTP API."""

    asked: deque[Request]

    def answer(self, request: Request, pause: Pause) -> Reply:
        """Do what is asked. Raises ConnectionError where no answer shall be given, or nobody waits for it."""


class Script(Protocol):
    """What comes next."""

    def forget(self) -> None:
        """Nothing is scripted any more."""


class Sandbox(Service, Generic[Held]):
    """One account of a vendor; a context manager. Whoever still waits at its end is let go.

    `folder` keeps what a later sandbox there shall remember; without one nothing is kept.
    """

    url: str
    env: dict[str, str]
    """The settings of whoever shall use it."""
    too_large: ClassVar[Refused]
    """What is answered to a body that is too large."""
    _account: Held

    def __init__(self, folder: Path | None, port: int, script: Script, webhooks: Webhooks) -> None:
        self._folder = folder
        self._port = port
        self._forgetful = script
        self._webhooks = webhooks
        self._server: Server | None = None

    @abstractmethod
    def _opened(self, folder: Path) -> Held:
        """The account that a folder keeps."""

    @abstractmethod
    def _api(self) -> Api:
        """What the account is asked through."""

    @abstractmethod
    def _env(self) -> dict[str, str]:
        """The settings."""

    @property
    def asked(self) -> list[Request]:
        """The last 10,000 requests, whatever came of them."""
        return list(self._answering.asked)

    @property
    def webhook_url(self) -> str | None:
        """Where webhooks go; None: nowhere."""
        return self._webhooks.url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
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

    def forget(self) -> None:
        """Begin anew: an empty account, nothing scripted, no webhook waiting."""
        self._forgetful.forget()
        self._account.forget()
        self._webhooks.forget()
        self._answering.asked.clear()

    def start(self) -> None:
        """Serve: on the port that was asked for, or on any if somebody has it."""
        self._own = None if self._folder else tempfile.TemporaryDirectory(prefix="sandbox-")
        self._webhooks.start()
        self._account = self._opened(self._folder or Path(self._own.name if self._own else ""))
        self._webhooks.add(self._account.undelivered())
        self._answering = self._api()
        self._server = Server(self._port, self._answering.answer, self.too_large.reply)
        self._server.start()
        self.url = self._server.url
        self.env = self._env()

    def stop(self) -> None:
        """End it; what is in its folder stays."""
        if self._server:
            self._server.stop()
            self._server = None
            self._webhooks.close()
            self._account.close()
            if self._own:
                self._own.cleanup()
