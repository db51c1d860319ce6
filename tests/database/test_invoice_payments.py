"""Invoices follow an order's money: paid by what came in, told once, and mailed with the document they belong to."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from functions.email_service import templates
from tests.database.acting import Database
from tests.database.invoicing import Books, Json, check_chain

TOTAL, DEPOSIT = 119_000, 35_700


@pytest.fixture(scope="module")
def shop(db: Database) -> Books:
    return Books.open(db)


@pytest.fixture
def books(shop: Books) -> Books:
    """Without a mail, and nothing spent of any limit."""
    for table in ("private.outbox", "private.email_messages"):
        shop.db.owner.rows(f"delete from {table} where workspace_id = %s", shop.owner.workspace_id)  # noqa: S608
    shop.db.owner.rows("delete from private.rate_limits")
    return shop


@pytest.fixture
def order(books: Books) -> UUID:
    return books.order(TOTAL, deposit=DEPOSIT)


def states(books: Books, order: UUID) -> list[tuple[str, str, int]]:
    """(kind, status, paid_minor) of what was issued."""
    found = [books.read(row) for row in books.of(order) if row["status"] == "issued"]
    return [(row["kind"], row["status"], row["paid"]["amount_minor"]) for row in found]


def paid_audits(books: Books, order: UUID) -> list[str]:
    ids = {row["id"]: row["kind"] for row in books.of(order)}
    entries = books.db.audit(books.owner.workspace_id)
    return [ids[target] for action, _, target, *_ in entries if action == "invoice.paid" and target in ids]


class TestMoney:
    def test_falls_to_the_oldest_first(self, books: Books, order: UUID) -> None:
        books.issue(order, "deposit")
        books.issue(order, "balance")
        rest = TOTAL - DEPOSIT
        for received, wanted in [
            (0, [("deposit", "issued", 0), ("balance", "issued", 0)]),
            (DEPOSIT - 1, [("deposit", "issued", DEPOSIT - 1), ("balance", "issued", 0)]),
            (DEPOSIT, [("deposit", "paid", DEPOSIT), ("balance", "issued", 0)]),
            (TOTAL - 1, [("deposit", "paid", DEPOSIT), ("balance", "issued", rest - 1)]),
            (TOTAL, [("deposit", "paid", DEPOSIT), ("balance", "paid", rest)]),
            (TOTAL + 500, [("deposit", "paid", DEPOSIT), ("balance", "paid", rest)]),
        ]:
            books.pay(order, received)
            assert states(books, order) == wanted
            check_chain(books, order)
        assert paid_audits(books, order) == ["deposit", "balance"]

    def test_comes_to_the_same_in_any_order(self, books: Books) -> None:
        """Issuing and paying, each before or after the other: all are paid, each told once."""
        acts: list[Any] = ["deposit", "balance", DEPOSIT, TOTAL]
        for sequence in itertools.permutations(acts):
            if sequence.index("deposit") > sequence.index("balance"):
                continue
            order = books.order(TOTAL, deposit=DEPOSIT)
            for act in sequence:
                if isinstance(act, str):
                    books.issue(order, act)
                else:
                    books.pay(order, act)
                check_chain(books, order)
            assert states(books, order) == [("deposit", "paid", DEPOSIT), ("balance", "paid", TOTAL - DEPOSIT)]
            assert sorted(paid_audits(books, order)) == ["balance", "deposit"]
            stamped = [each["invoice"] for each in books.outbox(order) if "paid_on" in each]
            assert len(stamped) == len(set(stamped)) == 2

    def test_that_is_given_back_leaves_an_invoice_unpaid(self, books: Books, order: UUID) -> None:
        invoice = books.issue(order, "full")
        books.pay(order, TOTAL)
        books.pay(order, TOTAL, 1)
        assert (books.read(invoice)["status"], books.read(invoice)["paid_on"]) == ("issued", None)
        check_chain(books, order)

    def test_given_back_for_what_was_credited_changes_nothing(self, books: Books, order: UUID) -> None:
        """Whichever of refund and credit note is first; the paid copy goes out once."""
        for refund_first in (True, False):
            order = books.order(TOTAL)
            invoice = books.issue(order, "full")
            books.pay(order, TOTAL)
            acts = [
                lambda order=order: books.pay(order, TOTAL, 20_000),
                lambda invoice=invoice: books.credit(invoice, [{"line": 1, "amount_minor": 20_000}]),
            ]
            for act in acts if refund_first else reversed(acts):
                act()
                check_chain(books, order)
            assert states(books, order) == [("full", "paid", TOTAL - 20_000), ("credit_note", "issued", 0)]
            if not refund_first:
                assert paid_audits(books, order) == ["full"]

    def test_in_part_and_a_credit_for_the_rest_pay_an_invoice(self, books: Books, order: UUID) -> None:
        invoice = books.issue(order, "full")
        books.pay(order, 100_000)
        books.credit(invoice, [{"line": 1, "amount_minor": TOTAL - 100_000}])
        assert books.read(invoice)["status"] == "paid"
        assert paid_audits(books, order) == ["full"]

    def test_of_an_invoice_credited_whole_falls_to_the_next(self, books: Books, order: UUID) -> None:
        first = books.issue(order, "full")
        books.pay(order, TOTAL)
        books.credit(first)
        assert books.read(first)["status"] == "credited"
        assert books.issue(order, "full")["status"] == "paid"
        check_chain(books, order)

    def test_is_missed_from_the_day_after_it_is_due(self, books: Books, order: UUID) -> None:
        invoice = books.issue(order, "full")
        for days, status in ((-1, "issued"), (0, "issued"), (1, "overdue")):
            books.overdue(invoice, days)
            assert books.read(invoice)["status"] == status
            listed = books.owner.call("list_invoices", status="overdue", order_id=order)["body"]
            assert [row["id"] for row in listed] == ([invoice["id"]] if status == "overdue" else [])
        books.pay(order, TOTAL)
        assert books.read(invoice)["status"] == "paid"

    def test_has_its_days_from_the_day_of_issue(self, books: Books) -> None:
        for days in (0, 14, 120):
            books.settings(payment_days=days)
            invoice = books.issue(books.order(TOTAL), "full")
            issued_on, due_on = (date.fromisoformat(invoice[name]) for name in ("issued_on", "due_on"))
            assert due_on - issued_on == timedelta(days)
        books.settings()

    def test_is_not_asked_for_by_a_final_invoice_of_nothing(self, books: Books) -> None:
        order = books.order(TOTAL, deposit=TOTAL)
        books.issue(order, "deposit")
        final = books.issue(order, "balance")
        assert (final["payable"]["amount_minor"], final["status"]) == (0, "paid")
        books.pay(order, TOTAL)
        check_chain(books, order)


class TestDocuments:
    def test_are_asked_for_when_issued_and_when_paid(self, books: Books, order: UUID) -> None:
        deposit = books.issue(order, "deposit")
        books.pay(order, DEPOSIT)
        today = books.read(deposit)["paid_on"]
        assert books.outbox(order) == [{"invoice": deposit["id"]}, {"invoice": deposit["id"], "paid_on": today}]
        books.pay(order, DEPOSIT)
        books.issue(order, "balance")
        assert [each["invoice"] for each in books.outbox(order)].count(deposit["id"]) == 2

    def test_are_mailed_once_when_they_were_paid(self, books: Books, order: UUID) -> None:
        invoice = books.issue(order, "full")
        assert books.keep(invoice["id"])["mailed"] is False
        books.pay(order, TOTAL)
        paid_on = books.read(invoice)["paid_on"]
        assert books.keep(invoice["id"])["mailed"] is False  # the original, rendered once more
        assert [books.keep(invoice["id"], paid_on)["mailed"] for _ in range(3)] == [True, False, False]
        ((template, data, attachments),) = books.mails("invoice")
        templates.find(template).read(data)
        assert (data["due"]["amount_minor"], data["paid"]["amount_minor"], "bank" in data) == (0, TOTAL, False)
        assert attachments == [
            {
                "bucket": "invoices",
                "path": f"{books.owner.workspace_id}/{invoice['id']}/{invoice['number']}-paid-{paid_on}.pdf",
                "name": f"{invoice['number']}-paid-{paid_on}.pdf",
            }
        ]

    def test_that_were_kept_first_stay(self, books: Books, order: UUID) -> None:
        invoice = books.issue(order, "full")
        first = books.keep(invoice["id"])
        again = books.db.service.call(
            "keep_invoice_document", invoice_id=invoice["id"], paid_on=None, sha256="cd" * 32, bytes=2
        )
        assert again == first
        assert books.read(invoice)["document"]["sha256"] == "ab" * 32

    def test_wait_to_be_sent_until_they_are_there(self, books: Books, order: UUID) -> None:
        invoice = books.issue(order, "full")
        assert books.owner.call("send_invoice", invoice_id=invoice["id"])["status"] == 202
        assert books.mails("invoice") == []
        assert [books.keep(invoice["id"])["mailed"] for _ in range(2)] == [True, False]
        assert books.owner.call("send_invoice", invoice_id=invoice["id"])["body"]["sent_at"]
        assert len(books.mails("invoice")) == 2  # the second at once

    def test_of_a_day_that_it_is_not_paid_any_more_are_not_mailed(self, books: Books, order: UUID) -> None:
        invoice = books.issue(order, "full")
        books.pay(order, TOTAL)
        paid_on = books.read(invoice)["paid_on"]
        books.pay(order, TOTAL, 500)
        assert books.keep(invoice["id"], paid_on)["mailed"] is False

    @pytest.mark.parametrize("kind", ["deposit", "balance", "full", "proforma", "credit_note"])
    @pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
    def test_of_every_kind_have_mails_that_their_template_takes(self, books: Books, kind: str, currency: str) -> None:
        order = books.order(60_000, 40_000, deposit=30_000, currency=currency, taxes=["standard", "reduced"])
        said: Json = {"tax_exchange_rate": "0.5", "buyer": {"name": "A & B\tGmbH", "contact": "Ms\u2028B"}}
        if kind in ("balance", "credit_note"):
            books.issue(order, "deposit", **said)
        if kind == "credit_note":
            made = books.credit(books.issue(order, "balance"))["body"]
        else:
            made = books.issue(order, kind, **said)
        books.owner.call("send_invoice", invoice_id=made["id"])
        assert books.keep(made["id"])["mailed"] is True
        ((template, data, _),) = [mail for mail in books.mails() if mail[0] in ("invoice", "credit-note")]
        templates.find(template).read(data)
        assert data["number"] == made["number"]
        assert data["total"] == {"amount_minor": made["payable"]["amount_minor"], "currency": currency}

    def test_of_nothing_have_them_too(self, books: Books) -> None:
        order = books.order(TOTAL, deposit=TOTAL)
        books.issue(order, "deposit")
        final = books.issue(order, "balance")
        note = books.credit(final)["body"]
        for made in (final, note):
            books.owner.call("send_invoice", invoice_id=made["id"])
            books.keep(made["id"])
        for template, data, _ in books.mails():
            if template in ("invoice", "credit-note"):
                templates.find(template).read(data)
        assert [mail[0] for mail in books.mails()][-2:] == ["invoice", "credit-note"]

    def test_after_a_change_of_rates_have_them_too(self, books: Books) -> None:
        """The deposit's tax, at its own rate, is taken off: an amount below nothing."""
        order = books.order(TOTAL, deposit=DEPOSIT)
        books.issue(order, "deposit")
        books.change(country="AT")
        final = books.issue(order, "balance")
        books.change(country="DE")
        books.owner.call("send_invoice", invoice_id=final["id"])
        books.keep(final["id"])
        ((template, data, _),) = books.mails("invoice")
        templates.find(template).read(data)
        assert [tax["amount"]["amount_minor"] < 0 for tax in data["taxes"]] == [False, True]
