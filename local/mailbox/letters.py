"""What the two files of mails hold, in one shape. Only what lists need stays in memory; bodies are read when shown."""

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from local.resend.mails import Event, Mail, restored
from local.sandbox.journal import Json, lines


@dataclass
class Entry:
    """A line of the list: where its mail stands in its file, and how it stands."""

    id: str
    at: float
    to: list[str]
    subject: str
    state: str
    offset: int
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True)
class Letter:
    """A whole mail. One of Supabase Auth has a `code` and a `link`, and neither HTML nor events."""

    entry: Entry
    mail: Mail | None
    text: str | None
    code: str | None = None
    link: str | None = None


class Letters:
    """Follows the files as they grow: `mail` of Supabase Auth, and the journal in the folder `resend` beside it."""

    def __init__(self, mail: Path) -> None:
        self.folder = mail.with_name("resend")
        self._auth = mail
        self._journal = self.folder / "journal.jsonl"
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._read: dict[Path, int] = {self._auth: 0, self._journal: 0}

    def all(self) -> list[Entry]:
        """Newest first."""
        with self._lock:
            if any(path.exists() and path.stat().st_size < read for path, read in self._read.items()):
                self._clear()  # somebody emptied it
            for path in self._read:
                for line, length in lines(path, self._read[path]):
                    self._add(path, json.loads(line), self._read[path])
                    self._read[path] += length
            return sorted(self._entries.values(), key=lambda entry: entry.at, reverse=True)

    def one(self, id_: str) -> Letter | None:
        """A whole mail, if there is one of that id."""
        self.all()
        with self._lock:
            entry = self._entries.get(id_)
            if entry is None:
                return None
            path = self._auth if id_.startswith("auth-") else self._journal
            line, _ = next(lines(path, entry.offset))
        record = json.loads(line)
        if path == self._auth:
            return Letter(entry, None, record["text"], record["code"], record["link"])
        mail = restored(record)
        mail.events = entry.events
        return Letter(entry, mail, mail.text)

    def _add(self, path: Path, record: Json, offset: int) -> None:
        if path == self._auth:
            id_ = f"auth-{offset}"
            at = datetime.fromisoformat(record["at"]).timestamp()
            self._entries[id_] = Entry(id_, at, [record["to"]], record["subject"], "delivered", offset)
        elif record["kind"] == "mail":
            id_ = record["id"]
            self._entries[id_] = Entry(id_, record["at"], record["to"], record["subject"], "queued", offset)
        elif record["kind"] == "event":
            entry = self._entries[record["id"]]
            entry.events.append(Event(record["type"], record["at"], record["to"], record["details"]))
            entry.state = entry.events[-1].type.removeprefix("email.")
