"""Invoices to typeset: a little model of how an issued one adds up, written apart from the database's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from functions.invoice.document import Content, ForeignTax, Line, Party, Reference, Seller, Tax

REASONS = {
    "E": (None, "VATEX-EU-132-1I"),
    "AE": ("Reverse charge: the recipient is liable for the VAT.", "VATEX-EU-AE"),
    "K": ("Intra-community supply, exempt from VAT.", "VATEX-EU-IC"),
    "G": ("Export, exempt from VAT.", "VATEX-EU-G"),
    "O": ("Outside the scope of VAT.", "VATEX-EU-O"),
}
STUDIO = Seller(
    name="Atelier Nordlicht GmbH",
    contact="Maya Lindner",
    address="Venloer Straße 241",
    postcode="50823",
    city="Köln",
    country="DE",
    vat_id="DE123456789",
    tax_number="217/5901/1234",
    email="rechnung@nordlicht.example",
    registration="HRB 12345, Amtsgericht Köln",
    iban="DE89370400440532013000",
    bic="COBADEFFXXX",
    footer="Geschäftsführung: Maya Lindner, Tom Aydin",
)
BREWERY = Party(
    name="Brauhaus am Fluss AG",
    contact="Jana Fuchs",
    address="Hafenallee 12",
    postcode="20457",
    city="Hamburg",
    country="DE",
    vat_id="DE987654321",
    email="einkauf@brauhaus.example",
)
DAY = date(2026, 11, 21)


def rounded(value: Decimal) -> int:
    """To whole minor units, a half away from zero."""
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


def line(
    description: str,
    gross_minor: int,
    rate: str = "19",
    *,
    quantity: str | None = "1",
    unit: str | None = "pcs",
    category: str = "S",
    detail: str | None = None,
    deducts: Reference | None = None,
) -> dict[str, Any]:
    """A line by its price with tax; `content` finds its net."""
    return {
        "description": description,
        "gross_minor": gross_minor,
        "rate": Decimal(rate),
        "quantity": None if quantity is None else Decimal(quantity),
        "unit": unit,
        "category": category,
        "detail": detail,
        "deducts": deducts,
    }


def content(lines: Sequence[dict[str, Any]], *, step: int = 1, **fields: Any) -> Content:
    """An invoice of lines with prices that include the tax. `step`: the smallest net in minor units (10 for fils).

    Of each rate group: the net is what is left of the gross without tax, rounded; the tax is the rate of that net,
    rounded; what is then missing is rounding. Nets are shared among the lines by the largest remainder.
    """
    groups: dict[tuple[str, Decimal], list[int]] = defaultdict(list)
    for at, each in enumerate(lines):
        groups[each["category"], each["rate"]].append(at)
    nets, taxes = [0] * len(lines), []
    for (category, rate), members in groups.items():
        factor = 1 + rate / 100
        exact = [Decimal(lines[at]["gross_minor"]) / factor / step for at in members]
        net = rounded(sum(exact, Decimal(0)))
        shares = [int(each.to_integral_value(ROUND_FLOOR)) for each in exact]
        first = sorted(range(len(members)), key=lambda at: (shares[at] - exact[at], at))
        for at in first[: net - sum(shares)]:
            shares[at] += 1
        for at, share in zip(members, shares, strict=True):
            nets[at] = share * step
        reason, code = REASONS.get(category, (None, None))
        tax = rounded(Decimal(net) * rate / 100) * step
        taxes.append(
            Tax.model_validate(
                {"category": category, "rate": rate, "net_minor": net * step, "tax_minor": tax}
                | {"reason": reason, "reason_code": code}
            )
        )
    net, tax = sum(nets), sum(group.tax_minor for group in taxes)
    gross = sum(each["gross_minor"] for each in lines)
    made = [
        Line.model_validate(
            {name: value for name, value in each.items() if name != "gross_minor"}
            | {"position": at, "net_minor": minor}
        )
        for at, (each, minor) in enumerate(zip(lines, nets, strict=True), 1)
    ]
    return Content.model_validate(
        {
            "kind": "full",
            "number": "2026-00042",
            "issued_on": DAY,
            "due_on": DAY + timedelta(days=14),
            "delivered_on": DAY - timedelta(days=3),
            "order_number": "O-2026-01007",
            "language": "en",
            "currency": "EUR",
            "seller": STUDIO,
            "buyer": BREWERY,
            "lines": made,
            "taxes": taxes,
            "net_minor": net,
            "tax_minor": tax,
            "total_minor": net + tax,
            "rounding_minor": gross - net - tax,
            "payable_minor": gross,
        }
        | fields
    )


def any_content(random: Random) -> Content:
    """Some valid invoice: any kind, language, currency, mix of taxes, size."""
    kind = random.choice(("deposit", "balance", "full", "full", "credit_note"))
    currency, step = random.choice((("EUR", 1), ("EUR", 1), ("USD", 1), ("JPY", 1), ("KWD", 10)))
    lines = [_any_line(random, category, rate, step) for category, rate in _any_rates(random)]
    total = sum(each["gross_minor"] for each in lines)
    if kind == "balance":
        earlier = [Reference(number=f"2026-{at:05}", issued_on=DAY - timedelta(days=30 * at)) for at in (2, 1)]
        for reference in earlier[: random.randint(1, 2)]:
            part = Decimal(random.randint(1, 45)) / 100
            for category, rate in dict.fromkeys((each["category"], each["rate"]) for each in lines):
                of_it = sum(
                    each["gross_minor"]
                    for each in lines
                    if (each["category"], each["rate"]) == (category, rate) and not each["deducts"]
                )
                taken = -rounded(of_it * part / step) * step
                lines.append(
                    line("Deposit", taken, str(rate), quantity=None, unit=None, category=category, deducts=reference)
                )
    elif kind != "credit_note" and random.random() < 0.3:
        first = lines[0]
        lines.append(
            line("Discount", -(first["gross_minor"] // 10 // step) * step, str(first["rate"]), quantity=None, unit=None)
            | {"category": first["category"]}
        )
    assert total > 0
    taxed = {each["category"] for each in lines}
    foreign = currency != "EUR" and "S" in taxed and random.random() < 0.5
    made = content(
        lines,
        step=step,
        kind=kind,
        currency=currency,
        language=random.choice(("en", "de", "fr")),
        due_on=random.choice((None, DAY + timedelta(days=30))),
        delivered_on=DAY if "K" in taxed else random.choice((None, DAY)),
        seller=STUDIO.model_copy(update={"iban": random.choice((None, STUDIO.iban))}),
        credits=Reference(number="2026-00001", issued_on=DAY - timedelta(days=9)) if kind == "credit_note" else None,
        reason="Two boxes came back." if kind == "credit_note" else None,
        notes=random.choice(([], ["Thank you.", "Keep dry & cool < 25 °C."])),
    )
    if foreign:
        made.foreign_tax = ForeignTax(currency="EUR", rate=Decimal("0.8641"), tax_minor=made.tax_minor // 2)
    return made


def _any_rates(random: Random) -> list[tuple[str, str]]:
    """The category and rate of each line: several standard rates together, the others alone or beside them."""
    if random.random() < 0.15:
        return [("O", "0")] * random.randint(1, 4)
    mixed = [("S", "19"), ("S", "7"), ("S", "5.5"), ("Z", "0"), ("E", "0"), ("AE", "0"), ("K", "0"), ("G", "0")]
    chosen = random.sample(mixed, random.randint(1, 3))
    return [random.choice(chosen) for _ in range(random.randint(1, 12))]


def _any_line(random: Random, category: str, rate: str, step: int) -> dict[str, Any]:
    quantity = random.choice((None, "1", "12", "500", "0.333", "1.5", "7", "100000"))
    return line(
        random.choice(("Hoodie", "Print & press", "Balloon <arch>", "Ballon d’été", "气球", "بالون")),
        random.randint(1, 5_000_000) * step,
        rate,
        quantity=quantity,
        unit=random.choice((None, "pcs", "kg", "h", "m2", "flat", "skein")) if quantity else None,
        category=category,
        detail=random.choice((None, "M–XXL, navy")),
    )
