"""A mail that was accepted, and the shapes in which it is shown and kept."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.resend.plain import text_of
from local.resend.times import iso
from local.sandbox.journal import Json


@dataclass(frozen=True)
class Attachment:
    """A file that came with a mail. One by `path` stays where it is: the sandbox fetches nothing."""

    filename: str
    content_type: str
    size: int = 0  # bytes
    file: str | None = None  # its name in the sandbox's folder
    path: str | None = None
    content_id: str | None = None

    def read(self, folder: Path) -> bytes:
        """Its content; nothing of one by `path`."""
        return (folder / self.file).read_bytes() if self.file else b""


@dataclass(frozen=True)
class Event:
    """What happened to a mail: type (`email.delivered`), time, whom of its recipients it concerns, further data."""

    type: str
    at: float
    to: list[str]
    details: Json = field(default_factory=dict)


@dataclass
class Mail:
    """A mail, as it was told and as it fared. Addresses are as given: with names, where they have some."""

    id: str
    at: float
    sender: str
    to: list[str]
    subject: str
    html: str | None = None
    own_text: str | None = None
    cc: list[str] = field(default_factory=list)
    bcc: list[str] = field(default_factory=list)
    reply_to: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    scheduled_at: float | None = None
    events: list[Event] = field(default_factory=list)

    @property
    def text(self) -> str | None:
        """The text part: its own, be it empty, else what there is to read in the HTML."""
        # Made when it is looked at: of ten thousand mails hardly any is, and reading HTML takes milliseconds.
        return text_of(self.html) if self.html and self.own_text is None else self.own_text

    @property
    def state(self) -> str:
        """How it stands: `scheduled`, or its last event: `sent`, `delivered`, `bounced`, `canceled`, …"""
        return self.events[-1].type.removeprefix("email.") if self.events else "queued"

    @property
    def waits(self) -> bool:
        """Whether it is scheduled and neither sent nor canceled yet."""
        return self.scheduled_at is not None and self.state == "scheduled"

    @property
    def message_id(self) -> str:
        """The header of that name."""
        return f"<{self.id}@sandbox.resend.test>"

    @property
    def recipients(self) -> list[str]:
        """Everybody who gets it."""
        return [*self.to, *self.cc, *self.bcc]

    def shown(self, *, whole: bool = True) -> Json:
        """As `GET /emails/{id}` shows it; in lists without its bodies."""
        bodies = {"html": self.html, "text": self.text, "tags": _pairs(self.tags)} if whole else {}
        return {
            "object": "email",
            "id": self.id,
            "message_id": self.message_id,
            "to": self.to,
            "from": self.sender,
            "created_at": iso(self.at),
            "subject": self.subject,
            "bcc": self.bcc,
            "cc": self.cc,
            "reply_to": self.reply_to,
            "last_event": self.state,
            "scheduled_at": None if self.scheduled_at is None else iso(self.scheduled_at),
            **bodies,
        }

    def payload(self, event: Event) -> Json:
        """What a webhook says of an event."""
        return {
            "type": event.type,
            "created_at": iso(event.at),
            "data": {
                "created_at": iso(self.at),
                "email_id": self.id,
                "message_id": self.message_id,
                "from": self.sender,
                "to": event.to,
                "subject": self.subject,
                **({"tags": self.tags} if self.tags else {}),
                **event.details,
            },
        }

    def kept(self) -> Json:
        """As the journal keeps it: everything but its events, which follow."""
        record = {name: value for name, value in vars(self).items() if name != "events"}
        return {**record, "kind": "mail", "attachments": [asdict(attachment) for attachment in self.attachments]}


def restored(record: Json) -> Mail:
    """A mail from the journal, without its events."""
    fields = {name: value for name, value in record.items() if name != "kind"}
    return Mail(**{**fields, "attachments": [Attachment(**each) for each in record["attachments"]]})


def bare(address: str) -> str:
    """`Name <Address@Host>` → `address@host`."""
    return address.rpartition("<")[2].rstrip("> \t").strip().lower()


def _pairs(tags: dict[str, str]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in tags.items()]
