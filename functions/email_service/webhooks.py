"""What Resend tells us of mails: signed as Standard Webhooks are, at least once, in any order."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from shared import clock, settings
from shared.auth import matches
from shared.errors import Problem, unreadable
from shared.request import Request

# Of the time a webhook was signed at, both ways; the scheme's own.
TOLERANCE_SECONDS = 300
SMALLEST_KEY_BYTES = 24
ID = re.compile(r"[\x21-\x7e]{1,100}")
TYPES = {
    "email.sent": "sent",
    "email.delivery_delayed": "delayed",
    "email.failed": "failed",
    "email.suppressed": "suppressed",
    "email.delivered": "delivered",
    "email.opened": "opened",
    "email.clicked": "opened",  # nobody clicks what isn't open
    "email.bounced": "bounced",
    "email.complained": "complained",
}


class Event(NamedTuple):
    """One thing that happened to one mail."""

    type: str
    at: str
    message: UUID | None  # ours, as the mail was tagged
    provider_id: str
    reason: str | None


def resend(request: Request) -> None:
    """Admit Resend (`signed_by=resend`). Closed while `RESEND_WEBHOOK_SECRET` is unset; raises `Problem` 401, 503."""
    keys = [key for key in map(_key, settings.accepted("RESEND_WEBHOOK_SECRET")) if len(key) >= SMALLEST_KEY_BYTES]
    if not keys:
        raise Problem(503, "not_configured", "The server's setting RESEND_WEBHOOK_SECRET is missing or no whsec_….")
    request.read()
    id_, at = request.header("svix-id"), request.header("svix-timestamp")
    if not (ID.fullmatch(id_) and re.fullmatch(r"[0-9]{1,12}", at, re.ASCII)):
        raise _forged()
    if abs(clock.now().timestamp() - int(at)) > TOLERANCE_SECONDS:
        raise _forged()
    content = f"{id_}.{at}.".encode() + request.body
    expected = [base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys]
    given = request.header("svix-signature").split(" ")
    if not any(matches(each.removeprefix("v1,"), expected) for each in given[:10] if each.startswith("v1,")):
        raise _forged()
    request.context.webhook_id = id_


def read(body: bytes) -> Event | None:
    """The event in a webhook's body; None for one of a kind we don't keep. Raises `Problem` 400."""
    try:
        told: Any = json.loads(body)
        type_ = TYPES.get(told["type"])
        if type_ is None:
            return None
        data = told["data"]
        return Event(type_, _at(told["created_at"]), _message(data.get("tags")), _id(data["email_id"]), _reason(data))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise unreadable("The body is not an event as Resend sends them.") from error


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return b""


def _at(moment: str) -> str:
    """As SQL is given it: PostgreSQL would take `now` and `infinity` too."""
    return datetime.fromisoformat(moment).isoformat()


def _id(given: str) -> str:
    if not ID.fullmatch(given):
        raise ValueError("no id")
    return given


def _message(tags: object) -> UUID | None:
    """Mails of another origin share the account, maybe: they carry no id of ours."""
    found = tags.get("message") if isinstance(tags, Mapping) else None
    try:
        return UUID(str(found))
    except ValueError:
        return None


def _reason(data: Mapping[str, Any]) -> str | None:
    """`Permanent.General` of a bounce; the rest is other people's words."""
    bounce = data.get("bounce")
    if not isinstance(bounce, Mapping):
        return None
    parts = [str(bounce.get(name, "")) for name in ("type", "subType")]
    return ".".join(part for part in parts if re.fullmatch(r"[A-Za-z]{1,40}", part)) or None


def _forged() -> Problem:
    return Problem(401, "signature_invalid", "This is not signed as Resend signs.")
