"""What the e-invoice says, where the standard leaves a choice or other invoices would break it."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from lxml import etree

from functions.invoice import units
from functions.invoice.document import Content, ForeignTax, Party
from functions.invoice.einvoice import to_xml, unit_price
from functions.invoice.expressing import NotExpressible
from tests.functions.invoice.making import BREWERY, STUDIO, any_content, content, line
from tests.functions.invoice.test_einvoice_rules import NAMES, SETTLEMENT, SUMS
from tests.functions.invoice.validating import broken_rules

ROOT = Path(__file__).resolve().parents[3]


def found(made: Content, path: str) -> list[str]:
    """The texts at a path."""
    return [str(each) for each in etree.fromstring(to_xml(made)).xpath(f"{path}/text()", namespaces=NAMES)]


def one(**fields: Any) -> Content:
    return content([line("Hoodie", 119_000, quantity="100")], **fields)


@pytest.mark.parametrize(
    ("kind", "code"), [("deposit", "386"), ("balance", "380"), ("full", "380"), ("credit_note", "381")]
)
def test_each_kind_has_its_code(kind: str, code: str) -> None:
    assert found(one(kind=kind), "//rsm:ExchangedDocument/ram:TypeCode") == [code]


def test_quantity_times_price_is_the_net_of_every_line_exactly() -> None:
    for seed in range(60):
        made = any_content(Random(seed))
        root = etree.fromstring(to_xml(made))
        for item in root.iterfind(".//ram:IncludedSupplyChainTradeLineItem", NAMES):
            price, net, quantity = (
                Decimal(item.findtext(f".//ram:{name}", namespaces=NAMES))
                for name in ("NetPriceProductTradePrice/ram:ChargeAmount", "LineTotalAmount", "BilledQuantity")
            )
            each = Decimal(item.findtext(".//ram:BasisQuantity", "1", NAMES))
            assert price >= 0
            assert quantity * price == net * each  # as quotients, without rounding either


def test_a_price_of_more_than_four_decimals_is_told_for_the_whole_quantity() -> None:
    assert unit_price(Decimal("100.00"), Decimal(8)) == (Decimal("12.50"), Decimal(1))
    assert str(unit_price(Decimal("100.00"), Decimal(8))[0]) == "12.50"
    assert unit_price(Decimal("1.0001"), Decimal(1)) == (Decimal("1.0001"), Decimal(1))
    assert unit_price(Decimal("-100.00"), Decimal(3)) == (Decimal("100.00"), Decimal(3))


@pytest.mark.parametrize(
    ("unit", "code"), [("pcs", "H87"), ("kg", "KGM"), ("h", "HUR"), ("M2", "MTK"), ("skein", "C62"), (None, "C62")]
)
def test_units_have_the_codes_of_recommendation_20(unit: str | None, code: str) -> None:
    assert units.code(unit) == code
    made = content([line("Yarn", 119_000, unit=unit)])
    assert etree.fromstring(to_xml(made)).xpath("//ram:BilledQuantity/@unitCode", namespaces=NAMES) == [code]


def test_how_to_pay_is_said() -> None:
    means = f"{SETTLEMENT}/ram:SpecifiedTradeSettlementPaymentMeans"
    made = one(seller=STUDIO.model_copy(update={"iban": "DE89 3704 0044 0532 0130 00"}))
    assert found(made, f"{means}/ram:TypeCode") == ["58"]
    assert found(made, f"{means}//ram:IBANID") == ["DE89370400440532013000"]
    assert found(made, f"{means}//ram:BICID") == ["COBADEFFXXX"]
    assert found(made, f"{SETTLEMENT}/ram:PaymentReference") == ["2026-00042"]
    assert found(made, f"{SETTLEMENT}//ram:DueDateDateTime/udt:DateTimeString") == ["20261205"]
    assert "EUR 1,190.00" in found(made, f"{SETTLEMENT}/ram:SpecifiedTradePaymentTerms/ram:Description")[0]
    assert found(one(currency="USD"), f"{means}/ram:TypeCode") == ["30"]
    assert found(one(kind="credit_note"), means) == []


def test_an_order_and_both_addresses_are_named() -> None:
    made = one(buyer=BREWERY.model_copy(update={"address": "Halle 3\nTor 4\nRampe 5\nHinterhof"}))
    assert found(made, "//ram:BuyerReference") == ["O-2026-01007"]
    assert found(made, "//ram:BuyerOrderReferencedDocument/ram:IssuerAssignedID") == ["O-2026-01007"]
    assert found(made, "//ram:SellerOrderReferencedDocument/ram:IssuerAssignedID") == ["O-2026-01007"]
    buyer = "//ram:BuyerTradeParty"
    assert found(made, f"{buyer}//ram:LineThree") == ["Rampe 5, Hinterhof"]
    assert found(made, f"{buyer}/ram:URIUniversalCommunication/ram:URIID[@schemeID='EM']") == [BREWERY.email]


def test_the_tax_in_another_currency_has_that_currency() -> None:
    made = one(currency="USD")
    made.foreign_tax = ForeignTax(currency="EUR", rate=Decimal("0.86"), tax_minor=16_340)
    assert found(made, f"{SETTLEMENT}/ram:TaxCurrencyCode") == ["EUR"]
    assert found(made, f"{SUMS}/ram:TaxTotalAmount[@currencyID='EUR']") == ["163.40"]
    assert found(made, f"{SUMS}/ram:TaxTotalAmount[@currencyID='USD']") == ["190.00"]


def test_rounding_is_said_where_there_is_some() -> None:
    made = content([line("Hoodie", 1005, "19")])
    assert found(made, f"{SUMS}/ram:RoundingAmount") == ["-0.01"]
    assert found(made, f"{SUMS}/ram:GrandTotalAmount") == ["10.06"]
    assert found(made, f"{SUMS}/ram:DuePayableAmount") == ["10.05"]
    assert found(one(), f"{SUMS}/ram:RoundingAmount") == []


@pytest.mark.parametrize(
    ("reason", "category", "fields"),
    [
        ("pro forma", "S", {"kind": "proforma"}),
        ("no number", "O", {"seller": {"vat_id": None, "registration": None, "tax_number": None}}),
        ("no tax number", "S", {"seller": {"vat_id": None, "tax_number": None}}),
        ("VAT id", "AE", {"buyer": {"vat_id": None}}),
        ("VAT id", "K", {"seller": {"vat_id": None}}),
        ("VAT id", "AE", {"buyer": {"vat_id": "51824753556"}}),
        ("day of delivery", "K", {"delivered_on": None}),
        ("ISO 3166", "S", {"buyer": {"country": "ZZ"}}),
    ],
)
def test_what_would_break_a_rule_is_not_written(reason: str, category: str, fields: dict[str, Any]) -> None:
    parties: dict[str, Party] = {"seller": STUDIO, "buyer": BREWERY}
    given: dict[str, Any] = {
        name: parties[name].model_copy(update=value) if name in parties else value for name, value in fields.items()
    }
    rate = "19" if category == "S" else "0"
    with pytest.raises(NotExpressible, match=reason):
        to_xml(content([line("Hoodie", 119_000, rate, category=category)], **given))


@pytest.mark.parametrize("untaxed", [False, True])
@pytest.mark.parametrize(
    "numbers",
    [
        {"vat_id": "51824753556", "registration": None, "tax_number": None},
        {"vat_id": None, "registration": None},
        {"vat_id": " de 123 456 789", "tax_number": None},
        {"vat_id": "EL123456789"},
        {"vat_id": "CHE-123.456.789 MWST", "country": "CH"},
    ],
)
def test_any_number_of_a_seller_makes_a_valid_invoice(numbers: dict[str, Any], untaxed: bool) -> None:
    lines = [line("Work", 119_000, "0" if untaxed else "19", category="O" if untaxed else "S")]
    made = content(lines, seller=STUDIO.model_copy(update=numbers), buyer=BREWERY.model_copy(update=numbers))
    assert broken_rules(to_xml(made)) == []


def test_every_unit_has_a_code_of_the_list() -> None:
    made = content([line("Yarn", 119_000, unit=unit) for unit in units.CODES])
    assert broken_rules(to_xml(made)) == []


def test_amounts_of_three_decimals_are_written_where_two_say_it_all() -> None:
    free: dict[str, Any] = {"currency": "KWD"}
    assert found(content([line("Arch", 1_230, "0", category="G")], **free), f"{SUMS}/ram:DuePayableAmount") == ["1.23"]
    with pytest.raises(NotExpressible, match="two decimals"):
        to_xml(content([line("Arch", 1_234, "0", category="G")], **free))


def test_importing_loads_nothing_that_typesets() -> None:
    program = "import sys, functions.invoice.rendering; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"typst", "drafthorse", "lxml", "PIL", "segno", "babel", "fontTools", "pypdf"}
    assert not heavy & set(run.stdout.split())
