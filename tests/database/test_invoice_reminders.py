"""Who owes is reminded after 7, 14 and 30 days, once each, by the seller's own day; nobody else is."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest

from functions.email_service import templates
from tests.database.acting import Database, at_once, run
from tests.database.invoicing import Books, Json

TOTAL = 119_000


@pytest.fixture(scope="module")
def shop(db: Database) -> Books:
    return Books.open(db)


@pytest.fixture
def books(shop: Books) -> Books:
    """Nothing to remind of from before, in any workspace, and nothing spent of any limit."""
    for table in ("private.outbox", "private.email_messages"):
        shop.db.owner.rows(f"delete from {table} where workspace_id = %s", shop.owner.workspace_id)  # noqa: S608
    shop.db.owner.rows("update public.invoices set reminded_days = 9999")
    shop.db.owner.rows("delete from private.rate_limits")
    shop.change(time_zone="UTC")
    return shop


@pytest.fixture
def invoice(books: Books) -> Json:
    """Of an order with nothing paid, its document rendered."""
    return issue(books)


def issue(books: Books) -> Json:
    invoice = books.issue(books.order(TOTAL), "full")
    books.keep(invoice["id"])
    return invoice


def remind(books: Books, most: int = 100) -> int:
    told: int = books.db.service.call("remind_invoices", most=most)
    return told


def steps(books: Books) -> list[int]:
    """The days that each mail speaks of."""
    return [data["overdue_days"] for _, data, _ in books.mails("invoice")]


class TestReminding:
    def test_is_done_on_its_days_and_once(self, books: Books, invoice: Json) -> None:
        for days in range(-1, 45):
            books.overdue(invoice, days)
            assert [remind(books), remind(books)] == [int(days in (7, 14, 30)), 0], days
        assert steps(books) == [7, 14, 30]

    @pytest.mark.parametrize(
        ("days", "wanted"),
        [((6, 8, 13, 15, 29, 31), [8, 15, 31]), ((20, 29, 30), [20, 30]), ((33, 60, 400), [33]), ((13, 14), [13, 14])],
    )
    def test_after_days_that_were_missed_is_for_the_furthest(
        self, books: Books, invoice: Json, days: tuple[int, ...], wanted: list[int]
    ) -> None:
        """As when the job didn't run for a while."""
        for each in days:
            books.overdue(invoice, each)
            remind(books)
        assert steps(books) == wanted

    def test_goes_by_the_sellers_own_day(self, books: Books, invoice: Json) -> None:
        """At any time one of the two has another day than the other, for they are 25 hours apart."""
        days = {}
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            books.change(time_zone=zone)
            days[zone] = books.db.owner.value("select private.today(%s)", books.owner.workspace_id)
        books.change(time_zone="Pacific/Kiritimati")
        books.overdue(invoice, 7)
        books.change(time_zone="Pacific/Pago_Pago")
        assert days["Pacific/Pago_Pago"] < days["Pacific/Kiritimati"]
        assert remind(books) == 0
        books.change(time_zone="Pacific/Kiritimati")
        assert remind(books) == 1

    def test_is_not_done_where_money_went_back_or_the_order_was_cancelled(self, books: Books) -> None:
        refunded, cancelled = issue(books), issue(books)
        books.pay(UUID(refunded["order_id"]), TOTAL)
        books.pay(UUID(refunded["order_id"]), TOTAL, TOTAL)
        assert books.move(UUID(cancelled["order_id"]), "cancelled")["status"] == 200
        for invoice in (refunded, cancelled):
            books.overdue(invoice, 7)
        assert remind(books) == 0

    def test_sends_the_document_and_what_is_still_owed(self, books: Books, invoice: Json) -> None:
        books.pay(UUID(invoice["order_id"]), 19_000)
        books.credit(invoice, [{"line": 1, "amount_minor": 10_000}])
        books.overdue(invoice, 7)
        assert remind(books) == 1
        ((template, data, attachments),) = books.mails("invoice")
        templates.find(template).read(data)
        assert (data["overdue_days"], data["due"]["amount_minor"]) == (7, TOTAL - 29_000)
        assert data["paid"]["amount_minor"] == 19_000
        assert data["bank"]["iban"] == "DE89370400440532013000"
        assert [each["name"] for each in attachments] == [f"{invoice['number']}.pdf"]

    def test_is_not_done_for_what_is_paid_credited_or_not_asked_for(self, books: Books) -> None:
        paid, credited, part, draft = (issue(books) for _ in range(4))
        books.pay(UUID(paid["order_id"]), TOTAL)
        books.credit(credited)
        books.pay(UUID(part["order_id"]), 100_000)
        books.credit(part, [{"line": 1, "amount_minor": 19_000}])
        books.credit(draft)
        drafted = books.create(UUID(draft["order_id"]), "full", draft=True)["body"]
        proforma = books.issue(UUID(draft["order_id"]), "proforma")
        nothing = books.order(TOTAL, deposit=TOTAL)
        books.pay(nothing, TOTAL)
        final = [books.issue(nothing, kind) for kind in ("deposit", "balance")][1]
        books.keep(final["id"])
        for each in (paid, credited, part, final):
            books.overdue(each, 31)
        assert (drafted["due_on"], proforma["due_on"]) == (None, None)
        assert remind(books) == 0
        assert steps(books) == []

    def test_ends_with_the_payment_also_where_some_of_it_went_back(self, books: Books, invoice: Json) -> None:
        books.overdue(invoice, 8)
        assert remind(books) == 1
        books.pay(UUID(invoice["order_id"]), TOTAL)
        books.overdue(invoice, 15)
        assert remind(books) == 0
        books.pay(UUID(invoice["order_id"]), TOTAL, 1_000)
        assert remind(books) == 0
        assert steps(books) == [8]

    def test_waits_for_a_document_and_keeps_nobody_else_from_theirs(self, books: Books) -> None:
        """What can't be sent yet takes nobody's place among the most that one run reminds of."""
        unready = [books.issue(books.order(TOTAL), "full") for _ in range(6)]
        ready = [issue(books) for _ in range(3)]
        for each in unready + ready:
            books.overdue(each, 7)
        assert [remind(books, 2) for _ in range(3)] == [2, 1, 0]
        for each in unready:
            books.keep(each["id"])
        assert remind(books) == 6


class TestAtOnce:
    def test_many_runs_remind_once(self, books: Books) -> None:
        elsewhere = Books.open(books.db)
        invoices = [(shop, issue(shop)) for shop in (books, elsewhere) * 10]
        for shop, each in invoices:
            shop.overdue(each, 14)
        assert sum(at_once(8, lambda _: remind(books, 7))) == 20
        assert steps(books) == steps(elsewhere) == [14] * 10

    def test_what_somebody_holds_is_left_for_the_next_run(self, books: Books) -> None:
        """A payment holds its order and waits for the counter of mails: whoever holds that waits for no order."""
        first, second = issue(books), issue(books)
        for each in (first, second):
            books.overdue(each, 7)
        told: list[int] = []
        runs = threading.Thread(target=lambda: told.append(remind(books)))
        with books.db.owner.transaction() as payment:
            run(
                payment, "select from public.orders where id = %s for update", max(first, second, key=by_id)["order_id"]
            )
            runs.start()
            runs.join(5)
            assert told == [1]
            run(payment, "select private.take_email_units(%s, 0)", books.owner.workspace_id)
        assert remind(books) == 1


def by_id(invoice: Json) -> UUID:
    return UUID(invoice["id"])
