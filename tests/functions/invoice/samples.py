"""`python -m tests.functions.invoice.samples`: typesets what docs/samples shows, as PDF and as pictures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from functions.invoice.document import ForeignTax, Party, QuoteContent, QuoteLine, Reference, Stage
from functions.invoice.rendering import render, render_quote
from tests.functions.invoice.making import BREWERY, DAY, STUDIO, content, line
from tests.functions.invoice.reading import pictures
from tests.functions.invoice.studios import BALLOONS, GALWAY, KLEIDUNG, KYOTO, PARIS, PRINTER, TOKYO, goods, logo

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "samples"


def one_page() -> bytes:
    """An English invoice with a logo, two rates and a day of delivery."""
    made = content(
        goods(6, rates="23 13.5"),
        seller=PRINTER,
        buyer=GALWAY,
        number="INV-2026-00042",
        colour="#0f766e",
        notes=["Thank you for your order."],
    )
    return render(made, logo=logo("#0f766e"), paid_on=None)


def german() -> bytes:
    """A German invoice."""
    made = content(
        goods(4, 3, named=KLEIDUNG),
        language="de",
        colour="#b4432f",
        number="INV-2026-00043",
        notes=["Vielen Dank für Ihren Auftrag."],
    )
    return render(made, logo=logo("#b4432f"), paid_on=None)


def paid() -> bytes:
    """The paid copy of an English invoice."""
    made = content(
        goods(6, rates="23 13.5"),
        seller=PRINTER,
        buyer=GALWAY,
        number="INV-2026-00042",
        colour="#0f766e",
        notes=["Thank you for your order."],
    )
    return render(made, logo=logo("#0f766e"), paid_on=date(2026, 12, 3))


def long() -> bytes:
    """Many pages."""
    return render(content(goods(54, named=KLEIDUNG), language="de", number="INV-2026-00044"), logo=None, paid_on=None)


def longest() -> bytes:
    """Two hundred lines."""
    return render(content(goods(200), number="INV-2026-00045"), logo=None, paid_on=None)


ORDER = [
    line("Sweat à capuche, molleton épais", 1_186_800, "20", quantity="500", detail="350 g/m², bleu nuit"),
    line("Sérigraphie, devant, trois couleurs", 142_000, "20", quantity="500"),
    line("Livraison", 24_000, "20", quantity=None, unit=None),
]
DEPOSIT = Reference(number="INV-2026-00101", issued_on=date(2026, 9, 3))


def deposit() -> bytes:
    """The deposit of a French order."""
    made = content(
        [line("Acompte de 30 % sur la commande O-2026-02044", 405_840, "20", quantity=None, unit=None)],
        kind="deposit",
        language="fr",
        number=DEPOSIT.number,
        issued_on=DEPOSIT.issued_on,
        order_number="O-2026-02044",
        due_on=DEPOSIT.issued_on + timedelta(days=10),
        delivered_on=None,
        seller=BALLOONS,
        buyer=PARIS,
        colour="#7c3aed",
    )
    return render(made, logo=None, paid_on=None)


def balance() -> bytes:
    """What is left of it."""
    less = line("Acompte déjà facturé", -405_840, "20", quantity=None, unit=None, deducts=DEPOSIT)
    made = content(
        [*ORDER, less],
        kind="balance",
        language="fr",
        number="INV-2026-00117",
        order_number="O-2026-02044",
        seller=BALLOONS,
        buyer=PARIS,
        colour="#7c3aed",
    )
    return render(made, logo=None, paid_on=None)


def credit_note() -> bytes:
    """Some of it came back."""
    made = content(
        [line("Hoodie, heavyweight fleece", 28_560, quantity="12", detail="Returned: seams open")],
        kind="credit_note",
        number="CN-2026-00051",
        due_on=None,
        delivered_on=None,
        credits=Reference(number="INV-2026-00042", issued_on=DAY - timedelta(days=20)),
        reason="Twelve pieces with open seams were returned on 14 November.",
        colour="#0f766e",
    )
    return render(made, logo=None, paid_on=None)


def yen() -> bytes:
    """A currency without decimals, a tax that isn't called VAT."""
    made = content(
        [
            line("Balloon garland, cherry blossom", 165_000, "10", quantity="3", unit="set"),
            line("Set-up on site", 88_000, "10", quantity="8", unit="h"),
            line("Tea and sweets for the opening", 21_600, "8", quantity="40"),
        ],
        currency="JPY",
        seller=KYOTO,
        buyer=TOKYO,
        number="INV-2026-00007",
        colour="#be185d",
    )
    return render(made, logo=None, paid_on=None)


def reverse_charge() -> bytes:
    """A service for a business in another member state."""
    made = content(
        [
            line("Brand design and artwork", 480_000, "0", quantity="40", unit="h", category="AE"),
            line("Art direction on site", 136_000, "0", quantity="2", unit="day", category="AE"),
        ],
        buyer=PARIS,
        number="INV-2026-00046",
        colour="#111827",
    )
    return render(made, logo=None, paid_on=None)


