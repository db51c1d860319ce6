"""Who reads, makes and changes which invoices; to all others they are as if there were none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.database.acting import Database, Person
from tests.database.invoicing import Books, Json
from tests.database.market import sqlstate

ROLES = "admin manager inventory_manager designer staff readonly buyer supplier factory".split()
MANAGING = {"owner", "admin", "manager"}


@dataclass
class House:
    """A seller with people of every role, and invoices of two buyers, one of them at another seller's."""

    books: Books
    people: dict[str, Person]
    invoices: dict[str, Json]


@pytest.fixture(scope="module")
def house(db: Database) -> House:
    books, elsewhere = Books.open(db), Books.open(db)
    home = books.owner.workspace_id
    people = {role: db.member(home, role) for role in ROLES}
    people |= {"owner": books.owner, "another buyer": db.member(home, "buyer")}
    people |= {"stranger": db.sign_up(), "owner elsewhere": elsewhere.owner}
    bought = books.order(10_000, deposit=1_000, _buyer=people["buyer"].user_id)
    assigned = books.owner.call("assign_order", order_id=bought, user_id=people["supplier"].user_id)
    assert assigned["status"] == 200
    invoices = {
        "deposit": books.issue(bought, "deposit"),
        "draft": books.create(bought, "balance", draft=True)["body"],
        "other's": books.issue(books.order(20_000, _buyer=people["another buyer"].user_id), "full"),
        "nobody's": books.issue(books.order(20_000), "proforma"),
        "elsewhere": elsewhere.issue(elsewhere.order(30_000), "full"),
    }
    return House(books, people, invoices)


@pytest.fixture(autouse=True)
def unlimited(db: Database) -> None:
    db.owner.rows("delete from private.rate_limits")


EVERYBODY = [*ROLES, "owner", "another buyer", "stranger", "owner elsewhere"]
SEEN = {role: {"deposit", "draft", "other's", "nobody's"} for role in MANAGING} | {
    "buyer": {"deposit"},
    "another buyer": {"other's"},
    "owner elsewhere": {"elsewhere"},
}


class TestReading:
    @pytest.mark.parametrize("actor", EVERYBODY)
    def test_is_of_what_is_theirs(self, house: House, actor: str) -> None:
        person, theirs = house.people[actor], SEEN.get(actor, set())
        for name, invoice in house.invoices.items():
            answer = person.call("read_invoice", invoice_id=invoice["id"])
            assert answer["status"] == (200 if name in theirs else 404), name
            document = person.call("read_invoice_document", invoice_id=invoice["id"], original=True)
            assert document["status"] == (404 if name not in theirs else 409 if name == "draft" else 200), name

    @pytest.mark.parametrize("actor", EVERYBODY)
    def test_lists_what_is_theirs(self, house: House, actor: str) -> None:
        person = house.people[actor]
        answer = person.call("list_invoices", workspace_id=house.books.owner.workspace_id)
        if actor in ("stranger", "owner elsewhere"):
            assert answer["status"] == 404
        elif actor not in SEEN:
            assert answer["status"] == 403
        else:
            wanted = {house.invoices[name]["id"] for name in SEEN[actor]}
            assert {row["id"] for row in answer["body"]} == wanted

    @pytest.mark.parametrize("actor", ["stranger", "staff", "supplier", "another buyer", "owner elsewhere"])
    def test_tells_nobody_what_there_is(self, house: House, actor: str) -> None:
        person = house.people[actor]
        for function in ("read_invoice", "issue_invoice", "void_invoice", "send_invoice"):
            unknown, real = (
                person.call(function, invoice_id=invoice) for invoice in (uuid4(), house.invoices["deposit"]["id"])
            )
            assert unknown == real
            assert real["status"] == 404

    def test_after_another_ones_page_tells_nothing(self, house: House) -> None:
        """A cursor is an invoice that one sees oneself."""
        hidden = house.invoices["other's"]["id"]
        assert house.people["buyer"].call("list_invoices", after=hidden)["body"] == []


