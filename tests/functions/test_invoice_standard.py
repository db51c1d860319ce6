"""What the database composes keeps every rule of the European standard, and fits the page it is set on."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from functions.invoice.document import Content
from functions.invoice.einvoice import to_xml
from functions.invoice.rendering import render
from tests.database.acting import Database
from tests.database.invoicing import Books
from tests.functions.invoice.validating import broken_rules

Json = dict[str, Any]
RATES = {"tax_exchange_rate": "0.0061"}
LYON = {"name": "Atelier Sud SARL", "country": "FR", "vat_id": "FR83404833048", "city": "Lyon", "postcode": "69002"}
NEW_YORK = {"name": "Balloons & Co.", "country": "US", "email": "b@example.com"}


def keeps_the_rules(document: Json) -> Content:
    content = Content.model_validate(document["content"])
    assert broken_rules(to_xml(content)) == []
    assert render(content, logo=None, paid_on=None).startswith(b"%PDF")
    return content


@pytest.fixture
def database(stack: Any) -> Any:
    people = Database(stack.database_url, stack.postgres.url())
    yield people
    people.close()


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_a_chain_at_home_at_several_rates(database: Database, currency: str, language: str) -> None:
    books = Books.open(database)
    amounts, taxes = [123_450, 99_990, 10, 40_000], ["standard", "reduced", "zero", "exempt"]
    line_taxes = [{"line": 4, "tax": "exempt", "reason": "Article 132 (1) i"}]
    order = books.order(*amounts, deposit=80_000, currency=currency, taxes=taxes)
    said = {**RATES, "language": language, "line_taxes": line_taxes, "notes": ["Thank you."]}
    deposit = books.issue(order, "deposit", **said)
    balance = books.issue(order, "balance")
    notes = [books.credit(balance, [{"line": 1, "amount_minor": 990}])["body"], books.credit(balance)["body"]]
    for document in (deposit, balance, *notes):
        content = keeps_the_rules(document)
        assert content.language == language
    assert books.create(order, "proforma")["status"] == 201


@pytest.mark.parametrize(
    ("settings", "buyer", "category"),
    [
        ({}, LYON, "K"),
        ({"supplies": "services"}, LYON, "AE"),
        ({}, NEW_YORK, "G"),
        ({"supplies": "services"}, NEW_YORK, "O"),
        ({"exempt_reason": "Kleinunternehmer, § 19 UStG"}, LYON, "E"),
    ],
)
def test_a_chain_without_tax(database: Database, settings: Json, buyer: Json, category: str) -> None:
    books = Books.open(database, settings=settings)
    order = books.order(123_450, 99_990, deposit=33_333)
    for document in (
        books.issue(order, "deposit", buyer=buyer),
        books.issue(order, "balance"),
    ):
        content = keeps_the_rules(document)
        assert [(tax.category, tax.tax_minor) for tax in content.taxes] == [(category, 0)]
        assert content.buyer.name == buyer["name"]
    keeps_the_rules(books.credit(document)["body"])


@pytest.mark.parametrize("country", ["GB", "CH", "JP", "BD", "US"])
def test_sellers_elsewhere(database: Database, country: str) -> None:
    books = Books.open(database, {"country": country, "tax_id": "12-345678"}, {"vat_id": None})
    for buyer in ({"country": country}, NEW_YORK, {**LYON}):
        keeps_the_rules(books.issue(books.order(123_450), "full", buyer=buyer, **RATES))


def test_discounts_and_what_is_not_counted(database: Database) -> None:
    books = Books.open(database)
    lines = [
        {"kind": "item", "description": "Hoodie", "quantity": "7", "unit": "pcs", "amount_minor": 100_000},
        {"kind": "item", "description": "From 5 pieces", "quantity": "7", "unit": "pcs", "amount_minor": -14_001},
        {"kind": "fee", "description": "Screens", "amount_minor": 9_000},
        {"kind": "fee", "description": "Nothing", "amount_minor": 0},
    ]
    order = books.order(94_999, deposit=30_000, _lines=Jsonb(lines))
    for document in (books.issue(order, "deposit"), balance := books.issue(order, "balance")):
        keeps_the_rules(document)
    keeps_the_rules(books.credit(balance)["body"])
