"""What every vendor's wire format has in common."""

import base64
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.client import responses
from typing import Any, ClassVar

from local.vendors.behaviours import Says

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request: what every vendor is told in its own way, and the way it was told."""

    vendor: str
    path: str
    model: str
    instructions: str
    text: str
    images: list[bytes]
    media_types: list[str]
    schema: Json | None
    tools: list[Json]
    max_output_tokens: int | None
    headers: dict[str, str]
    raw: Json
    at: float = field(default_factory=time.monotonic)


class Format(ABC):
    """How one vendor is spoken to.

    Its base URL ends in `base`, which `path` follows. `setting` begins the names of its settings. The key comes in one
    of the headers of `shown`, after what stands there; without it, `keyless` is the status.
    """

    vendor: ClassVar[str]
    base: ClassVar[str]
    path: ClassVar[re.Pattern[str]]
    setting: ClassVar[str]
    key: ClassVar[str]
    shown: ClassVar[dict[str, str]]
    keyless: ClassVar[int] = 401

    def admits(self, headers: dict[str, str]) -> bool:
        """Whether these present the key."""
        return any(headers.get(header) == before + self.key for header, before in self.shown.items())

    @abstractmethod
    def asked(self, path: str, headers: dict[str, str], body: Json) -> Asked:
        """Read a request. KeyError, TypeError or ValueError: the vendor wouldn't take it."""

    @abstractmethod
    def answer(self, asked: Asked, says: Says) -> Json:
        """The body of a 200."""

    @abstractmethod
    def wrong_key(self, headers: dict[str, str]) -> Json:
        """The body for those who aren't admitted."""

    @abstractmethod
    def error(self, status: int, message: str) -> Json:
        """The body of a failure."""

    def retry(self, after: float | str, error: Json) -> dict[str, str]:
        """Tell when to try again: in headers, or by changing the body."""
        return {"Retry-After": str(after)}


def phrase(status: int) -> str:
    """What HTTP calls a status."""
    return responses.get(status, "Overloaded")


def parts_of(content: str | list[Json]) -> list[Json]:
    """Content as parts, which may be written as a string."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def joined(parts: Iterable[Json]) -> str:
    """The text among parts."""
    return "\n".join(part["text"] for part in parts if "text" in part)


def decoded(data: str) -> bytes:
    """Base64, taken at its word."""
    return base64.b64decode(data, validate=True)
