"""What tests in SQL do to mails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from psycopg.types.json import Jsonb

from tests.database.acting import Database, Person

Json = dict[str, Any]


@dataclass(frozen=True)
class Mail:
    """What tests do to mails; the outbox's topic is one for all, so each test drains it first."""

    db: Database

    def queue(self, person: Person | None, to: str = "robin@example.com", template: str = "plain", **more: Any) -> Json:
        arguments = {"_workspace": person and person.workspace_id, "_template": template, "_recipient": to} | more
        arguments.setdefault("_data", Jsonb({"subject": "Hello"}))
        named = ", ".join(f"{name} => %s" for name in arguments)
        made: Json = self.db.owner.value(f"select private.queue_email({named})", *arguments.values())
        return made

    def lease(self) -> Json | None:
        found: Json | None = self.db.service.call("lease_email", most=100, lease_seconds=60)
        return found

    def leased(self) -> Json:
        found = self.lease()
        assert found is not None
        return found

    def settle(self, delivery: Json, outcome: str, **told: object) -> None:
        outcomes = [{"id": each["outbox_id"], "outcome": outcome, **told} for each in delivery["messages"]]
        self.db.service.call("settle_outbox", delivery=delivery["id"], attempt=delivery["attempt"], outcomes=outcomes)

    def send(self) -> list[Json]:
        """Everything due is delivered; each mail's receipt is `re-` and its id."""
        sent = []
        while delivery := self.lease():
            for message in delivery["messages"]:
                outcome = {"id": message["outbox_id"], "outcome": "delivered", "receipt": f"re-{message['id']}"}
                self.db.service.call(
                    "settle_outbox", delivery=delivery["id"], attempt=delivery["attempt"], outcomes=[outcome]
                )
            sent += delivery["messages"]
        return sent

    def told(self, mail_id: str, type_: str, id_: str | None = None, **more: Any) -> str:
        event = {"id": id_ or uuid4().hex, "type": type_, "at": "2026-01-01T00:00:00Z", "provider_id": f"re-{mail_id}"}
        outcome: str = self.db.service.call("record_email_event", **event | {"message": mail_id} | more)
        return outcome

    def of(self, message: str, columns: str) -> tuple[Any, ...]:
        ((*found,),) = self.db.owner.rows(f"select {columns} from private.email_messages where id = %s", message)  # noqa: S608
        return tuple(found)

    def state(self, message: str) -> str:
        return str(self.of(message, "state")[0])

    def pass_time(self, interval: str = "2 hours") -> None:
        for table in ("outbox", "deliveries"):
            self.db.owner.rows(f"update private.{table} set due_at = due_at - %s::interval", interval)  # noqa: S608
        self.db.owner.rows("update private.deliveries set leased_until = leased_until - %s::interval", interval)


def suppress(mail: Mail, person: Person, reason: str) -> None:
    mail.db.owner.rows(
        "insert into private.email_suppressions (workspace_id, address, reason) values (%s, 'robin@example.com', %s)",
        person.workspace_id,
        reason,
    )
