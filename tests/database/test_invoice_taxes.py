"""Which tax is on an invoice: by who sells what to whom, on which day, and in whose currency it is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest
from psycopg.types.json import Jsonb

from functions.invoice.document import Content
from shared.money import CURRENCIES, decimals
from tests.database.acting import Database, call, run
from tests.database.invoicing import SELLER, Books, Json, check_chain, check_document, half_up

VAT_IDS = {"AT": "ATU13585627", "GB": "GB123456789", "CH": "CHE123456788", "FR": "FR23334175221"}


@pytest.fixture(scope="module")
def shop(db: Database) -> Books:
    return Books.open(db)


@pytest.fixture
def books(shop: Books) -> Books:
    """As it was at first, whatever the test before made of it."""
    shop.change(**SELLER, tax_id=None)
    shop.settings()
    return shop


def standard(books: Books, country: str) -> Decimal:
    rate: Decimal = books.db.owner.value("select private.tax_rate(%s, 'standard', current_date)", country)
    return rate


class TestCategory:
    # (seller, supplies, exempt; buyer, with a VAT id) → category, code of the reason
    SALES: ClassVar = {
        ("DE", "goods", False, "DE", False): ("S", None),
        ("DE", "services", False, "DE", True): ("S", None),
        ("DE", "goods", False, "AT", False): ("S", None),
        ("DE", "services", False, "FR", False): ("S", None),
        ("DE", "goods", False, "AT", True): ("K", "VATEX-EU-IC"),
        ("DE", "services", False, "FR", True): ("AE", "VATEX-EU-AE"),
        ("DE", "goods", False, "GB", True): ("G", "VATEX-EU-G"),
        ("DE", "goods", False, "US", False): ("G", "VATEX-EU-G"),
        ("DE", "services", False, "US", False): ("O", "VATEX-EU-O"),
        ("DE", "goods", True, "DE", False): ("E", None),
        ("DE", "goods", True, "FR", True): ("E", None),
        ("GB", "goods", False, "DE", False): ("Z", None),
        ("GB", "goods", False, "GB", True): ("S", None),
        ("GB", "services", False, "DE", False): ("O", None),
        ("CH", "goods", False, "FR", True): ("Z", None),
        ("US", "goods", False, "US", False): ("O", None),
        ("US", "services", True, "DE", True): ("O", None),
        ("CN", "goods", False, "DE", False): ("O", None),
    }

    @pytest.mark.parametrize("sale", SALES, ids=str)
    @pytest.mark.parametrize("language", ["en", "de", "fr"])
    def test_follows_from_who_sells_what_to_whom(self, books: Books, sale: Any, language: str) -> None:
        (seller, supplies, exempt, country, business), (category, code) = sale, self.SALES[sale]
        books.change(country=seller)
        books.settings(supplies=supplies, exempt_reason="Kleinunternehmer, § 19 UStG" if exempt else None)
        buyer = {"name": "Buyer", "country": country} | ({"vat_id": VAT_IDS.get(country, "DE999")} if business else {})
        invoice = books.issue(
            books.order(10_000, 500), "full", buyer=buyer, language=language, tax_exchange_rate="1.25"
        )
        content = invoice["content"]
        check_document(content)
        (tax,) = content["taxes"]
        rate = standard(books, seller) if category == "S" else Decimal(0)
        assert (tax["category"], Decimal(str(tax["rate"])), tax.get("reason_code")) == (category, rate, code)
        assert content["tax_minor"] == half_up(content["net_minor"] * rate / 100)
        if exempt and category == "E":
            assert tax["reason"] == "Kleinunternehmer, § 19 UStG"
        if category == "K":
            assert content["delivered_on"]
        assert Content.model_validate(content).taxes[0].category == category

    @pytest.mark.parametrize(
        ("settings", "country", "business", "missing"),
        [
            ({"vat_id": None}, "AT", True, "VAT id of the invoice settings"),
            ({"vat_id": None, "tax_number": "215/123/12345"}, "AT", True, "VAT id of the invoice settings"),
            ({"vat_id": None, "tax_number": "215/123/12345"}, "US", False, "VAT id of the invoice settings"),
            ({"vat_id": None}, "DE", False, "VAT id or tax number"),
            ({"vat_id": None, "tax_number": "215/123/12345"}, "DE", False, None),
            ({}, "AT", True, None),
        ],
    )
    def test_asks_for_what_the_seller_must_say(
        self, books: Books, settings: Json, country: str, business: bool, missing: str | None
    ) -> None:
        books.settings(**settings)
        buyer = {"name": "Buyer", "country": country} | ({"vat_id": VAT_IDS["AT"]} if business else {})
        answer = books.create(books.order(10_000), "full", buyer=buyer)
        assert answer.get("code") == ("seller_incomplete" if missing else None)
        assert (missing or "") in answer.get("detail", "")

    @pytest.mark.parametrize("column", ["legal_name", "legal_address", "country"])
    def test_asks_for_the_sellers_name(self, books: Books, column: str) -> None:
        books.change(**{column: None})
        answer = books.create(books.order(10_000), "full")
        assert (answer["code"], column in answer["detail"]) == ("seller_incomplete", True)

    def test_asks_for_the_buyers_country(self, books: Books) -> None:
        order = books.order(10_000, _customer=Jsonb({"email": "maya@example.com", "name": "Maya"}))
        assert books.create(order, "full")["code"] == "buyer_incomplete"
        assert books.create(order, "full", buyer={"country": "DE"})["status"] == 201


class TestLines:
    def test_have_rates_of_their_own(self, books: Books) -> None:
        order = books.order(11_900, 10_700, 5_000, 300, taxes=["standard", "reduced", "zero", "standard"])
        taxes = [{"line": 4, "tax": "exempt", "reason": "§ 4 Nr. 21 UStG"}]
        content = books.issue(order, "full", line_taxes=taxes)["content"]
        check_document(content)
        found = [(tax["category"], tax["rate"], tax["net_minor"], tax["tax_minor"]) for tax in content["taxes"]]
        assert found == [("S", 19, 10_000, 1_900), ("S", 7, 10_000, 700), ("Z", 0, 5_000, 0), ("E", 0, 300, 0)]
        assert content["taxes"][3]["reason"] == "§ 4 Nr. 21 UStG"

    def test_keep_what_was_said_of_them_on_the_next_invoice(self, books: Books) -> None:
        order = books.order(10_000, deposit=5_000)
        taxes = [{"line": 1, "tax": "exempt", "reason": "§ 4 Nr. 21 UStG"}]
        books.issue(order, "deposit", line_taxes=taxes)
        (tax,) = books.issue(order, "balance")["content"]["taxes"]
        assert (tax["category"], tax["reason"]) == ("E", "§ 4 Nr. 21 UStG")

    @pytest.mark.parametrize(
        ("tax", "code"),
        [("exempt", "reason_needed"), ("super_reduced", "unknown_tax"), ("luxury", "unknown_tax"), ("zero", None)],
    )
    def test_are_refused_what_is_not_so(self, books: Books, tax: str, code: str | None) -> None:
        """Germany has no super-reduced rate."""
        answer = books.create(books.order(10_000), "full", line_taxes=[{"line": 1, "tax": tax}])
        assert (answer["status"], answer.get("code")) == (422 if code else 201, code)


class TestRates:
    @pytest.mark.parametrize(
        ("country", "category", "on", "rate"),
        [
            ("DE", "standard", "2020-06-30", 19),
            ("DE", "standard", "2020-07-01", 16),
            ("DE", "standard", "2021-01-01", 19),
            ("EE", "standard", "2025-06-30", 22),
            ("EE", "standard", "2025-07-01", 24),
            ("FI", "standard", "2026-11-21", 25.5),
            ("RO", "standard", "2025-08-01", 21),
            ("SK", "reduced", "2025-01-01", 19),
            ("JP", "zero", "2026-01-01", 0),
            ("DE", "standard", "2019-12-31", None),
            ("US", "standard", "2026-01-01", None),
            ("DK", "reduced", "2026-01-01", None),
        ],
    )
    def test_are_those_of_the_day(self, db: Database, country: str, category: str, on: str, rate: float | None) -> None:
        assert db.owner.value("select private.tax_rate(%s, %s, %s)", country, category, on) == rate

    def test_of_every_country_are_known_today_and_change_when_they_change(self, db: Database) -> None:
        without = """
            select country from private.tax_countries
            where private.tax_rate(country, 'standard', current_date) is null
              or private.tax_rate(country, 'zero', current_date) <> 0
              or private.tax_rate(country, 'reduced', current_date)
                >= private.tax_rate(country, 'standard', current_date)
        """
        repeated = """
            select * from (
              select rate, lag(rate) over (partition by country, category order by valid_from) as before
              from private.tax_rates) as r
            where rate = before
        """
        assert db.owner.rows(without) == []
        assert db.owner.rows(repeated) == []
        assert db.owner.value("select count(*) from private.tax_countries where in_eu") == 27

    def test_that_change_leave_a_deposit_at_its_own(self, books: Books) -> None:
        """What is delivered is taxed by the day's rate; what the deposit took is taken off as it was."""
        order = books.order(119_000, deposit=23_800)
        arguments: Json = {"caller": books.owner.user_id, "order_id": order, "request": {}, "draft": False}
        with books.db.owner.transaction() as connection, connection.transaction(force_rollback=True):
            deposit = call(connection, "create_invoice", kind="deposit", **arguments)["body"]["content"]
            run(connection, "insert into private.tax_rates values ('DE', 'standard', current_date - 1, 21)")
            balance = call(connection, "create_invoice", kind="balance", **arguments)["body"]
        check_document(balance["content"])
        assert (deposit["net_minor"], deposit["tax_minor"]) == (20_000, 3_800)
        found = {tax["rate"]: (tax["net_minor"], tax["tax_minor"]) for tax in balance["content"]["taxes"]}
        assert found == {21: (98_347, 20_653), 19: (-20_000, -3_800)}
        assert balance["payable"]["amount_minor"] == 95_200


