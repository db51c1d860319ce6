"""Invoices are numbered without a gap or a twin, whoever fails, waits or is cut off on the way."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tests.database.acting import Connection, Database, at_once, call, run
from tests.database.invoicing import Books, check_chain, check_numbers
from tests.database.market import sqlstate

THREADS, EACH = 20, 20


class Undone(Exception):
    """Something fails after the number was taken."""


def issue_in_vain(books: Books, connection: Connection, order: UUID, how: str) -> None:
    """Issues, waits as long as a slow client may, and then fails in the way that is named."""
    answer = call(
        connection, "create_invoice", caller=books.owner.user_id, order_id=order, kind="full", request={}, draft=False
    )
    assert answer["status"] == 201, answer
    run(connection, "select pg_sleep(%s)", random.random() / 200)
    if how == "cut off":
        books.db.superuser.rows("select pg_terminate_backend(%s)", connection.info.backend_pid)
        run(connection, "select 1")
    elif how == "rolled back":
        raise Undone


def alike(books: Books, count: int) -> list[UUID]:
    """So many orders, made in one go."""
    rows = books.db.owner.rows(
        """
        select (private.create_order(
          workspace_id, gen_random_uuid(), null, customer, summary, currency, lines, subtotal_minor, total_minor, 0,
          terms, expected_on, gen_random_uuid()::text)).id
        from public.orders cross join generate_series(1, %s) where id = %s
        """,
        count,
        books.order(1_000),
    )
    return [order for (order,) in rows]


def sums(books: Books) -> Counter[str]:
    """How many numbers each series has."""
    rows = books.db.owner.rows(
        "select number from public.invoices where workspace_id = %s and number is not null", books.owner.workspace_id
    )
    return Counter(number.partition("-")[0] for (number,) in rows)


class TestAtOnce:
    def test_four_hundred_of_which_three_in_ten_fail_five_times(self, db: Database) -> None:
        """Rolled back, or with the connection killed in the middle; each is then tried again."""
        books = Books.open(db)
        fates = (["rolled back"] * 3 + ["cut off"] * 3 + ["kept"] * 14) * (THREADS * EACH // 20)
        for done in range(5):
            orders = alike(books, THREADS * EACH)
            random.Random(done).shuffle(fates)

            def work(thread: int, orders: list[UUID] = orders) -> list[str]:
                met = []
                for n in range(thread * EACH, thread * EACH + EACH):
                    try:
                        with db.service.transaction() as connection:
                            issue_in_vain(books, connection, orders[n], fates[n])
                        met.append("kept")
                    except Undone:
                        met.append("rolled back")
                    except psycopg.OperationalError:
                        met.append("cut off")
                return met

            met = Counter(each for thread in at_once(THREADS, work) for each in thread)
            assert met == Counter(fates)
            check_numbers(books)
            assert sums(books) == {"INV": met["kept"] * (done + 1)}

    def test_from_elsewhere_cut_off_while_they_wait_for_each_other(self, db: Database) -> None:
        """As when an operator ends sessions: wherever they are, also while they wait for the counter."""
        books = Books.open(db)
        orders = [books.order(500) for _ in range(60)]

        def work(thread: int) -> Counter[str]:
            met: Counter[str] = Counter()
            if thread == 0:
                for _ in range(30):
                    time.sleep(0.01)
                    db.superuser.rows(
                        """
                        select pg_terminate_backend(pid) from pg_stat_activity
                        where query like '%"create_invoice"%' and pid <> pg_backend_pid() and state <> 'idle'
                        order by random() limit 1
                        """
                    )
                return met
            for order in orders[(thread - 1) * 10 : thread * 10]:
                try:
                    assert books.create(order, "full")["status"] == 201
                    met["kept"] += 1
                except psycopg.OperationalError:
                    met["lost"] += 1
            return met

        met = sum(at_once(7, work), Counter[str]())
        assert met["lost"] > 0
        assert met["kept"] <= sums(books)["INV"] <= met["kept"] + met["lost"]  # a lost answer may have been a yes
        check_numbers(books)

    def test_for_one_order_one_wins(self, db: Database) -> None:
        books = Books.open(db)
        for n in range(5):
            order = books.order(10_000, deposit=3_000)
            draft = books.create(order, "full", draft=True)["body"]

            def issue(thread: int, order: UUID = order, draft: str = draft["id"]) -> tuple[int, str]:
                if thread % 4 == 0:
                    answer = books.owner.call("issue_invoice", invoice_id=draft)
                else:
                    answer = books.create(order, "deposit" if thread % 2 else "full")
                return min(answer["status"], 201), answer.get("code", "")

            answers = at_once(16, issue)
            won = [answer for answer in answers if answer[1] == ""]
            assert len(won) == 1
            assert {code for _, code in answers} <= {"", "already_invoiced", "not_a_draft"}
            assert sums(books)["INV"] == n + 1
            check_chain(books, order)

    def test_the_chain_of_many_orders_is_made_in_its_order(self, db: Database) -> None:
        """Each of several threads goes from deposit to balance to credit notes, on orders of all the others."""
        books = Books.open(db)
        orders = [books.order(9_000, deposit=2_000) for _ in range(12)]

        def work(thread: int) -> None:
            mine = orders[:]
            random.Random(thread).shuffle(mine)
            for order in mine:
                books.create(order, "deposit")
                balance = books.create(order, "balance")
                if "body" in balance:
                    books.credit(balance["body"], [{"line": 1, "amount_minor": 100}])

        at_once(8, work)
        check_numbers(books)
        for order in orders:
            check_chain(books, order)
            numbers = [row["number"].rpartition("-") for row in books.of(order) if row["kind"] != "credit_note"]
            assert [row["kind"] for row in books.of(order)] == ["deposit", "balance", "credit_note"]
            assert numbers == sorted(numbers)
        assert sums(books) == {"INV": 24, "CN": 12}


class TestNewYear:
    ZONES = ("Pacific/Kiritimati", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu")

    @pytest.mark.parametrize("zone", ZONES)
    def test_is_at_the_workspaces_own_midnight(self, db: Database, zone: str) -> None:
        books = Books.open(db)
        books.change(time_zone=zone)
        midnight = datetime(2027, 1, 1, tzinfo=ZoneInfo(zone))
        taken = []
        for seconds in (-86_400, -1, 0, 86_399, 86_400):
            at = midnight + timedelta(seconds=seconds)
            home = books.owner.workspace_id
            taken += db.owner.rows(
                "select private.next_number(%s, 'INV', %s), private.today(%s, %s)", home, at, home, at
            )
        assert taken == [
            ("INV-2026-00001", date(2026, 12, 31)),
            ("INV-2026-00002", date(2026, 12, 31)),
            ("INV-2027-00001", date(2027, 1, 1)),
            ("INV-2027-00002", date(2027, 1, 1)),
            ("INV-2027-00003", date(2027, 1, 2)),
        ]

    @pytest.mark.parametrize("zone", ZONES)
    def test_an_invoice_is_of_the_day_that_it_is_there(self, db: Database, zone: str) -> None:
        books = Books.open(db)
        books.change(time_zone=zone)
        before = datetime.now(ZoneInfo(zone)).date()
        invoice = books.issue(books.order(100), "full")
        assert invoice["issued_on"] in {str(before), str(datetime.now(ZoneInfo(zone)).date())}
        assert invoice["number"] == f"INV-{invoice['issued_on'][:4]}-00001"

    def test_is_the_same_for_the_number_and_the_day(self, db: Database) -> None:
        """Whoever writes: a number of this year is on no invoice of another."""
        books = Books.open(db)
        invoice = books.issue(books.order(100), "full")
        books.credit(invoice)
        copy = """
            insert into public.invoices (
              workspace_id, order_id, kind, status, request, number, issued_on, due_on, currency, payable_minor,
              content)
            select workspace_id, order_id, kind, status, request, new.number, new.day, due_on, currency, payable_minor,
              content || jsonb_build_object('number', new.number, 'issued_on', new.day)
            from public.invoices cross join lateral (
              select private.next_number(workspace_id, 'INV', now() + %s) as number, issued_on as day) as new
            where id = %s
        """
        assert sqlstate(db.owner.rows, copy, timedelta(days=366), invoice["id"]) == "23514"
        assert sqlstate(db.owner.rows, copy, timedelta(0), invoice["id"]) is None
