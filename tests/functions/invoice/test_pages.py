"""What stands on an invoice's pages."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest

from functions.invoice.document import Content, ForeignTax, Party, Reference
from functions.invoice.rendering import render
from tests.functions.invoice.making import BREWERY, DAY, STUDIO, content, line
from tests.functions.invoice.reading import figure, pages, text
from tests.functions.invoice.studios import GARMENTS, goods


def read(made: Content, paid_on: date | None = None) -> str:
    return text(render(made, logo=None, paid_on=paid_on))


def test_everything_an_invoice_must_say_is_there() -> None:
    found = read(content([line("Hoodie", 238_000, quantity="100"), line("Book", 10_700, "7", quantity=None)]))
    for said in (
        *("Invoice 2026-00042", "21 November 2026", "18 November 2026", "5 December 2026", "O-2026-01007"),
        *("Atelier Nordlicht GmbH", "Venloer Straße 241", "50823 Köln", "DE123456789", "217/5901/1234"),
        *("Brauhaus am Fluss AG", "Attn. Jana Fuchs", "Hafenallee 12", "20457 Hamburg", "DE987654321"),
        *("100 pcs 20.00 19% 2,000.00", "Book 7% 100.00", "19% 2,000.00 380.00", "7% 100.00 7.00"),
        *("Net total 2,100.00", "VAT 387.00", "Total 2,487.00", "Amount due EUR 2,487.00"),
        *("DE89 3704 0044 0532 0130 00", "COBADEFFXXX", "Scan to pay", "HRB 12345, Amtsgericht Köln", "1 / 1"),
    ):
        assert said in found.replace("\n", " "), said
    assert "Rounding" not in found


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Invoice", "1,000.00", "19%", "21 November 2026", "Amount due", "EUR 1,190.00", "FRANCE")),
        ("de", ("Rechnung", "1.000,00", "19 %", "21. November 2026", "Zu zahlen", "1.190,00 EUR", "FRANKREICH")),
        (
            "fr",
            ("Facture", "1\u202f000,00", "19\u202f%", "21 novembre 2026", "Net à payer", "1\u202f190,00 EUR", "HT EUR"),
        ),
    ],
)
def test_each_language_writes_in_its_own_way(language: str, said: tuple[str, ...]) -> None:
    abroad = BREWERY.model_copy(update={"country": "FR"})
    found = read(content([line("Hoodie", 119_000)], language=language, buyer=abroad))
    for each in said:
        assert each in found, each


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        ("deposit", ("Deposit invoice", "Anzahlungsrechnung", "Facture d’acompte")),
        ("balance", ("Final invoice", "Schlussrechnung", "Facture de solde")),
        ("full", ("Invoice", "Rechnung", "Facture")),
        ("proforma", ("Pro forma invoice", "Proforma-Rechnung", "Facture pro forma")),
        ("credit_note", ("Credit note", "Rechnungskorrektur", "Facture d’avoir")),
    ],
)
def test_each_kind_has_its_title(kind: str, titles: tuple[str, str, str]) -> None:
    for language, title in zip(("en", "de", "fr"), titles, strict=True):
        assert f"{title} 2026-00042" in read(content([line("Hoodie", 119_000)], kind=kind, language=language))


def test_a_pro_forma_says_that_it_is_no_tax_invoice() -> None:
    assert "This is not a tax invoice." in read(content([line("Hoodie", 119_000)], kind="proforma"))


def test_amounts_are_carried_over_from_page_to_page() -> None:
    """At each page's foot, and at the next one's head, stands what the lines so far add up to."""
    made = content(goods(200), language="de")
    found = pages(render(made, logo=None, paid_on=None))
    assert len(found) > 6
    sums = [0]
    for each in made.lines:
        sums.append(sums[-1] + each.net_minor)
    names = "|".join(name.split()[0] for name, *_ in GARMENTS)
    before = Decimal(0)
    for at, page in enumerate(found):
        carried = [figure(amount) for amount in re.findall(r"Übertrag ([\d.,]+)", page)]
        positions = [int(number) for number in re.findall(rf"(?m)^(\d+) (?:{names})", page)]
        goes_on = "Zu zahlen" not in page
        after = Decimal(sums[max(positions)]) / 100 if positions else None
        if positions:
            assert carried == [*([before] if at else []), *([after] if goes_on else [])], f"page {at + 1}"
            assert after is not None
            before = after
        else:
            assert carried == []
    assert before == Decimal(made.net_minor) / 100
    assert f"{len(found)} / {len(found)}" in found[-1]


def test_two_hundred_lines_are_all_there() -> None:
    made = content(goods(200))
    found = read(made)
    for each in made.lines:
        assert f"{Decimal(each.net_minor) / 100:,.2f}" in found
    assert f"Amount due EUR {Decimal(made.payable_minor) / 100:,.2f}" in found


def test_a_balance_names_what_it_takes_off() -> None:
    earlier = Reference(number="2026-00007", issued_on=date(2026, 9, 3))
    lines = [line("Hoodie", 119_000), line("Less deposit", -35_700, quantity=None, unit=None, deducts=earlier)]
    found = read(content(lines, kind="balance"))
    assert "Settles in part: invoice 2026-00007 of 3 September 2026." in found
    assert "Less deposit" in found
    assert "−300.00" in found
    assert "Amount due EUR 833.00" in found


def test_a_credit_note_names_invoice_and_reason_and_asks_for_nothing() -> None:
    earlier = Reference(number="2026-00007", issued_on=date(2026, 9, 3))
    found = read(content([line("Hoodie", 11_900)], kind="credit_note", credits=earlier, reason="Torn seams."))
    assert "Corrects invoice 2026-00007 of 3 September 2026." in found
    assert "Reason: Torn seams." in found
    assert "Amount credited EUR 119.00" in found
    assert "Please pay" not in found
    assert "Scan to pay" not in found


def test_rounding_and_the_tax_in_another_currency_are_said_where_there_are_some() -> None:
    made = content([line("Hoodie", 1005, "19")], currency="USD")
    assert made.rounding_minor != 0
    made.foreign_tax = ForeignTax(currency="EUR", rate=Decimal("0.8641"), tax_minor=7_005)
    found = read(made)
    assert "Rounding" in found
    assert "Tax in EUR" in found
    assert "at 0.8641 EUR for 1 USD" in found
    assert "70.05" in found


@pytest.mark.parametrize(
    ("category", "said"),
    [
        ("AE", "Reverse charge: the recipient"),
        ("K", "Intra-community supply"),
        ("G", "Export,"),
        ("O", "Outside the scope"),
    ],
)
def test_why_there_is_no_tax_is_said(category: str, said: str) -> None:
    assert said in read(content([line("Work", 10_000, "0", category=category)]))


@pytest.mark.parametrize(
    ("currency", "minor", "said"), [("JPY", 1_234_567, "JPY 1,234,567"), ("KWD", 1_234_567, "KWD 1,234.567")]
)
def test_currencies_keep_their_own_decimals(currency: str, minor: int, said: str) -> None:
    assert f"Amount due {said}" in read(content([line("Arch", minor, "0", category="G")], currency=currency))


def test_the_paid_copy_is_stamped_and_asks_no_bank_app_again() -> None:
    made = content([line("Hoodie", 119_000)], language="fr")
    found = read(made, paid_on=date(2026, 12, 3))
    assert "Payé le 3 décembre 2026" in found
    assert "Net à payer 1\u202f190,00 EUR" in found
    assert "Scanner pour payer" not in found
    assert "Payé" not in read(made)


def test_names_of_other_scripts_can_be_read() -> None:
    import io

    from pypdf import PdfReader

    buyer = Party(
        name="上海云朵派对策划有限公司", address="Ναύπλιον\nУлица Ленина 5\nליבנה 7", city="دبي", country="CN"
    )
    made = content([line("Organic arch", 10_000), line("بالونات", 10_000), line("기업 풍선", 10_000)], buyer=buyer)
    pdf = render(made, logo=None, paid_on=None)
    found = text(pdf)
    for name in ("上海云朵派对策划有限公司", "Ναύπλιον", "Улица Ленина 5", "ליבנה", "بالونات", "기업 풍선"):
        assert name in found, name
    assert "بالونات" in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


def test_whoever_sells_elsewhere_than_under_vat_says_tax() -> None:
    seller = STUDIO.model_copy(update={"country": "JP", "vat_id": None})
    found = read(content([line("Arch", 110_000, "10")], currency="JPY", seller=seller))
    assert "Tax summary" in found
    assert "VAT" not in found.replace("VAT ID", "")


def test_nothing_due_asks_for_nothing() -> None:
    earlier = Reference(number="2026-00007", issued_on=DAY)
    lines = [line("Hoodie", 119_000), line("Deposit", -119_000, quantity=None, unit=None, deducts=earlier)]
    found = read(content(lines, kind="balance"))
    assert "Nothing is due." in found
    assert "Scan to pay" not in found