def arabic() -> bytes:
    """A buyer whose name runs from right to left; an export; the tax in the seller's own currency."""
    buyer = Party(
        name="شركة النخيل للفعاليات ذ.م.م",
        contact="ليلى حداد",
        address="شارع الشيخ زايد 45\nبرج النخيل، الطابق 12",
        city="دبي",
        country="AE",
        email="accounts@nakheel.example",
    )
    made = content(
        [
            line(
                "بالونات عضوية، قوس 4 م",
                1_250_000,
                "0",
                quantity="4.5",
                unit="m",
                category="G",
                detail="Sand, terracotta",
            ),
            line("Organic balloon arch", 980_050, "0", quantity="3", category="G"),
            line("זר בלונים", 20_000, "0", quantity="2", category="G"),
        ],
        buyer=buyer,
        currency="USD",
        number="INV-2026-00047",
        colour="#b45309",
        notes=["شكراً لطلبكم. Please quote INV-2026-00047."],
    )
    return render(made, logo=None, paid_on=None)


def chinese() -> bytes:
    """A Chinese buyer; a rate of another currency."""
    buyer = Party(
        name="上海云朵派对策划有限公司",
        contact="王小梅",
        address="静安区南京西路1266号",
        postcode="200040",
        city="上海",
        country="CN",
    )
    made = content(
        [
            line("Ballonbogen „Wolke“ 云朵气球拱门", 357_000, quantity="3", unit="set", detail="白色与珍珠色"),
            line("Aufbau vor Ort", 119_000, quantity="16", unit="h"),
        ],
        buyer=buyer,
        currency="CNY",
        language="de",
        number="INV-2026-00048",
        colour="#dc2626",
    )
    made.foreign_tax = ForeignTax(currency="EUR", rate=Decimal("0.1213"), tax_minor=9219)
    return render(made, logo=None, paid_on=None)


def proforma() -> bytes:
    """A pro forma invoice, in a currency with three decimals."""
    made = content(
        [
            line("Balloon wall, 3 × 2.4 m", 486_125, "0", category="G"),
            line("Freight", 60_500, "0", category="G", quantity=None),
        ],
        kind="proforma",
        currency="KWD",
        number="PRO-2026-00003",
        delivered_on=None,
        colour="#0369a1",
        buyer=Party(name="Al Shaheed Park Events", address="Sharq, Block 5", city="Kuwait City", country="KW"),
    )
    return render(made, logo=None, paid_on=None)


def quote() -> bytes:
    """A quote for garments."""
    made = QuoteContent(
        number="Q-2026-0108",
        version=2,
        issued_on=DAY,
        valid_until=DAY + timedelta(days=30),
        language="en",
        currency="EUR",
        seller=STUDIO,
        customer=BREWERY,
        colour="#4338ca",
        narrative="500 heavyweight hoodies for your winter collection, printed in three colours on the front and "
        "labelled in the neck. We can deliver by 12 January; 600 pieces would lower the price of each by 0.42.",
        lines=[
            row("Hoodie", 500, "14.50", 725_000),
            row("Heavyweight fleece, 350 g/m²", 500, "3.2625", 163_125),
            row("Size XXL", 100, "1.10", 11_000),
            row("Screen print, 3 colours", 500, "1.085", 54_250, detail="Front"),
        ],
        fees=[row("Screens, 3 colours", 3, "24.19", 7_257)],
        subtotal_minor=953_375,
        fees_minor=7_257,
        total_minor=960_632,
        deposit_minor=288_190,
        balance_minor=672_442,
        timeline=[
            Stage(name="Fabric", starts_on=date(2026, 11, 23), ends_on=date(2026, 12, 4)),
            Stage(name="Cutting and sewing", starts_on=date(2026, 12, 7), ends_on=date(2026, 12, 22)),
            Stage(name="Printing", starts_on=date(2026, 12, 23), ends_on=date(2027, 1, 6)),
            Stage(name="Checking and packing", starts_on=date(2027, 1, 7), ends_on=date(2027, 1, 12)),
        ],
        incoterm="EXW",
        tolerance_percent=Decimal(3),
        excluded=["Transport from our door", "Insurance", "Import duties and taxes"],
        notes=["The colours of your logo are matched to Pantone 2728 C."],
    )
    return render_quote(made, logo=logo("#4338ca"))


def row(description: str, quantity: int, price: str, amount_minor: int, detail: str | None = None) -> QuoteLine:
    """A line of the quote."""
    return QuoteLine(
        description=description,
        detail=detail,
        quantity=Decimal(quantity),
        unit="pcs",
        unit_price=Decimal(price),
        amount_minor=amount_minor,
    )


SAMPLES: dict[str, Callable[[], bytes]] = {
    "one-page": one_page,
    "german": german,
    "paid": paid,
    "long": long,
    "deposit": deposit,
    "balance": balance,
    "credit-note": credit_note,
    "yen": yen,
    "reverse-charge": reverse_charge,
    "arabic": arabic,
    "chinese": chinese,
    "pro-forma": proforma,
    "quote": quote,
}


def main() -> None:
    """Write them, over those of before."""
    for old in (*FOLDER.glob("invoice-*"), *FOLDER.glob("quote*")):
        old.unlink()
    for name, sample in SAMPLES.items():
        pdf = sample()
        stem = "quote" if name == "quote" else f"invoice-{name}"
        (FOLDER / f"{stem}.pdf").write_bytes(pdf)
        pages = pictures(pdf)
        for at, picture in enumerate(pages, 1):
            (FOLDER / (f"{stem}-{at}.png" if len(pages) > 1 else f"{stem}.png")).write_bytes(picture)


if __name__ == "__main__":
    main()
