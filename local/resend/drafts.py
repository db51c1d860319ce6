"""What a request asks to be sent, checked as the vendor checks it."""

import base64
import binascii
import mimetypes
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from local.resend.errors import Refused, invalid, missing
from local.resend.mails import bare
from local.resend.times import scheduled

RECIPIENTS = 50  # in each of to, cc, bcc
ATTACHED = 40 * 2**20  # bytes of all attachments, as Base64
FORMAT = "The email address needs to follow the `email@example.com` or `Name <email@example.com>` format."
MAILBOX = r"[^\s<>@,]+@[^\s<>@,]+\.[^\s<>@,]+"
ADDRESS = re.compile(rf"{MAILBOX}|[^<>\r\n]*<{MAILBOX}>")
TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
EXAMPLES = {"example.com", "example.org", "example.net", "test.com"}


class Rules(NamedTuple):
    """Whose account it is: the domains it may send from (None: any), and whether example.com is refused as there."""

    domains: Collection[str] | None = None
    blocks_examples: bool = False


class Upload(NamedTuple):
    """An attachment before it is kept; `content` None: it stays at `path`."""

    filename: str
    content_type: str
    content: bytes | None
    path: str | None
    content_id: str | None


@dataclass(frozen=True)
class Draft:
    """A mail before it is accepted."""

    sender: str
    to: list[str]
    subject: str
    html: str | None
    own_text: str | None
    cc: list[str]
    bcc: list[str]
    reply_to: list[str]
    headers: dict[str, str]
    tags: dict[str, str]
    uploads: list[Upload] = field(default_factory=list)
    scheduled_at: float | None = None

    @property
    def recipients(self) -> list[str]:
        """Everybody who shall get it."""
        return [*self.to, *self.cc, *self.bcc]


def draft(body: object, rules: Rules, now: float, *, batch: bool = False) -> Draft:
    """Check one mail. Raises Refused, in the vendor's words where they are known."""
    if not isinstance(body, dict):
        raise invalid("The email must be an object.")
    for name in ("from", "to", "subject"):
        if body.get(name) in (None, "", []):
            raise missing(f"`{name}`")
    if body.get("template"):
        raise invalid("The sandbox keeps no templates: send `html` or `text`.")
    if batch and (body.get("attachments") or body.get("scheduled_at")):
        raise invalid("The `attachments` and `scheduled_at` fields are not supported in a batch.")
    html, text = _text(body, "html"), _text(body, "text")
    if not html and not text:
        raise missing("`html` or `text`")
    sender = _addresses(body, "from")
    if len(sender) != 1:
        raise invalid(f"Invalid `from` field. {FORMAT}")
    _check_domain(sender[0], rules)
    return Draft(
        sender=sender[0],
        to=_addresses(body, "to", rules),
        subject=_line(body["subject"], "subject"),
        html=html,
        own_text=text,
        cc=_addresses(body, "cc", rules),
        bcc=_addresses(body, "bcc", rules),
        reply_to=_addresses(body, "reply_to"),
        headers=_headers(body.get("headers")),
        tags=_tags(body.get("tags")),
        uploads=_uploads(body.get("attachments")),
        scheduled_at=scheduled(body["scheduled_at"], now) if body.get("scheduled_at") else None,
    )


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(f"Invalid `{name}` field. It must be a string.")
    return value


def _line(value: object, name: str) -> str:
    """A header's value, which must not begin another header."""
    if not isinstance(value, str) or "\r" in value or "\n" in value:
        raise invalid(f"Invalid `{name}` field. It must be a string on one line.")
    return value


def _addresses(body: dict[str, Any], name: str, rules: Rules | None = None) -> list[str]:
    value = body.get(name)
    if value in (None, ""):
        return []
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) and ADDRESS.fullmatch(each.strip()) for each in found):
        raise invalid(f"Invalid `{name}` field. {FORMAT}")
    if len(found) > RECIPIENTS:
        raise invalid(f"Invalid `{name}` field. The number of recipients must not exceed {RECIPIENTS}.")
    if rules and rules.blocks_examples and any(_domain(each) in EXAMPLES for each in found):
        raise invalid(
            f"Invalid `{name}` field. Please use our testing email address instead of domains like example.com."
        )
    return [each.strip() for each in found]


def _domain(address: str) -> str:
    return bare(address).rpartition("@")[2]


def _check_domain(sender: str, rules: Rules) -> None:
    domain = _domain(sender)
    if rules.domains is not None and domain not in rules.domains:
        message = f"The {domain} domain is not verified. Please, add and verify your domain."
        raise Refused(403, "validation_error", message)


def _headers(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid("Invalid `headers` field. It must be an object.")
    if not all(re.fullmatch(r"[!-9;-~]+", name) for name in value):
        raise invalid("Invalid `headers` field. A name has letters that no header's name may have.")
    return {name: _line(each, "headers") for name, each in value.items()}


def _tags(value: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in value if isinstance(value, list) else [] if value is None else [value]:
        pair = (each.get("name"), each.get("value", "")) if isinstance(each, dict) else (None, None)
        if not all(isinstance(part, str) and (TAG.fullmatch(part) or part == "") for part in pair) or not pair[0]:
            raise invalid("Tags should only contain ASCII letters, numbers, underscores, or dashes.")
        found[str(pair[0])] = str(pair[1])
    return found


def _uploads(value: object) -> list[Upload]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise invalid("Invalid `attachments` field. It must be a list of objects.")
    found = [_upload(each) for each in value]
    if sum(-(-len(each.content or b"") // 3) * 4 for each in found) > ATTACHED:
        raise invalid("The attachments exceed 40 MB in total after Base64 encoding.")
    return found


def _upload(told: dict[str, Any]) -> Upload:
    content, path = told.get("content"), told.get("path")
    if content in (None, "", []) and not path:
        raise Refused(422, "invalid_attachment", "Attachment must have either a `content` or `path`.")
    filename = _line(told.get("filename") or str(path or "").rpartition("/")[2] or "attachment", "attachments")
    guessed = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    content_type = told.get("content_type")
    content_id = told.get("content_id") or told.get("inline_content_id")
    return Upload(
        filename=filename,
        content_type=content_type if isinstance(content_type, str) and TYPE.fullmatch(content_type) else guessed,
        content=_decoded(content) if content else None,
        path=None if content else str(path),
        content_id=str(content_id) if content_id else None,
    )


def _decoded(content: object) -> bytes:
    """Base64, or the numbers of the bytes, which the SDK sends."""
    try:
        if isinstance(content, str):
            return base64.b64decode("".join(content.split()), validate=True)
        if isinstance(content, list):
            return bytes(content)
    except (ValueError, TypeError, binascii.Error):
        pass
    raise Refused(422, "invalid_attachment", "Attachment `content` must be Base64 or a list of bytes.")
