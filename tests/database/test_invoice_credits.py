"""A credit note gives back of an invoice what is left of it, by lines, quantities or amounts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.database.acting import Database
from tests.database.invoicing import Books, Json, check_chain

TOO_LARGE = (409, "credit_too_large")


@pytest.fixture(scope="module")
def books(db: Database) -> Books:
    return Books.open(db)


def answered(answer: Json) -> tuple[int, str | None]:
    return answer["status"], answer.get("code")


class TestLines:
    @pytest.mark.parametrize(
        ("lines", "wanted"),
        [
            ([], (422, "unknown_line")),
            ([{"line": 3}], (422, "unknown_line")),
            ([{"line": 1}, {"line": 9, "amount_minor": 1}], (422, "unknown_line")),
            ([{"line": 1, "amount_minor": 60_000}, {"line": 1, "amount_minor": 60_000}], TOO_LARGE),
            ([{"line": 1}, {"line": 1}], TOO_LARGE),
            ([{"line": 1, "amount_minor": 100_001}], TOO_LARGE),
            ([{"line": 1, "quantity": 4}], TOO_LARGE),
            ([{"line": 1, "amount_minor": 0}], TOO_LARGE),
            ([{"line": 1, "amount_minor": -1}], TOO_LARGE),
            ([{"line": 1, "quantity": -1}], TOO_LARGE),
            ([{"line": 1, "amount_minor": 100_000}], (201, None)),
            ([{"line": 1}], (201, None)),
            ([{"line": 2}, {"line": 1, "quantity": 1.5}], (201, None)),
        ],
        ids=str,
    )
    def test_are_the_invoices_own_and_no_more(self, books: Books, lines: list[Json], wanted: Any) -> None:
        order = books.order(100_000, 50_000)
        invoice = books.issue(order, "full")
        assert answered(books.credit(invoice, lines)) == wanted
        check_chain(books, order)

    def test_come_by_quantities_to_all_of_it(self, books: Books) -> None:
        """Thirds of 100.01 are 33.34, 33.34 and what is left."""
        order = books.order(10_001, 10_000)
        invoice = books.issue(order, "full")
        found = []
        for _ in range(3):
            note = books.credit(invoice, [{"line": 1, "quantity": 1}, {"line": 2, "quantity": 1}])
            assert note["status"] == 201, note
            found.append([line["gross_minor"] for line in note["body"]["content"]["lines"]])
            check_chain(books, order)
        assert [sum(line) for line in zip(*found, strict=True)] == [10_001, 10_000]
        assert answered(books.credit(invoice, [{"line": 1, "quantity": 1}])) == TOO_LARGE

    def test_say_how_many_come_back(self, books: Books) -> None:
        order = books.order(30_000, 5_000)
        invoice = books.issue(order, "full")
        note = books.credit(invoice, [{"line": 1, "quantity": 2}])["body"]["content"]
        assert [(line["quantity"], line["gross_minor"], line["of"]) for line in note["lines"]] == [("2", 20_000, 1)]
        note = books.credit(invoice)["body"]["content"]
        assert [(line.get("quantity"), line["gross_minor"], line["of"]) for line in note["lines"]] == [
            ("1", 10_000, 1),
            ("3", 5_000, 2),
        ]

    def test_of_a_discount_go_with_what_it_was_for(self, books: Books) -> None:
        order = books.order(10_000, -2_000)
        invoice = books.issue(order, "full")
        assert answered(books.credit(invoice, [{"line": 2}])) == TOO_LARGE
        assert answered(books.credit(invoice, [{"line": 1}])) == TOO_LARGE
        assert answered(books.credit(invoice, [{"line": 1}, {"line": 2}])) == (201, None)
        check_chain(books, order)


class TestWhole:
    def test_is_the_invoice_over_again(self, books: Books) -> None:
        order = books.order(33_333, 777, 1, taxes=["standard", "reduced", "zero"])
        invoice = books.issue(order, "full")
        note = books.credit(invoice)["body"]
        sums = ("net_minor", "tax_minor", "total_minor", "rounding_minor", "payable_minor", "taxes")
        assert {name: note["content"][name] for name in sums} == {name: invoice["content"][name] for name in sums}
        assert note["content"]["credits"] == {"number": invoice["number"], "issued_on": invoice["issued_on"]}
        assert (note["number"].partition("-")[0], note["due_on"], note["content"]["reason"]) == ("CN", None, "Returned")

    @pytest.mark.parametrize("parts", [[3] * 7, [1] * 20, [2, 5, 2, 5]], ids=str)
    def test_is_what_is_left_after_parts_that_round_badly(self, books: Books, parts: list[int]) -> None:
        """Taxed one by one, the parts come to more tax than there was: each takes at most what is left of it."""
        order = books.order(40, 3, taxes=["standard", "reduced"])
        invoice = books.issue(order, "full")
        for part in parts:
            assert answered(books.credit(invoice, [{"line": 1, "amount_minor": part}])) == (201, None)
            check_chain(books, order)
        assert answered(books.credit(invoice)) == (201, None)
        assert books.read(invoice)["credited"]["amount_minor"] == 43
        check_chain(books, order)

    def test_of_a_final_invoice_of_nothing_frees_its_deposit(self, books: Books) -> None:
        order = books.order(50_000, deposit=50_000)
        deposit, final = books.issue(order, "deposit"), books.issue(order, "balance")
        assert answered(books.credit(deposit)) == (409, "deducted_already")
        assert answered(books.credit(final)) == (201, None)
        assert answered(books.credit(final)) == TOO_LARGE
        assert books.read(final)["status"] == "credited"
        assert answered(books.credit(deposit)) == (201, None)
        assert books.issue(order, "full")["payable"]["amount_minor"] == 50_000
        check_chain(books, order)

    @pytest.mark.parametrize("reason", ["", " ", "a\nb", "x" * 201, None])
    def test_says_why(self, books: Books, reason: str | None) -> None:
        invoice = books.issue(books.order(100), "full")
        answer = books.owner.call("credit_invoice", invoice_id=invoice["id"], lines=None, reason=reason)
        assert answered(answer) == (422, "invalid_reason")

    def test_keeps_the_words_of_the_day(self, books: Books) -> None:
        """Whatever seller and buyer are called by now."""
        invoice = books.issue(books.order(100), "full", language="de")
        books.change(legal_name="Atelier Süd GmbH")
        note = books.credit(invoice)["body"]["content"]
        books.change(legal_name="Atelier Nord GmbH")
        assert [note[name] for name in ("seller", "buyer", "language")] == [
            invoice["content"][name] for name in ("seller", "buyer", "language")
        ]
