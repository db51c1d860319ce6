"""What a provider is: its name, the settings that make it available, and one function that puts a question to it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from shared import settings
from shared.errors import Problem

LOCAL = "local"
# More than any model reads or writes at once.
MOST_TOKENS = 10_000_000
# The prefix of each remote provider's settings; its code is the module of its name.
REMOTE = {"gemini": "GEMINI", "anthropic": "ANTHROPIC", "openai_compatible": "OPENAI"}


@dataclass(frozen=True)
class Question:
    """What is put to a provider: `instructions` are ours; `said`, and what the JPEG shows, are data from a stranger."""

    instructions: str
    said: str
    schema: dict[str, Any]
    most_output_tokens: int
    jpeg: bytes | None = None


@dataclass(frozen=True)
class Words:
    """What came back. Tokens are None where the provider doesn't count them."""

    text: str
    input_tokens: int | None
    output_tokens: int | None


def tokens(*counts: object) -> int | None:
    """The sum of what a provider counted; None where that is no number of tokens."""
    whole = [count for count in counts if isinstance(count, int) and not isinstance(count, bool)]
    if len(whole) < len(counts) or min(whole) < 0 or sum(whole) >= MOST_TOKENS:
        return None
    return sum(whole)


class Failure(Exception):
    """No answer. `reason` is one of ours, stable and in snake_case; a vendor's words are never passed on.

    `retriable`: the same call may well succeed in a moment. `healthy`: the provider works but wouldn't answer this.
    """

    def __init__(
        self, reason: str, *, retriable: bool = False, healthy: bool = False, words: Words | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retriable = retriable
        self.healthy = healthy
        self.words = words  # what was written, and is paid for, all the same


class Access(NamedTuple):
    """How a provider is reached. An empty `base_url` means the vendor's own."""

    key: str
    base_url: str
    model: str


class Provider(Protocol):
    """A module of this package that asks one remote provider."""

    def load(self) -> None:
        """Import what it needs, before anybody's clock runs."""

    def ask(self, question: Question, access: Access, client: Any, seconds: float) -> Words:
        """Put the question over this `httpx2.Client`. Raises `Failure`."""


def order() -> list[str]:
    """Who is asked, first to last: the configured of `AI_PROVIDERS`. Raises `Problem` 503 for an unknown name."""
    named = [*dict.fromkeys(name.strip() for name in settings.get("AI_PROVIDERS").split(",") if name.strip())]
    if not named or not {*named} <= {LOCAL, *REMOTE}:
        raise Problem(503, "not_configured", "The server's setting AI_PROVIDERS names what is no provider.")
    return [name for name in named if name == LOCAL or _configured(name)]


def access(name: str) -> Access:
    """The settings of a remote provider."""
    prefix = REMOTE[name]
    return Access(*(settings.get(f"{prefix}_{part}") for part in ("API_KEY", "BASE_URL", "MODEL")))


def module(name: str) -> Provider:
    """The code of a remote provider, its SDK loaded."""
    provider: Provider = importlib.import_module(f"shared.ai.{name}")
    provider.load()
    return provider


def failure_of(status: int) -> Failure:
    """What an HTTP status other than 200 means, whichever the provider."""
    if status == 429:
        return Failure("rate_limited", retriable=True)
    if status in (408, 504):
        return Failure("timeout", retriable=True)
    if status >= 500:
        return Failure("server_error", retriable=True)
    if status in (400, 413, 422):
        return Failure("question_refused", healthy=True)
    return Failure("access_refused")  # the key, the account, the model's or the place's name: it would be again


def _configured(name: str) -> bool:
    key, base_url, _ = access(name)
    return bool(key or (base_url and name == "openai_compatible"))