class TestForeign:
    def test_decimals_are_those_of_the_standard(self, db: Database) -> None:
        rows = db.owner.rows("select c, private.currency_decimals(c) from unnest(%s::text[]) as c", sorted(CURRENCIES))
        assert dict(rows) == {currency: decimals(currency) for currency in CURRENCIES}

    @pytest.mark.parametrize(
        ("seller", "currency", "rate"),
        [("DE", "USD", "0.92"), ("DE", "JPY", "0.0061"), ("DE", "KWD", "2.9876"), ("JP", "EUR", "163.27"),
         ("JP", "KWD", "502.1"), ("PL", "EUR", "4.2512"), ("HU", "JPY", "2.51")],
    )  # fmt: skip
    def test_tax_is_told_in_the_sellers_currency(self, books: Books, seller: str, currency: str, rate: str) -> None:
        books.change(country=seller)
        buyer = {"country": seller}
        invoice = books.issue(books.order(123_450, currency=currency), "full", buyer=buyer, tax_exchange_rate=rate)
        content = invoice["content"]
        check_document(content, 10 if currency == "KWD" else 1)
        home = content["foreign_tax"]["currency"]
        whole = Decimal(content["tax_minor"]).scaleb(-decimals(currency)) * Decimal(rate)
        assert content["foreign_tax"]["tax_minor"] == half_up(whole.scaleb(decimals(home))) > 0
        assert Decimal(str(content["foreign_tax"]["rate"])) == Decimal(rate)
        note = books.credit(invoice)["body"]["content"]
        assert note["foreign_tax"] == content["foreign_tax"]

    def test_tax_is_told_by_the_rate_that_is_known(self, books: Books) -> None:
        content = books.issue(books.order(11_900, currency="USD"), "full")["content"]
        rate = books.db.owner.value("select private.exchange_rate('USD', 'EUR') ->> 'rate'")
        assert content["foreign_tax"]["tax_minor"] == half_up(1_900 * Decimal(rate))

    def test_rate_that_is_not_known_is_asked_for(self, books: Books) -> None:
        order = books.order(11_900, currency="GNF")
        assert books.create(order, "full")["code"] == "exchange_rate_needed"
        assert books.create(order, "proforma")["status"] == 201
        abroad = {"name": "Buyer", "country": "US"}  # no tax, nothing to tell
        assert "foreign_tax" not in books.issue(order, "full", buyer=abroad)["content"]

    def test_tax_is_told_once_in_ones_own(self, books: Books) -> None:
        assert "foreign_tax" not in books.issue(books.order(11_900), "full")["content"]

    def test_tax_of_credits_adds_up_to_what_was_told(self, books: Books) -> None:
        """Rounded one by one, ten credits of half a unit each would come to twice the tax."""
        order = books.order(70, currency="JPY")
        invoice = books.issue(order, "full", tax_exchange_rate="0.005")
        for _ in range(10):
            assert books.credit(invoice, [{"line": 1, "amount_minor": 7}])["status"] == 201
        check_chain(books, order)
