"""Whatever is done with an order's invoices, in whatever order, they stay a chain that adds up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.database.acting import Database
from tests.database.invoicing import Books, check_chain, check_numbers
from tests.database.market import sqlstate

ACTS = [
    *["deposit", "balance", "full", "proforma", "draft", "issue draft", "void"],
    *["credit part", "credit units", "credit deposit", "pay", "pay", "refund", "other rates", "cancel"],
]
RATE: dict[str, Any] = {"tax_exchange_rate": "3.1"}
EXEMPT = {**RATE, "line_taxes": [{"line": 1, "tax": "exempt", "reason": "Teaching"}]}
ABROAD = {**RATE, "buyer": {"name": "Buyer SARL", "country": "FR", "vat_id": "FR23334175221"}}
SAID = [*[RATE] * 8, EXEMPT, ABROAD]
amounts = st.lists(st.integers(-50, 100_000), min_size=1, max_size=4).filter(lambda lines: sum(lines) > 0)
taxes = st.lists(st.sampled_from(["standard", "reduced", "zero"]), min_size=4, max_size=4)
steps = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(1, 100), st.integers(0, 9)), max_size=16)


@pytest.fixture(scope="module")
def books(db: Database) -> Books:
    return Books.open(db)


def act(books: Books, order: UUID, total: int, what: str, percent: int, which: int) -> Any:
    """One thing that somebody does; refusals are answers too."""
    rows = books.of(order)
    drafts = [row for row in rows if row["status"] == "draft"]
    invoices = [row for row in rows if row["status"] == "issued" and row["kind"] in ("deposit", "balance", "full")]
    if what in ("deposit", "balance", "full", "proforma"):
        return books.create(order, what, **SAID[which])
    if what == "draft":
        return books.create(order, ["deposit", "balance", "full"][which % 3], draft=True, **SAID[which])
    if what in ("issue draft", "void") and drafts:
        draft = drafts[which % len(drafts)]
        return books.owner.call("issue_invoice" if what == "issue draft" else "void_invoice", invoice_id=draft["id"])
    if what.startswith("credit") and invoices:
        invoice = invoices[0 if what == "credit deposit" else which % len(invoices)]
        lines = invoice["content"]["lines"]
        line = lines[percent % len(lines)]
        some = (
            {"amount_minor": line["gross_minor"] * percent // 100} if what == "credit part" else {"quantity": which % 4}
        )
        return books.credit(invoice, None if which > 7 else [{"line": line["position"], **some}])
    if what in ("pay", "refund"):
        received = total * percent // 100
        refunded = received * which // 9 if what == "refund" else 0
        return sqlstate(books.pay, order, received, refunded)
    if what == "other rates":
        return books.change(country="AT" if which % 2 else "DE")
    if what == "cancel" and percent < 20:
        return books.move(order, "cancelled")
    return None


@settings(max_examples=100, deadline=None)
@given(amounts=amounts, taxes=taxes, percent=st.integers(0, 100), steps=steps, currency=st.sampled_from(["EUR", "KWD"]))
def test_after_each_of_many_steps_the_chain_adds_up(
    books: Books, amounts: list[int], taxes: list[str], percent: int, steps: list[Any], currency: str
) -> None:
    total = sum(amounts)
    books.change(country="DE")
    order = books.order(*amounts, deposit=total * percent // 100, taxes=taxes[: len(amounts)], currency=currency)
    for what, share, which in steps:
        answer = act(books, order, total, what, share, which)
        if isinstance(answer, dict):
            assert answer["status"] in (200, 201, 409, 422), (what, answer)
        check_chain(books, order, 10 if currency == "KWD" else 1)
    for row in reversed(books.of(order)):  # and all of it can be taken back
        if books.read(row)["status"] in ("issued", "paid", "overdue") and row["kind"] in ("deposit", "balance", "full"):
            assert books.credit(row)["status"] == 201
            check_chain(books, order, 10 if currency == "KWD" else 1)
    check_numbers(books)
