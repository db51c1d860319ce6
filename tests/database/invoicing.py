"""A seller whose orders are invoiced in SQL, and an accountant who computes the same by another way."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from tests.database.acting import Database, Person
from tests.ordering import create_order

Json = dict[str, Any]
SELLER = {
    "legal_name": "Atelier Nord GmbH",
    "legal_address": "Lindenstraße 12",
    "country": "DE",
    "currency": "EUR",
    "locale": "en",
    "reply_to": "office@example.com",
}
SETTINGS = {
    "postcode": "50674",
    "city": "Köln",
    "vat_id": "DE136695976",
    "iban": "DE89370400440532013000",
    "bic": "COBADEFFXXX",
    "supplies": "goods",
    "payment_days": 14,
}
DOMESTIC = {"name": "Maya Lindqvist", "email": "maya@example.com", "country": "DE"}


@dataclass
class Books:
    """A workspace that invoices its orders."""

    db: Database
    owner: Person

    @classmethod
    def open(cls, db: Database, seller: Json | None = None, settings: Json | None = None) -> Books:
        """A seller in Germany, or another one."""
        books = cls(db, db.sign_up(name="Olga", workspace_name="Atelier Nord"))
        books.change(**{**SELLER, **(seller or {})})
        books.settings(**(settings or {}))
        return books

    def change(self, **columns: object) -> None:
        for name, value in columns.items():
            self.db.owner.rows(
                f"update public.workspaces set {name} = %s where id = %s",  # noqa: S608
                value,
                self.owner.workspace_id,
            )

    def settings(self, **changes: object) -> Json:
        result: Json = self.db.service.call(
            "change_invoice_settings",
            caller=self.owner.user_id,
            workspace_id=self.owner.workspace_id,
            settings={**SETTINGS, **changes},
        )
        return result

    def order(self, *amounts: int, deposit: int = 0, currency: str = "EUR", **changes: Any) -> UUID:
        """An order of lines that come to so much each; `taxes` names the rate of each."""
        taxes = changes.pop("taxes", ["standard"] * len(amounts))
        lines = [
            {
                "kind": "item",
                "description": f"Thing {n}",
                "quantity": "3",
                "unit": "pcs",
                "amount_minor": amount,
                "tax": t,
            }
            for n, (amount, t) in enumerate(zip(amounts, taxes, strict=True), 1)
        ]
        total = sum(amounts)
        with self.db.owner.transaction() as connection:
            return create_order(
                connection,
                self.owner.workspace_id,
                **{
                    "_customer": Jsonb(DOMESTIC),
                    "_summary": "Things",
                    "_currency": currency,
                    "_lines": Jsonb(lines),
                    "_subtotal_minor": max(total, 0),
                    "_total_minor": total,
                    "_deposit_minor": deposit,
                    **changes,
                },
            )

    def create(
        self, order: UUID, kind: str, *, draft: bool = False, caller: Person | None = None, **request: Any
    ) -> Json:
        """The procedure's whole result: {status, body} or {status, code}."""
        result: Json = self.db.service.call(
            "create_invoice",
            caller=(caller or self.owner).user_id,
            order_id=order,
            kind=kind,
            request=request,
            draft=draft,
        )
        return result

    def issue(self, order: UUID, kind: str, **request: Any) -> Json:
        """An invoice, which must be issued."""
        result = self.create(order, kind, **request)
        assert result["status"] == 201, result
        body: Json = result["body"]
        return body

    def credit(self, invoice: Json, lines: list[Json] | None = None, reason: str = "Returned") -> Json:
        result: Json = self.owner.call(
            "credit_invoice", invoice_id=invoice["id"], lines=None if lines is None else Jsonb(lines), reason=reason
        )
        return result

    def read(self, invoice: Json) -> Json:
        body: Json = self.owner.call("read_invoice", invoice_id=invoice["id"])["body"]
        return body

    def of(self, order: UUID) -> list[Json]:
        """All columns of an order's invoices, drafts and credit notes too, in the order of their issue."""
        rows = self.db.owner.rows(
            """
            select to_jsonb(i) from public.invoices as i
            where order_id = %s order by issued_at nulls last, created_at
            """,
            order,
        )
        return [row for (row,) in rows]

    def outbox(self, order: UUID) -> list[Json]:
        """What is to be typeset for an order, in the order it was asked for: {invoice, paid_on?}."""
        rows = self.db.owner.rows(
            """
            select o.payload from private.outbox as o
            where o.topic = 'invoice' and (o.payload ->> 'invoice')::uuid in (
              select id from public.invoices where order_id = %s)
            order by o.position
            """,
            order,
        )
        return [row for (row,) in rows]

    def keep(self, invoice: str, paid_on: str | None = None) -> Json:
        """As our function tells that a document is stored."""
        result: Json = self.db.service.call(
            "keep_invoice_document", invoice_id=invoice, paid_on=paid_on, sha256="ab" * 32, bytes=1000
        )
        return result

    def overdue(self, invoice: Json, days: int) -> None:
        """Due so many days ago by the workspace's day, past the trigger: nothing that was issued changes."""
        with self.db.superuser.transaction() as connection:
            connection.execute("set local session_replication_role = replica")
            connection.execute(
                """
                update public.invoices as i set due_on = day, content = content || jsonb_build_object('due_on', day)
                from (select private.today(%s) - %s::integer as day) as d where i.id = %s
                """,
                [self.owner.workspace_id, days, invoice["id"]],
            )

    def mails(self, template: str | None = None) -> list[tuple[str, Json, list[Json]]]:
        """(template, data, attachments) of the workspace's mails, in order."""
        return self.db.owner.rows(
            """
            select m.template, m.data, m.attachments from private.email_messages as m
            where m.workspace_id = %s and m.template = coalesce(%s, m.template) order by m.created_at
            """,
            self.owner.workspace_id,
            template,
        )

    def pay(self, order: UUID, received: int, refunded: int = 0) -> None:
        self.db.owner.rows("select private.record_payment(%s, %s, %s)", order, received, refunded)

    def move(self, order: UUID, state: str) -> Json:
        result: Json = self.owner.call("transition_order", order_id=order, state=state)
        return result


