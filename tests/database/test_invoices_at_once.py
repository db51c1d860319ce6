"""Invoices that many issue, credit, pay for, send and remind of at the same time."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from tests.database.acting import Connection, Database, at_once, run
from tests.database.invoicing import Books, Json, check_chain, check_numbers

TOTAL, DEPOSIT = 50_000, 15_000


@pytest.fixture
def books(db: Database) -> Books:
    return Books.open(db)


class TestAtOnce:
    def test_nobody_waits_for_each_other_in_a_ring(self, books: Books) -> None:
        """All that takes locks, on few orders: a deadlock would end one of them with an error."""
        orders = [books.order(TOTAL, deposit=DEPOSIT) for _ in range(5)]
        mine = [books, Books.open(books.db)]
        others = [mine[1].order(TOTAL, deposit=DEPOSIT) for _ in range(3)]

        def work(thread: int) -> None:
            chance = random.Random(thread)
            for _ in range(40):
                seller, order = chance.choice(
                    [(mine[0], each) for each in orders] + [(mine[1], each) for each in others]
                )
                act(seller, order, chance)

        at_once(10, work)
        for seller, made in zip(mine, (orders, others), strict=True):
            check_numbers(seller)
            for order in made:
                check_chain(seller, order)

    def test_paid_and_issued_at_once_is_paid(self, books: Books) -> None:
        for _ in range(5):
            order = books.order(TOTAL)

            def issue_or_pay(thread: int, order: UUID = order) -> None:
                if thread % 2:
                    books.create(order, "full")
                else:
                    books.pay(order, TOTAL)

            at_once(8, issue_or_pay)
            (invoice,) = books.of(order)
            assert (invoice["paid_minor"], invoice["paid_on"] is not None) == (TOTAL, True)
            assert len([each for each in books.outbox(order) if "paid_on" in each]) == 1

    def test_credited_by_many_is_credited_once(self, books: Books) -> None:
        for _ in range(3):
            order = books.order(TOTAL)
            invoice = books.issue(order, "full")

            def credit(thread: int, invoice: Json = invoice) -> int:
                part = None if thread % 3 == 0 else [{"line": 1, "amount_minor": TOTAL // 4}]
                return int(books.credit(invoice, part)["status"])

            statuses = at_once(12, credit)
            assert set(statuses) <= {201, 409}
            assert books.read(invoice)["credited"]["amount_minor"] == TOTAL
            check_chain(books, order)

    def test_a_draft_is_issued_or_voided(self, books: Books) -> None:
        for _ in range(5):
            draft = books.create(books.order(TOTAL), "full", draft=True)["body"]["id"]

            def end(thread: int, draft: str = draft) -> tuple[str, int]:
                function = "void_invoice" if thread % 2 else "issue_invoice"
                return function, books.owner.call(function, invoice_id=draft)["status"]

            answers = Counter(at_once(10, end))
            if books.read({"id": draft})["status"] == "void":
                assert answers == {("void_invoice", 200): 5, ("issue_invoice", 409): 5}
            else:
                assert answers == {("issue_invoice", 200): 1, ("issue_invoice", 409): 4, ("void_invoice", 409): 5}
        check_numbers(books)

    def test_kept_by_many_is_mailed_once(self, books: Books) -> None:
        invoice = books.issue(books.order(TOTAL), "full")
        books.owner.call("send_invoice", invoice_id=invoice["id"])
        mailed = at_once(10, lambda _: books.keep(invoice["id"])["mailed"])
        assert sorted(mailed) == [False] * 9 + [True]
        assert len(books.mails("invoice")) == 1


def act(books: Books, order: UUID, chance: random.Random) -> Any:
    """Whatever locks something; which of them is refused doesn't matter here."""
    invoices = [row for row in books.of(order) if row["status"] == "issued"]
    what = chance.choice(["issue", "issue", "credit", "pay", "stripe", "send", "keep", "remind", "draft", "move"])
    if what == "issue":
        return books.create(order, chance.choice(["deposit", "balance", "full", "proforma"]))
    if what in ("pay", "stripe"):
        received = chance.randrange(TOTAL)
        with books.db.owner.transaction() as connection:
            return pay(connection, books, order, received, by_stripe=what == "stripe")
    if what == "remind":
        for invoice in invoices:
            if invoice["due_on"] and chance.random() < 0.5:
                books.overdue(invoice, chance.choice([8, 15, 31]))
        return books.db.service.call("remind_invoices", most=100)
    if what == "draft":
        draft = books.create(order, "proforma", draft=True)["body"]
        return books.owner.call(chance.choice(["issue_invoice", "void_invoice"]), invoice_id=draft["id"])
    if what == "move":
        return books.move(order, chance.choice(["on_hold", "in_production", "awaiting_payment"]))
    if invoices:
        invoice = chance.choice(invoices)
        if what == "send":
            return books.owner.call("send_invoice", invoice_id=invoice["id"])
        if what == "keep":
            return books.keep(invoice["id"], invoice["paid_on"])
        part = [{"line": 1, "amount_minor": chance.randrange(1, 20_000)}]
        return books.credit(invoice, chance.choice([None, part]))
    return None


def pay(connection: Connection, books: Books, order: UUID, received: int, *, by_stripe: bool) -> None:
    """As private.apply_intent does: the order, the counter of mails, the payment, its mail."""
    if not by_stripe:
        run(connection, "select private.record_payment(%s, %s, 0)", order, received)
        return
    run(connection, "select from public.orders where id = %s for update", order)
    run(connection, "select private.take_email_units(%s, 0)", books.owner.workspace_id)
    run(connection, "select private.record_payment(%s, %s, 0)", order, received)
    mail = "select private.mail_order(o, 'plain', '{\"subject\": \"Paid\"}') from public.orders as o where id = %s"
    run(connection, mail, order)
