"""What of a WSGI environment is used, read the same way on every server."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import uuid
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge
from werkzeug.routing import BaseConverter
from werkzeug.wsgi import get_input_stream

from shared import settings, traceparent
from shared.context import Context
from shared.errors import Problem, not_found, unreadable

LARGEST_BODY_BYTES = 4_500_000  # the platform's own bound
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
IDENTIFIER = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")  # UUID() takes many more forms
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Environ = dict[str, Any]


class Identifier(BaseConverter):
    """A segment as long as a UUID, encoded or not: `/detect/uploads` is no detection's path, whatever the method."""

    regex = "(?:[0-9a-fA-F-]|%[0-9a-fA-F]{2}){36}"


class Request:
    """One HTTP request. Reading the body is put off until somebody may send one."""

    def __init__(self, environ: Environ) -> None:
        self._environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        # The platform leaves PATH_INFO undecoded; other servers decode it and send the raw target beside it.
        target = environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ.get("PATH_INFO", "")
        if not target.startswith("/"):  # an absolute target: http://host/path
            target = "/" + target.partition("://")[2].partition("/")[2]
        self.path = target.partition("?")[0]
        self.query: str = environ.get("QUERY_STRING", "")
        self.body = b""
        self._read = False
        given_id = self.header("x-request-id")
        self.context = Context(
            request_id=given_id if REQUEST_ID.fullmatch(given_id) else uuid.uuid4().hex,
            trace=traceparent.received(self.header("traceparent"), self.header("tracestate")),
            if_match=self.header("if-match"),
            # Never X-Forwarded-For: anybody can send it, and the platform's REMOTE_ADDR *is* that header.
            ip=_network(self.header("x-real-ip") if settings.on_vercel() else environ.get("REMOTE_ADDR", "")),
        )

    def header(self, name: str) -> str:
        """A header's value; empty when it wasn't sent."""
        key = name.upper().replace("-", "_")
        # These two alone have names of their own in WSGI; Content-Encoding is HTTP_CONTENT_ENCODING.
        value: str = self._environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", "")
        return value

    def knows(self, etag: str | None) -> bool:
        """Whether `If-None-Match` names that ETag: whoever asks has the answer already."""
        given = {each.strip().removeprefix("W/") for each in self.header("if-none-match").split(",")}
        return etag is not None and not given.isdisjoint((etag, "*"))

    def parameters(self) -> dict[str, str]:
        """The parameters after the question mark. Raises `Problem` 400 for repeated or unreadable ones."""
        try:
            pairs = parse_qsl(self.query, keep_blank_values=True, errors="strict", max_num_fields=50)
        except ValueError as error:
            raise unreadable("The parameters can't be read.") from error
        if len({name for name, _ in pairs}) != len(pairs) or any("\0" in name + value for name, value in pairs):
            raise unreadable("A parameter is repeated or holds U+0000.")
        return dict(pairs)

    def refuse_compressed(self) -> None:
        """415: inflating somebody's bytes is how a small request becomes a large one."""
        if self.header("content-encoding").strip().lower() not in ("", "identity"):
            raise Problem(415, "encoding_unsupported", "Send the body uncompressed.")

    def refuse_oversized(self) -> None:
        """413 by what the request says of itself, before a byte of the body is read."""
        length = self.header("content-length")
        if length and not (length.isascii() and length.isdigit()):
            raise unreadable("Content-Length is not a number.")
        if int(length.lstrip("0")[:20] or 0) > LARGEST_BODY_BYTES:
            raise _too_large()

    def read(self) -> None:
        """Read the body, at most `LARGEST_BODY_BYTES` of it. Once: whoever signs a webhook signs its bytes."""
        if self._read:
            return
        self._read = True
        try:
            # One byte more than allowed: of a body without a stated length the stream just ends at its bound.
            stream = get_input_stream(self._environ, max_content_length=LARGEST_BODY_BYTES + 1)
            self.body = stream.read()
        except RequestEntityTooLarge:
            raise _too_large() from None
        except (ClientDisconnected, HTTPException, OSError, ValueError) as error:
            raise unreadable("The body could not be read.") from error
        if len(self.body) > LARGEST_BODY_BYTES:
            raise _too_large()

    def fingerprint(self) -> str:
        """What must be the same for a repeated Idempotency-Key to mean the same request."""
        parts = [self.method, self.path, self.query, self.context.if_match]
        return hashlib.sha256("\n".join(parts).encode() + b"\n" + self.body).hexdigest()

    def idempotency_key(self) -> str | None:
        """The `Idempotency-Key`, if any. Raises `Problem` 400 for one that can't be kept."""
        key = self.header("idempotency-key")
        if key and not IDEMPOTENCY_KEY.fullmatch(key):
            raise unreadable("Idempotency-Key has 1 to 255 visible ASCII characters.")
        return key or None

    def workspace_id(self, segments: dict[str, str]) -> str | None:
        """The workspace that path or parameters name. Raises `Problem` 404 for what can't be one."""
        given = segments.get("workspace_id") or self.parameters().get("workspace_id")
        return None if given is None else str(identifier(given))


def _network(ip: str) -> str:
    """What limits count as one place: an IPv4 address, or the /64 that a single IPv6 line is given whole."""
    if ":" not in ip:
        return ip
    try:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    except ValueError:
        return ip


def identifier(text: str) -> UUID:
    """An id in a path or query. What can't be one names nothing: `Problem` 404."""
    if not IDENTIFIER.fullmatch(text):
        raise not_found()
    return UUID(text)


def _too_large() -> Problem:
    return Problem(413, "too_large", f"A request body has at most {LARGEST_BODY_BYTES} bytes.")
