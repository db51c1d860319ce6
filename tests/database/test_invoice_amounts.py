"""Invoices are right to the unit: by EN 16931's rounding for any lines, rates and currencies, and as a chain."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.database.acting import Database
from tests.database.invoicing import Books, check_document

ROUNDS = settings(max_examples=60, deadline=None)
RATES = ["standard", "reduced", "zero"]
amounts = st.lists(st.integers(1, 5_000_000), min_size=1, max_size=12)
taxes = st.lists(st.sampled_from(RATES), min_size=12, max_size=12)
currencies = st.sampled_from(["EUR", "JPY", "KWD", "USD"])


@pytest.fixture(scope="module")
def books(db: Database) -> Books:
    return Books.open(db)


def step(currency: str) -> int:
    return 10 if currency == "KWD" else 1


def rate(currency: str) -> dict[str, Any]:
    return {} if currency in ("EUR", "USD") else {"tax_exchange_rate": "0.0061"}


@ROUNDS
@given(amounts=amounts, taxes=taxes, currency=currencies)
def test_an_invoice_in_full_adds_up_by_the_standard(
    books: Books, amounts: list[int], taxes: list[str], currency: str
) -> None:
    order = books.order(*amounts, currency=currency, taxes=taxes[: len(amounts)])
    invoice = books.issue(order, "full", **rate(currency))
    content = invoice["content"]
    check_document(content, step(currency))
    assert content["payable_minor"] == sum(amounts)
    # At most what a rate's own steps leave out, for each rate.
    assert abs(content["rounding_minor"]) <= step(currency) * len(content["taxes"])
    for line, amount in zip(content["lines"], amounts, strict=True):
        exact = amount / (1 + Decimal(str(line["rate"])) / 100)
        assert abs(line["net_minor"] - exact) <= 2 * step(currency)


@ROUNDS
@given(
    amounts=amounts,
    taxes=taxes,
    currency=currencies,
    percent=st.integers(1, 100),
    shares=st.lists(st.integers(1, 100), max_size=4),
    later=st.booleans(),
)
def test_deposit_balance_and_credits_are_one_chain(
    books: Books, amounts: list[int], taxes: list[str], currency: str, percent: int, shares: list[int], later: bool
) -> None:
    total = sum(amounts)
    wanted = max(1, total * percent // 100)
    order = books.order(*amounts, deposit=wanted, currency=currency, taxes=taxes[: len(amounts)])
    deposit = books.issue(order, "deposit", **rate(currency))
    check_document(deposit["content"], step(currency))
    credited = 0
    if later and deposit["payable"]["amount_minor"] > 1:
        part = books.credit(deposit, [{"line": 1, "amount_minor": 1}])
        assert part["status"] == 201, part
        check_document(part["body"]["content"], step(currency))
        credited = 1
    balance = books.issue(order, "balance")
    check_document(balance["content"], step(currency))
    left = deposit["payable"]["amount_minor"] - credited
    assert balance["payable"]["amount_minor"] + left == total

    # Tax by tax: what the deposit took of each rate is taken off on the final one.
    taken: dict[Any, int] = {}
    for document, sign in [(deposit, 1)] + ([(part, -1)] if credited else []):
        for tax in (document.get("body") or document)["content"]["taxes"]:
            key = tax["category"], str(tax["rate"])
            taken[key] = taken.get(key, 0) + sign * tax["net_minor"]
    deducted = [line for line in balance["content"]["lines"] if "deducts" in line]
    told = {(line["category"], str(line["rate"])): -line["net_minor"] for line in deducted if line["net_minor"]}
    assert told == {key: net for key, net in taken.items() if net}

    # Credits in any parts: of each document no more than it was, of each rate, of its tax, of the whole.
    payable = balance["payable"]["amount_minor"]
    notes = []
    for place, share in enumerate(shares):
        line = balance["content"]["lines"][place % len(amounts)]
        note = books.credit(
            balance, [{"line": line["position"], "amount_minor": max(1, line["gross_minor"] * share // 100)}]
        )
        assert note["status"] in (201, 409), note
        if note["status"] == 201:
            notes.append(note["body"])
    if not notes or sum(note["payable"]["amount_minor"] for note in notes) < payable:
        rest = books.credit(balance)
        assert rest["status"] == 201, rest
        notes.append(rest["body"])
        assert sum(note["payable"]["amount_minor"] for note in notes) == payable
    sums: dict[Any, list[int]] = {}
    for note in notes:
        check_document(note["content"], step(currency))
        for tax in note["content"]["taxes"]:
            seen = sums.setdefault((tax["category"], str(tax["rate"])), [0, 0])
            seen[0] += tax["net_minor"]
            seen[1] += tax["tax_minor"]
    for tax in balance["content"]["taxes"]:
        net, of_tax = sums.get((tax["category"], str(tax["rate"])), [0, 0])
        assert abs(net) <= abs(tax["net_minor"])
        assert abs(of_tax) <= abs(tax["tax_minor"])
    assert books.credit(balance)["status"] == 409
