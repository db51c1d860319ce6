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
    sign = 1
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
    assert sign * content["payable_minor"] >= 0
