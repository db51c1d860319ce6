"""Which invoice may follow which, and what the table of invoices refuses by itself, whoever writes to it."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import pytest

from tests.database.acting import Database
from tests.database.invoicing import Books, Json, check_chain
from tests.database.market import sqlstate

KINDS = ("deposit", "balance", "full", "proforma")
REFUSED = "BR004"


@pytest.fixture(scope="module")
def books(db: Database) -> Books:
    return Books.open(db)


@pytest.fixture
def order(books: Books) -> UUID:
    return books.order(60_000, 40_000, deposit=30_000, taxes=["standard", "reduced"])


class TestChain:
    ALLOWED: ClassVar = {
        (): {"deposit", "full"},
        ("deposit",): {"balance"},
        ("full",): set(),
        ("deposit", "balance"): set(),
        ("proforma",): {"deposit", "full"},
        ("deposit", "credit 0"): {"deposit", "full"},
        ("full", "credit 0"): {"deposit", "full"},
        ("deposit", "balance", "credit 1"): {"balance"},
        ("deposit", "balance", "credit 1", "credit 0"): {"deposit", "full"},
        ("deposit", "part 0"): {"balance"},
        ("full", "part 0"): set(),
        ("full", "credit 0", "full"): set(),
    }

    @pytest.mark.parametrize("done", ALLOWED)
    @pytest.mark.parametrize("draft", [False, True])
    def test_goes_on_from_what_is_live(self, books: Books, order: UUID, done: tuple[str, ...], draft: bool) -> None:
        made: list[Json] = []
        for step in done:
            what, _, which = step.partition(" ")
            if what in KINDS:
                made.append(books.issue(order, what))
            else:
                line = made[int(which)]["content"]["lines"][0]
                part = [{"line": line["position"], "amount_minor": 100}]
                assert books.credit(made[int(which)], part if what == "part" else None)["status"] == 201
        allowed = {*self.ALLOWED[done], "proforma"}
        for kind in KINDS:
            if not draft and kind in allowed:
                continue  # it would change the state
            answer = books.create(order, kind, draft=draft)
            assert answer["status"] == (201 if kind in allowed else 409), (kind, answer)
            check_chain(books, order)

    @pytest.mark.parametrize(
        ("before", "kind", "deposit", "code"),
        [
            ([], "balance", 30_000, "deposit_not_invoiced"),
            ([], "deposit", 0, "no_deposit"),
            (["full"], "full", 0, "already_invoiced"),
            (["deposit"], "full", 30_000, "already_invoiced"),
            (["deposit"], "deposit", 30_000, "already_invoiced"),
        ],
    )
    def test_says_why_not(self, books: Books, before: list[str], kind: str, deposit: int, code: str) -> None:
        order = books.order(100_000, deposit=deposit)
        for earlier in before:
            books.issue(order, earlier)
        assert books.create(order, kind)["code"] == code

    def test_a_deposit_is_not_credited_while_a_final_one_deducts_it(self, books: Books, order: UUID) -> None:
        deposit, balance = books.issue(order, "deposit"), books.issue(order, "balance")
        assert books.credit(deposit)["code"] == "deducted_already"
        assert books.credit(balance)["status"] == 201
        assert books.credit(deposit)["status"] == 201
        assert books.credit(deposit)["code"] == "credit_too_large"
        assert books.issue(order, "full")["payable"]["amount_minor"] == 100_000
        check_chain(books, order)

    def test_a_deposit_credited_in_part_is_deducted_in_part(self, books: Books, order: UUID) -> None:
        deposit = books.issue(order, "deposit")
        assert books.credit(deposit, [{"line": 1, "amount_minor": 8_000}])["status"] == 201
        balance = books.issue(order, "balance")
        assert balance["payable"]["amount_minor"] == 100_000 - 22_000
        deducted = {line["rate"]: line["gross_minor"] for line in balance["content"]["lines"] if "deducts" in line}
        assert deducted == {19: -10_000, 7: -12_000}
        check_chain(books, order)

    def test_proformas_are_outside_of_it(self, books: Books, order: UUID) -> None:
        proforma = books.issue(order, "proforma")
        assert (proforma["number"].partition("-")[0], proforma["due_on"]) == ("PRO", None)
        assert books.credit(proforma)["code"] == "not_creditable"
        books.pay(order, 100_000)
        assert books.read(proforma)["status"] == "issued"
        full = books.issue(order, "full")
        assert full["status"] == "paid"
        note = books.credit(full)["body"]
        assert books.credit(note)["code"] == "not_creditable"

    def test_a_cancelled_order_is_credited_and_no_more_invoiced(self, books: Books, order: UUID) -> None:
        deposit = books.issue(order, "deposit")
        draft = books.create(order, "balance", draft=True)["body"]
        assert books.move(order, "cancelled")["status"] == 200
        for kind in ("balance", "proforma"):
            assert books.create(order, kind)["code"] == "order_not_invoiceable"
        assert books.owner.call("issue_invoice", invoice_id=draft["id"])["code"] == "order_not_invoiceable"
        assert books.read(draft)["content"] is None
        assert books.credit(deposit)["status"] == 201
        check_chain(books, order)

    def test_a_deposit_is_what_payments_take(self, books: Books) -> None:
        order = books.order(100_007, deposit=30_001, currency="KWD")
        ((taken,),) = books.db.owner.rows(
            "select private.deposit_amount(o) from public.orders as o where id = %s", order
        )
        assert taken == 30_010
        deposit = books.issue(order, "deposit", tax_exchange_rate="3.1")
        assert deposit["payable"]["amount_minor"] == taken
        assert books.issue(order, "balance")["payable"]["amount_minor"] == 100_007 - taken
        check_chain(books, order, 10)


class TestDrafts:
    def test_are_issued_once_or_voided(self, books: Books, order: UUID) -> None:
        first, second = (books.create(order, "full", draft=True)["body"] for _ in range(2))
        assert (first["status"], first["number"], first["content"]["payable_minor"]) == ("draft", None, 100_000)
        issued = books.owner.call("issue_invoice", invoice_id=first["id"])["body"]
        assert (issued["id"], issued["content"]["number"]) == (first["id"], issued["number"])
        again = [
            books.owner.call("issue_invoice", invoice_id=first["id"])["code"],
            books.owner.call("void_invoice", invoice_id=first["id"])["code"],
            books.owner.call("issue_invoice", invoice_id=second["id"])["code"],
            books.credit(second)["code"],
            books.owner.call("send_invoice", invoice_id=second["id"])["code"],
        ]
        assert again == ["not_a_draft", "not_a_draft", "already_invoiced", "not_creditable", "not_issued"]
        for _ in range(2):
            assert books.owner.call("void_invoice", invoice_id=second["id"])["body"]["status"] == "void"
        assert books.owner.call("issue_invoice", invoice_id=second["id"])["code"] == "not_a_draft"

    def test_say_what_is_so_when_they_are_issued(self, books: Books, order: UUID) -> None:
        deposit = books.issue(order, "deposit")
        draft = books.create(order, "balance", draft=True)["body"]
        assert draft["content"]["payable_minor"] == 70_000
        books.credit(deposit, [{"line": 1, "amount_minor": 1_000}])
        assert books.read(draft)["content"]["payable_minor"] == 71_000
        issued = books.owner.call("issue_invoice", invoice_id=draft["id"])["body"]
        assert issued["payable"]["amount_minor"] == 71_000

    def test_what_was_said_last_holds_for_the_next(self, books: Books, order: UUID) -> None:
        """By when they were issued, not when they were drafted."""
        late = books.create(order, "deposit", draft=True, buyer={"name": "Second AG"})["body"]
        first = books.issue(order, "deposit", buyer={"name": "First AG"})
        books.credit(first)
        books.owner.call("issue_invoice", invoice_id=late["id"])
        assert books.issue(order, "balance")["content"]["buyer"]["name"] == "Second AG"


class TestTheDatabaseItself:
    """As the owner of the table."""

    def refused(self, books: Books, query: str, *parameters: Any) -> str | None:
        return sqlstate(books.db.owner.rows, query, *parameters)

    FROZEN: ClassVar = {
        "status": "'void'", "kind": "'deposit'", "number": "number || '9'", "issued_on": "issued_on + 1",
        "issued_at": "now()", "due_on": "due_on + 1", "currency": "'USD'", "payable_minor": "payable_minor + 1",
        "content": "content || '{\"total_minor\": 1}'", "request": "'{\"notes\": []}'", "order_id": "gen_random_uuid()",
        "workspace_id": "gen_random_uuid()", "id": "gen_random_uuid()", "created_at": "now() - interval '1 day'",
        "credited_minor": "1", "paid_on": "current_date", "paid_minor": "1",
    }  # fmt: skip

    @pytest.mark.parametrize("column", FROZEN)
    def test_changes_nothing_that_was_issued(self, books: Books, order: UUID, column: str) -> None:
        invoice = books.issue(order, "full")
        update = f"update public.invoices set {column} = {self.FROZEN[column]} where id = %s"  # noqa: S608
        assert self.refused(books, update, invoice["id"]) == ("23514" if column == "paid_on" else REFUSED)
        assert books.read(invoice) == invoice

    def test_takes_nothing_away(self, books: Books, order: UUID) -> None:
        invoice = books.issue(order, "full")
        for query in ("delete from public.invoices where id = %s", "delete from public.orders where id = %s"):
            assert self.refused(books, query, invoice["id"] if "invoices" in query else order) == REFUSED
        for table in ("invoices", "orders", "workspaces"):
            assert self.refused(books, f"truncate public.{table} cascade") == "42501"
        draft = books.create(order, "proforma", draft=True)["body"]
        assert self.refused(books, "delete from public.invoices where id = %s", draft["id"]) is None

    COPY = """
        insert into public.invoices (workspace_id, order_id, kind, status, request, number, issued_on, due_on, currency,
          payable_minor, content, credits)
        select i.workspace_id, i.order_id, changed.kind, 'issued', '{}', changed.number, i.issued_on, i.due_on,
          i.currency, changed.payable, i.content || jsonb_build_object(
            'kind', changed.kind, 'number', changed.number, 'payable_minor', changed.payable), changed.credits
        from public.invoices as i
        cross join lateral (
          select kind, credits, i.payable_minor + more as payable, case
            when numbered then private.next_number(i.workspace_id, private.invoice_series(kind))
            else private.invoice_series(kind) || '-' || extract(year from i.issued_on) || '-90000' end as number
          from (values (%s, %s::uuid, %s, %s)) as v(kind, credits, more, numbered)) as changed
        where i.id = %s
    """

    def test_lets_nobody_write_a_second_one(self, books: Books, order: UUID) -> None:
        deposit = books.issue(order, "deposit")
        for kind in ("deposit", "full", "balance"):
            assert self.refused(books, self.COPY, kind, None, 0, True, deposit["id"]) == REFUSED
        books.issue(order, "balance")
        check_chain(books, order)

    def test_lets_nobody_write_another_amount_nor_number(self, books: Books, order: UUID) -> None:
        invoice = books.issue(order, "full")
        books.credit(invoice)
        assert self.refused(books, self.COPY, "full", None, 1, True, invoice["id"]) == REFUSED
        assert self.refused(books, self.COPY, "full", None, 0, False, invoice["id"]) == REFUSED
        assert self.refused(books, self.COPY, "full", None, 0, True, invoice["id"]) is None
        check_chain(books, order)

    def test_lets_nobody_credit_more_than_is_left(self, books: Books, order: UUID) -> None:
        deposit = books.issue(order, "deposit")
        note = books.credit(deposit, [{"line": 1, "amount_minor": 15_000}])["body"]
        for more in (0, 1):
            copy = (self.COPY, "credit_note", deposit["id"], more, True, note["id"])
            assert self.refused(books, *copy) == REFUSED
        other = books.issue(books.order(100_000), "full")
        assert self.refused(books, self.COPY, "credit_note", other["id"], 0, True, note["id"]) == REFUSED
        check_chain(books, order)

    def test_deducts_what_the_deposit_took(self, books: Books, order: UUID) -> None:
        books.issue(order, "deposit")
        balance = books.issue(order, "balance")
        books.credit(balance)
        changed = self.COPY.replace(
            "i.content ||", "i.content || jsonb_build_object('lines', i.content -> 'lines' -> 0) ||"
        )
        assert self.refused(books, changed, "balance", None, 0, True, balance["id"]) == REFUSED
        assert self.refused(books, self.COPY, "balance", None, 0, True, balance["id"]) is None

    def test_goes_with_its_workspace(self, db: Database) -> None:
        books = Books.open(db)
        books.issue(books.order(100), "full")
        assert self.refused(books, "delete from public.workspaces where id = %s", books.owner.workspace_id) is None
