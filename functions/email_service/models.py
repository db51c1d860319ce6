"""Shapes of /api/email-service."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, GetJsonSchemaHandler, StringConstraints, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from functions.email_service import templates
from shared import clock
from shared.errors import FieldError, Problem
from shared.models import Answer, Body, Email, Page, Query

LARGEST_ATTACHMENTS_BYTES = 10 * 2**20
MARKUP = re.compile(r"<[a-zA-Z/!?]")
ContentType = Literal[
    "application/pdf",
    "image/png",
    "image/jpeg",
    "text/plain",
    "text/csv",
    "text/calendar",
    "application/zip",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
]
State = Literal[
    "queued",
    "cancelled",
    "suppressed",
    "failed",
    "sent",
    "delayed",
    "delivered",
    "opened",
    "bounced",
    "complained",
]


def known_template(name: str) -> str:
    """One of ours."""
    if name not in templates.NAMES:
        raise ValueError("is one of " + ", ".join(templates.NAMES))
    return name


def to_come(at: datetime) -> datetime:
    """Within a year: until then the data must be kept, and stay true. In UTC: SQL doesn't know every offset."""
    if not clock.now() < at < clock.now() + timedelta(days=366):
        raise ValueError("is in the future, by a year at most")
    return at.astimezone(UTC)


TemplateName = Annotated[
    str, AfterValidator(known_template), WithJsonSchema({"type": "string", "enum": list(templates.NAMES)})
]
FileName = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^[^/\\\x00-\x1f\x7f\"<>|:*?]*[^/\\\x00-\x20\x7f\"<>|:*?.]$")
]


class NewAttachment(Body):
    """A file to upload for a mail."""

    name: FileName
    content_type: ContentType


class AttachmentPlace(Answer):
    """Where to PUT the file, within two hours; name `path` when sending."""

    path: str
    upload_url: str
    largest_bytes: int


class Attachment(Body):
    """A file uploaded before."""

    path: Annotated[str, Field(max_length=200, pattern=r"^[0-9a-f-]{36}/[0-9a-f-]{36}$")]
    name: FileName


class NewMessage(Body):
    """A mail to one address. `data` is what the template takes; values are plain text."""

    template: TemplateName
    to: Email
    data: dict[str, Any]
    send_at: Annotated[AwareDatetime, AfterValidator(to_come)] | None = None
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=10)] = ()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Raises `Problem` 400 and 422 as all bodies do; 422 also for what the template or mail doesn't take."""
        message = super().from_json(raw)
        errors = [*_wrong_address(message.to), *_wrong_data(message.template, message.data)]
        if errors:
            raise Problem(422, "invalid_fields", "Some fields are not as they must be.", errors=errors[:50])
        return message

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """With the shape of `data` for each template."""
        schema = handler(core_schema)
        alternatives = [
            {
                "title": name,
                "properties": {
                    "template": {"const": name},
                    "data": handler(templates.find(name).model.__pydantic_core_schema__),
                },
            }
            for name in templates.NAMES
        ]
        handler.resolve_ref_schema(schema)["oneOf"] = alternatives
        return schema


def _wrong_address(address: str) -> Iterator[FieldError]:
    """Malformed, or of a service that lends addresses for minutes: what a shape can't say."""
    from disposable_email_domains import blocklist
    from email_validator import EmailNotValidError, validate_email

    try:
        domain = validate_email(address, check_deliverability=False).ascii_domain
    except EmailNotValidError:
        yield {"pointer": "/to", "detail": "This is not an address mail can be sent to.", "code": "invalid_address"}
        return
    labels = domain.lower().split(".")
    if any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1)):
        yield {"pointer": "/to", "detail": "Addresses of this kind last for minutes.", "code": "disposable_address"}


def _wrong_data(template: str, data: dict[str, Any]) -> Iterator[FieldError]:
    try:
        templates.find(template).read(data)
    except Problem as problem:
        for error in problem.errors:
            yield {**error, "pointer": "/data" + error["pointer"]}
        return  # what follows names fields, and here they may be the sender's words
    for pointer in _with_markup(data, "/data"):
        yield {"pointer": pointer, "detail": "Values are plain text: no markup.", "code": "markup"}


def _with_markup(value: object, pointer: str) -> Iterator[str]:
    if isinstance(value, str) and MARKUP.search(value):
        yield pointer
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _with_markup(each, f"{pointer}/{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _with_markup(each, f"{pointer}/{index}")


class Message(Answer):
    """A mail, and the furthest that is known of it. `reason` says why it is held back, wasn't sent or came back."""

    id: UUID
    template: str
    to: str
    state: State
    reason: str | None
    send_at: AwareDatetime | None
    created_by: UUID | None
    created_at: AwareDatetime


class Messages(Answer):
    """A page of mails, newest first."""

    data: list[Message]
    next_cursor: UUID | None


class MessagePage(Page):
    """Which mails."""

    workspace_id: UUID | None = None
    state: State | None = None
    template: TemplateName | None = None
    to: Email | None = None


class Attempt(Answer):
    """One call to the provider that this mail was in; `unfinished`: under way, or its worker died."""

    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    outcome: Literal["delivered", "refused", "again", "alone", "unknown", "unfinished"]
    error: str | None
    idempotency_key: UUID


class Event(Answer):
    """Something the provider told."""

    type: str
    at: AwareDatetime
    received_at: AwareDatetime
    reason: str | None


class Explanation(Message):
    """A mail's whole story: `because` in sentences, then what it rests on."""

    because: list[str]
    due_at: AwareDatetime | None
    request_id: str | None
    provider_id: str | None
    attempts: list[Attempt]
    events: list[Event]


class Rounds(Query):
    """How many deliveries are made at most, one after another."""

    rounds: Annotated[int, Field(ge=1, le=10)] = 1


class SuppressionPage(Page):
    """Of which workspace."""

    workspace_id: UUID | None = None


class Suppression(Answer):
    """An address that gets no mail of this workspace: no follow-ups where it unsubscribed, else none at all."""

    id: UUID
    address: str
    reason: Literal["bounced", "complained", "unsubscribed"]
    created_at: AwareDatetime


class Suppressions(Answer):
    """A page of them."""

    data: list[Suppression]
    next_cursor: UUID | None


class TemplateInfo(Answer):
    """A template: what it takes (JSON Schema), and a sample of it. Only follow-ups can be unsubscribed from."""

    name: str
    description: str
    follow_up: bool
    data_schema: dict[str, Any]
    sample: dict[str, Any]

    @classmethod
    def of(cls, template: templates.Template) -> Self:
        """What is known of it."""
        model = template.model
        return cls(
            name=template.name,
            description=inspect.getdoc(model) or "",
            follow_up=template.follow_up,
            data_schema=model.model_json_schema(),
            sample=template.sample,
        )


class Templates(Answer):
    """All there are."""

    data: list[TemplateInfo]
    next_cursor: None = None


class Preview(Answer):
    """A mail as it would go out."""

    subject: str
    html: str
    text: str


class InWorkspace(Query):
    """Whose look; the default workspace where it isn't said."""

    workspace_id: UUID | None = None


class Recorded(Answer):
    """What became of a webhook: recorded, repeated, ignored or unknown."""

    outcome: str
