"""The functions, called over HTTP, and what is printed of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import urllib3

from local.trouble import Trouble

PATIENCE_SECONDS = 90  # where nobody is nudged, what is due waits for the minute


class Reply(NamedTuple):
    """An answer that says yes."""

    content: Any
    headers: dict[str, str]
    seconds: float


class Api:
    """The functions, called over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._token: str | None = None

    def sign_in_with(self, token: str) -> None:
        """Be this person from now on."""
        self._token = token

    @property
    def headers(self) -> dict[str, str]:
        """Of whoever is signed in."""
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def __call__(self, method: str, path: str, content: object = None) -> Reply:
        started = time.perf_counter()
        reply = urllib3.request(method, f"{self.url}/api{path}", json=content, headers=self.headers, timeout=60)
        answer = json.loads(reply.data or b"null")
        if reply.status >= 400:
            waiting = f" (again in {reply.headers['Retry-After']} s)" if "Retry-After" in reply.headers else ""
            raise Trouble(f"{method} {path} answers {reply.status}: {answer['detail']}{waiting}")
        return Reply(answer, {k.lower(): v for k, v in reply.headers.items()}, time.perf_counter() - started)


def asked(api: Api, path: str, content: object) -> str:
    """How something is refused. Raises `Trouble` where it isn't."""
    try:
        api("POST", path, content)
    except Trouble as refusal:
        return str(refusal).partition(": ")[2]
    raise Trouble(f"POST {path} should have been refused")


def money(minor: int) -> str:
    """An amount of the demonstration's currency."""
    return f"{minor / 100:,.2f}"


def awaited(found: Callable[[], Any], trouble: str) -> tuple[Any, float]:
    """What there is as soon as it is there, and after how many seconds. Raises `Trouble` where it doesn't come."""
    started = time.perf_counter()
    while not (thing := found()):
        if time.perf_counter() - started > PATIENCE_SECONDS:
            raise Trouble(trouble)
        time.sleep(0.1)
    return thing, time.perf_counter() - started


def heading(text: str) -> None:
    """A step."""
    print(f"\n{text}\n{'─' * len(text)}")
