"""Everything that one account has accepted, and what becomes of it as time passes."""

import heapq
import itertools
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from local.resend.behaviours import Bounces, Complains, Delivers, Outcome, Suppresses
from local.resend.drafts import Draft, Upload
from local.resend.errors import Refused, invalid
from local.resend.keys import Entry, Keys, Name
from local.resend.mails import Attachment, Event, Mail, bare, restored
from local.resend.times import scheduled
from local.sandbox import account
from local.sandbox.journal import Json
from local.sandbox.webhooks import Notice

NEVER_SUPPRESSED = ("@resend.dev", "@resend.test")  # addresses for trying things again and again


class Key(NamedTuple):
    """An idempotency key in progress."""

    name: Name
    fingerprint: str


class Account(account.Account):
    """Mails, keys and suppressed addresses.

    `pace` are the seconds from one event of a mail to its next; with 0 all happen on acceptance. The journal's lines:
    `{"kind": "mail", …}` all of a mail but its events; `{"kind": "event", "id", "type", "at", "to", "details"}`;
    `{"kind": "key", "endpoint", "key", "fingerprint", "answer", "at"}`; `{"kind": "schedule", "id", "at"}`.
    """

    def __init__(
        self, folder: Path, clock: Callable[[], float], tell: Callable[[list[Notice]], None], pace: float
    ) -> None:
        self.pace = pace
        self._counter = itertools.count()
        super().__init__(folder, clock, tell)
        for mail in self._mails.values():
            if mail.waits and mail.scheduled_at is not None:
                self._wait(mail.scheduled_at, mail, None)

    def _clear(self) -> None:
        self.keys = Keys()
        self._mails: dict[str, Mail] = {}
        self._outcomes: dict[str, dict[str, Outcome]] = {}  # of mails that wait
        self._suppressed: set[str] = set()
        self._later: list[tuple[float, int, Mail, Event | None, bool]] = []

    def forget(self) -> None:
        """Begin anew, with an empty mailbox."""
        with self.lock:
            super().forget()
            for path in (self.folder / "attachments").glob("*"):
                path.unlink()

    def close(self) -> None:
        """Nothing more will happen."""
        with self.lock:
            self._later.clear()
            super().close()

    @property
    def mails(self) -> list[Mail]:
        """All that were accepted, oldest first."""
        with self.lock:
            return list(self._mails.values())

    def mail(self, id_: str) -> Mail:
        """One of them. Raises Refused 404."""
        with self.lock:
            found = self._mails.get(id_)
        if found is None:
            raise Refused(404, "not_found", "Email not found")
        return found

    def accept(
        self,
        drafts: list[Draft],
        outcomes: list[dict[str, Outcome]],
        key: Key | None,
        answer: Callable[[list[str]], Json],
    ) -> Json:
        """Take mails: from here on they are sent, whatever the caller gets to hear. Returns the answer by their ids."""
        attachments = [[self._stored(upload) for upload in draft.uploads] for draft in drafts]
        with self.lock:
            now = self.clock()
            mails = [_made(draft, files, now) for draft, files in zip(drafts, attachments, strict=True)]
            told = answer([mail.id for mail in mails])
            records = [mail.kept() for mail in mails]
            if key:
                self.keys.keep(key.name, Entry(key.fingerprint, now, told))
                endpoint, name = key.name
                record = {"endpoint": endpoint, "key": name, "fingerprint": key.fingerprint, "answer": told, "at": now}
                records.append({"kind": "key", **record})
            self._journal.append(records)
            self._mails |= {mail.id: mail for mail in mails}
            notices: list[Notice] = []
            for mail, becomes in zip(mails, outcomes, strict=True):
                if mail.scheduled_at is None:
                    notices += self._send(mail, becomes)
                else:
                    self._outcomes[mail.id] = becomes
                    notices += self._happened(mail, Event("email.scheduled", now, mail.to))
                    self._wait(mail.scheduled_at, mail, None)
            self._tell(notices)
            return told

    def reschedule(self, id_: str, told: object) -> None:
        """Let a waiting mail go at another time. Raises Refused where it waits no more."""
        with self.lock:
            mail = self._waiting(id_)
            at = scheduled(told, self.clock())
            mail.scheduled_at = at
            self._journal.append([{"kind": "schedule", "id": mail.id, "at": at}])
            self._wait(at, mail, None)

    def cancel(self, id_: str) -> None:
        """Don't send a waiting mail. Raises Refused where it waits no more."""
        with self.lock:
            mail = self._waiting(id_)
            self._happened(mail, Event("email.canceled", self.clock(), mail.to))  # the vendor has no webhook for it

    def catch_up(self) -> None:
        """Let happen whatever is due by now."""
        with self.lock:
            now = self.clock()
            notices: list[Notice] = []
            while self._later and self._later[0][0] <= now:
                at, _, mail, event, twice = heapq.heappop(self._later)
                if event:
                    notices += self._happened(mail, event, twice)
                elif mail.waits and mail.scheduled_at == at:
                    notices += self._send(mail, self._outcomes.pop(mail.id, {}))
            self._tell(notices)

    def _waiting(self, id_: str) -> Mail:
        self.catch_up()
        mail = self.mail(id_)
        if not mail.waits:
            raise invalid("The email is not scheduled: it was sent or canceled already.")
        return mail

    def _send(self, mail: Mail, outcomes: dict[str, Outcome]) -> list[Notice]:
        """Let its events happen, one after the other."""
        becomes = {bare(each): outcomes.get(bare(each), Delivers()) for each in mail.recipients}
        becomes |= {address: Suppresses() for address in becomes if address in self._suppressed}
        twice = any(outcome.twice for outcome in becomes.values())
        backwards = any(outcome.backwards for outcome in becomes.values())
        notices: list[Notice] = []
        start = self.clock()
        for number, (type_, to, details) in enumerate(_plan(mail, becomes)):
            pause = 0 if backwards else self.pace * number
            if pause:
                self._wait(start + pause, mail, Event(type_, start + pause, to, details), twice)
            else:
                notices += self._happened(mail, Event(type_, start, to, details), twice)
        for address, outcome in becomes.items():
            forever = isinstance(outcome, Bounces) and outcome.type == "Permanent"
            if (forever or isinstance(outcome, Complains)) and not address.endswith(NEVER_SUPPRESSED):
                self._suppressed.add(address)
        return notices[::-1] if backwards else notices

    def _happened(self, mail: Mail, event: Event, twice: bool = False) -> list[Notice]:
        mail.events.append(event)
        self._journal.append([{"kind": "event", "id": mail.id, **vars(event)}])
        return [] if event.type == "email.canceled" else [Notice(mail.payload(event), twice)]

    def _wait(self, at: float, mail: Mail, event: Event | None, twice: bool = False) -> None:
        heapq.heappush(self._later, (at, next(self._counter), mail, event, twice))

    def _stored(self, upload: Upload) -> Attachment:
        file = None
        if upload.content is not None:
            file = f"attachments/{uuid.uuid4().hex}"
            (self.folder / "attachments").mkdir(exist_ok=True)
            (self.folder / file).write_bytes(upload.content)
        size = len(upload.content or b"")
        return Attachment(upload.filename, upload.content_type, size, file, upload.path, upload.content_id)

    def _recall(self, kind: str, record: Json) -> None:
        if kind == "mail":
            mail = restored(record)
            self._mails[mail.id] = mail
        elif kind == "event":
            self._mails[record.pop("id")].events.append(Event(**record))
        elif kind == "schedule":
            self._mails[record["id"]].scheduled_at = record["at"]
        elif kind == "key":
            name = (record["endpoint"], record["key"])
            self.keys.keep(name, Entry(record["fingerprint"], record["at"], record["answer"]))


def _made(draft: Draft, attachments: list[Attachment], now: float) -> Mail:
    fields = {name: value for name, value in vars(draft).items() if name != "uploads"}
    return Mail(id=str(uuid.uuid4()), at=now, attachments=attachments, **fields)


def _plan(mail: Mail, becomes: dict[str, Outcome]) -> list[tuple[str, list[str], Json]]:
    """The events to come: sent once, then those of each group of recipients that fare alike."""
    groups: dict[Outcome, list[str]] = {}
    for address, outcome in becomes.items():
        groups.setdefault(outcome, []).append(address)
    plan: list[tuple[str, list[str], Json]] = []
    sent = [address for address, outcome in becomes.items() if outcome.steps()[0][0] == "email.sent"]
    if sent:
        plan.append(("email.sent", mail.to if len(groups) == 1 else sent, {}))
    for outcome, addresses in groups.items():
        to = mail.to if len(groups) == 1 else addresses
        plan += [(type_, to, details) for type_, details in outcome.steps() if type_ != "email.sent"]
    return plan