def half_up(value: Decimal, step: int = 1) -> int:
    """To a multiple of the step, a half away from zero."""
    return int((value / step).quantize(Decimal(1), ROUND_HALF_UP)) * step


def check_document(content: Json, step: int = 1) -> None:
    """Every sum of a document by EN 16931, added up anew. Names are the standard's rules."""
    lines, taxes = content["lines"], content["taxes"]
    groups: dict[tuple[str, Decimal], int] = defaultdict(int)
    for line in lines:
        groups[line["category"], Decimal(str(line["rate"]))] += line["net_minor"]
    told = {(tax["category"], Decimal(str(tax["rate"]))): tax for tax in taxes}
    assert groups.keys() == told.keys()  # BR-CO-18, BR-S-01 …
    for (category, rate), net in groups.items():
        tax = told[category, rate]
        assert tax["net_minor"] == net, "BR-S-08"
        assert tax["tax_minor"] == half_up(net * rate / 100, step), "BR-CO-17"
        assert (rate == 0) == (category != "S")
        assert category == "S" or tax["tax_minor"] == 0
        assert category in ("S", "Z") or tax["reason"], "BR-E-10 and its like"
        assert net % step == 0
    assert content["net_minor"] == sum(line["net_minor"] for line in lines), "BR-CO-10, BR-CO-13"
    assert content["tax_minor"] == sum(tax["tax_minor"] for tax in taxes), "BR-CO-14"
    assert content["total_minor"] == content["net_minor"] + content["tax_minor"], "BR-CO-15"
    assert content["payable_minor"] == content["total_minor"] + content["rounding_minor"], "BR-CO-16"
    assert content["payable_minor"] == sum(line["gross_minor"] for line in lines)
    assert content["payable_minor"] >= 0


def within(part: int, whole: int) -> bool:
    """Whether it is nothing, all of it, or between."""
    return min(whole, 0) <= part <= max(whole, 0)


def check_chain(books: Books, order: UUID, step: int = 1) -> None:
    """All invoices of an order together: they come to its total, credits to no more, and the money is told once."""
    ((total, kept),) = books.db.owner.rows(
        "select total_minor, received_minor - refunded_minor from public.orders where id = %s", order
    )
    rows = books.of(order)
    issued = [row for row in rows if row["status"] == "issued"]
    for row in issued:
        check_document(row["content"], step)
    asking = [row for row in issued if row["kind"] in ("deposit", "balance", "full")]
    noted = {row["credits"] for row in issued}
    live = [row for row in asking if row["credited_minor"] < row["payable_minor"] or row["id"] not in noted]
    deposits = [row for row in live if row["kind"] == "deposit"]
    finals = [row for row in live if row["kind"] != "deposit"]
    assert max(len(deposits), len(finals)) <= 1
    assert sum(row["payable_minor"] - row["credited_minor"] for row in live) <= total
    if finals:
        deducted = sum(row["payable_minor"] - row["credited_minor"] for row in deposits)
        assert finals[0]["payable_minor"] + deducted == total
        assert bool(deposits) == (finals[0]["kind"] == "balance")
    for row in asking:
        check_credits(row, [note for note in issued if note["credits"] == row["id"]])
        owed = row["payable_minor"] - row["credited_minor"]
        assert row["paid_minor"] == min(owed, kept), "the oldest first"
        assert (row["paid_on"] is not None) == (0 < owed == row["paid_minor"])
        kept -= row["paid_minor"]


def check_credits(invoice: Json, notes: list[Json]) -> None:
    """Of each line, each rate, each rate's tax and of the whole, no more than was invoiced."""
    assert sum(note["payable_minor"] for note in notes) == invoice["credited_minor"] <= invoice["payable_minor"]
    for line in invoice["content"]["lines"]:
        credited = [of for note in notes for of in note["content"]["lines"] if of["of"] == line["position"]]
        assert within(sum(of["gross_minor"] for of in credited), line["gross_minor"])
    told = {(tax["category"], tax["rate"]): tax for tax in invoice["content"]["taxes"]}
    for name in ("gross_minor", "net_minor", "tax_minor"):
        sums: dict[Any, int] = defaultdict(int)
        for note in notes:
            for tax in note["content"]["taxes"]:
                sums[tax["category"], tax["rate"]] += tax[name]
        assert all(within(part, told[key][name]) for key, part in sums.items())
    assert within(sum(foreign(note) for note in notes), foreign(invoice))


def check_numbers(books: Books) -> None:
    """Of each series and year 1, 2, 3 … in the order of issue is not asked, but none twice and none missing."""
    numbers = [
        number
        for (number,) in books.db.owner.rows(
            "select number from public.invoices where workspace_id = %s and number is not null",
            books.owner.workspace_id,
        )
    ]
    series: dict[str, list[int]] = defaultdict(list)
    for number in numbers:
        name, _, count = number.rpartition("-")
        series[name].append(int(count))
    for counts in series.values():
        assert sorted(counts) == list(range(1, len(counts) + 1))


def foreign(invoice: Json) -> int:
    """The tax in the seller's own currency."""
    told: int = invoice["content"].get("foreign_tax", {}).get("tax_minor", 0)
    return told
