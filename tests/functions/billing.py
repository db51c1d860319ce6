"""A workspace that invoices its orders over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import urllib3
from psycopg.types.json import Jsonb

from tests.api import Api, Response
from tests.database.invoicing import SELLER, SETTINGS
from tests.ordering import create_order
from tests.people import People, Person

Json = dict[str, Any]
INVOICES = "/api/invoice"
CUSTOMER = {"email": "maya@example.com", "name": "Maya Lindqvist", "company": "Lindqvist & Töchter", "country": "DE"}


class Office:
    """A seller in Germany, its people, and what it sends."""

    def __init__(self, api: Api, database: psycopg.Connection, people: People, internal_token: str) -> None:
        self.api, self.database, self.people = api, database, people
        self.internal = {"Authorization": f"Bearer {internal_token}"}
        self.owner = people.sign_up("Olga")
        self.buyer = people.member(self.owner.workspace_id, "buyer")
        names = ", ".join(f"{name} = %s" for name in SELLER)
        database.execute(
            f"update public.workspaces set {names} where id = %s".encode(),  # noqa: S608
            [*SELLER.values(), self.owner.workspace_id],
        )

    def begin(self) -> None:
        """With nothing to render, and what invoices say of the seller as it was."""
        self.database.execute("delete from private.outbox where topic = 'invoice'")
        self.database.execute("delete from private.deliveries where topic = 'invoice'")
        self.database.execute(
            "select public.change_invoice_settings(%s, %s, %s)",
            [self.owner.user_id, self.owner.workspace_id, Jsonb(SETTINGS)],
        )

    def order(self, **changes: Any) -> UUID:
        wanted = {"_buyer": self.buyer.user_id, "_customer": Jsonb(CUSTOMER), "_currency": "EUR", **changes}
        return create_order(self.database, self.owner.workspace_id, **wanted)

    def order_in(self, workspace: UUID) -> UUID:
        """An order of another workspace."""
        return create_order(self.database, workspace, _customer=Jsonb(CUSTOMER), _currency="EUR")

    def age(self, invoice: UUID, by: timedelta) -> None:
        """As if it had been issued so long ago; past the trigger, for nothing changes an invoice."""
        with self.database.transaction():
            self.database.execute("alter table public.invoices disable trigger invoices_stay")
            self.database.execute(
                """
                update public.invoices set issued_on = issued_on - %(by)s, due_on = due_on - %(by)s,
                  content = content || jsonb_build_object('issued_on', issued_on - %(by)s, 'due_on', due_on - %(by)s)
                where id = %(invoice)s
                """,
                {"by": by.days, "invoice": invoice},
            )
            self.database.execute("alter table public.invoices enable trigger invoices_stay")

    def download(self, url: str) -> int:
        """Whether there is something: the status."""
        return urllib3.request("GET", url, retries=False).status

    def ask(self, method: str, path: str, by: Person | None = None, **options: Any) -> Response:
        return self.api(method, f"{INVOICES}{path}", token=(by or self.owner).token, **options)

    def create(self, order: UUID, kind: str = "full", by: Person | None = None, **body: Any) -> Response:
        return self.ask("POST", "", by, json={"order_id": str(order), "kind": kind, **body})

    def issued(self, order: UUID, kind: str = "full", **body: Any) -> Json:
        answer = self.create(order, kind, **body)
        assert answer.status == 201, answer.body
        made: Json = answer.json
        return made

    def render(self) -> Json:
        """As the scheduler has it done."""
        answer = self.api("POST", f"{INVOICES}/deliver", headers=self.internal)
        assert answer.status == 200, answer.body
        did: Json = answer.json
        return did

    def read(self, invoice: Json) -> Json:
        found: Json = self.ask("GET", f"/{invoice['id']}").json
        return found

    def pdf(self, invoice: Json, by: Person | None = None, query: str = "") -> tuple[Json, bytes]:
        """Where it is said to be, and what is there."""
        answer = self.ask("GET", f"/{invoice['id']}/pdf{query}", by)
        assert answer.status == 200, answer.body
        return answer.json, urllib3.request("GET", answer.json["url"]).data

    def pay(self, order: UUID, received: int, refunded: int = 0) -> None:
        self.database.execute("select private.record_payment(%s, %s, %s)", [order, received, refunded])

    def mails(self, order: UUID) -> list[Json]:
        """The mails of its invoices, {template, recipient, data, attachments}, as they were queued."""
        rows = self.database.execute(
            """
            select jsonb_build_object('template', m.template, 'recipient', m.recipient, 'data', m.data,
              'attachments', m.attachments)
            from private.email_messages as m join private.outbox as o on o.id = m.outbox_id
            where o.ordering_key like any (
              select '%%invoice ' || id from public.invoices where order_id = %s) order by o.position
            """,
            [order],
        ).fetchall()
        return [row[0] for row in rows]