class TestChanging:
    ACTS: ClassVar[dict[str, Json]] = {
        "issue_invoice": {},
        "void_invoice": {},
        "send_invoice": {},
        "credit_invoice": {"lines": Jsonb([]), "reason": "Returned"},
    }

    @pytest.mark.parametrize("actor", [actor for actor in EVERYBODY if actor not in MANAGING])
    @pytest.mark.parametrize("function", ACTS)
    def test_is_for_who_manages(self, house: House, actor: str, function: str) -> None:
        person = house.people[actor]
        for name, invoice in house.invoices.items():
            if name == "elsewhere" and actor == "owner elsewhere":
                continue
            answer = person.call(function, invoice_id=invoice["id"], **self.ACTS[function])
            assert answer["status"] == (403 if name in SEEN.get(actor, set()) else 404), name

    @pytest.mark.parametrize("actor", EVERYBODY)
    def test_making_them_too(self, house: House, actor: str) -> None:
        books = house.books
        order = books.order(5_000, _buyer=house.people["buyer"].user_id)
        answer = books.create(order, "full", caller=house.people[actor])
        member = actor not in ("stranger", "owner elsewhere")
        assert answer["status"] == (201 if actor in MANAGING else 403 if member else 404)
        if actor in MANAGING:
            made = answer["body"]["id"]
            credit = house.people[actor].call("credit_invoice", invoice_id=made, lines=None, reason="Returned")
            assert credit["status"] == 201
        elif member:
            action, who, _, details, _ = books.db.audit(books.owner.workspace_id)[-1]
            denied = ("access.denied", house.people[actor].user_id, {"permission": "invoices.write"})
            assert (action, who, details) == denied

    def test_denials_are_written_down(self, house: House, db: Database) -> None:
        person, invoice = house.people["stranger"], house.invoices["deposit"]["id"]
        person.call("read_invoice", invoice_id=invoice)
        person.call("void_invoice", invoice_id=invoice)
        platform = db.owner.value("select private.platform()")
        found = [
            (action, target, details) for action, who, target, details, _ in db.audit(platform) if who == person.user_id
        ]
        assert found[-2:] == [
            ("access.denied", invoice, {"permission": "invoices.read"}),
            ("access.denied", invoice, {"permission": "invoices.write"}),
        ]

    def test_settings_is_for_who_manages_the_workspace(self, house: House) -> None:
        for actor in EVERYBODY:
            person = house.people[actor]
            answer = house.books.db.service.call(
                "change_invoice_settings",
                caller=person.user_id,
                workspace_id=house.books.owner.workspace_id,
                settings={"supplies": "goods", "payment_days": 14, "vat_id": "DE136695976"},
            )
            outside = actor in ("stranger", "owner elsewhere")
            assert answer["status"] == (200 if actor == "owner" else 404 if outside else 403), actor


class TestPastTheProcedures:
    TABLES: ClassVar = ["public.invoices", "private.invoice_settings", "private.invoice_documents"]

    @pytest.mark.parametrize("table", [*TABLES, "private.number_counters"])
    def test_nobody_sees_or_writes_a_table(self, house: House, table: str) -> None:
        db = house.books.db
        for actor in (db.anon, db.service, *house.people.values()):
            assert sqlstate(actor.rows, f"select 1 from {table}") == "42501"  # noqa: S608
            assert sqlstate(actor.rows, f"delete from {table}") == "42501"  # noqa: S608

    def test_who_is_not_signed_in_calls_nothing(self, house: House) -> None:
        invoice, anon = house.invoices["deposit"]["id"], house.books.db.anon
        for function in ("read_invoice", "issue_invoice", "void_invoice", "send_invoice"):
            assert sqlstate(anon.call, function, invoice_id=invoice) == "42501"
        assert sqlstate(anon.call, "list_invoices") == "42501"

    def test_nobody_says_who_they_are(self, house: House) -> None:
        """What takes a caller is our function's alone."""
        for actor in (house.people["owner"], house.people["stranger"], house.books.db.anon):
            arguments = {"caller": house.books.owner.user_id, "order_id": uuid4(), "kind": "full"}
            assert sqlstate(actor.call, "create_invoice", **arguments, request={}, draft=False) == "42501"
            assert sqlstate(
                actor.call, "keep_invoice_document", invoice_id=uuid4(), paid_on=None, sha256="", bytes=1
            ) == ("42501")

    def test_who_signed_out_reads_nothing(self, house: House, db: Database) -> None:
        manager = db.member(house.books.owner.workspace_id, "manager")
        invoice = house.invoices["deposit"]["id"]
        assert manager.call("read_invoice", invoice_id=invoice)["status"] == 200
        db.owner.rows("delete from auth.sessions where user_id = %s", manager.user_id)
        for function in ("read_invoice", "send_invoice"):
            assert manager.call(function, invoice_id=invoice)["status"] == 401
        assert manager.call("list_invoices")["status"] == 401
