"""What stands on a quote's pages."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.invoice.document import QuoteContent, QuoteLine, Stage
from functions.invoice.rendering import render_quote
from tests.functions.invoice.making import BREWERY, DAY, STUDIO
from tests.functions.invoice.reading import opened, pages, text


def quote(**fields: Any) -> QuoteContent:
    """A quote for printed hoodies."""
    return QuoteContent.model_validate(
        {
            "number": "Q-2026-0108",
            "version": 2,
            "issued_on": DAY,
            "valid_until": DAY + timedelta(days=30),
            "language": "en",
            "currency": "EUR",
            "seller": STUDIO,
            "customer": BREWERY,
            "narrative": "Hoodies for your winter collection.\nDelivered by 12 January.",
            "lines": [
                QuoteLine(
                    description="Hoodie",
                    detail="Heavyweight fleece",
                    quantity=Decimal(500),
                    unit="pcs",
                    unit_price=Decimal("17.7625"),
                    amount_minor=888_125,
                )
            ],
            "fees": [
                QuoteLine(description="Screens", quantity=Decimal(3), unit_price=Decimal("28"), amount_minor=8_400)
            ],
            "subtotal_minor": 888_125,
            "fees_minor": 8_400,
            "total_minor": 896_525,
            "deposit_minor": 268_958,
            "balance_minor": 627_567,
            "timeline": [Stage(name="Fabric", starts_on=date(2026, 11, 23), ends_on=date(2026, 12, 4))],
            "incoterm": "EXW",
            "tolerance_percent": Decimal("2.5"),
            "excluded": ["Insurance", "Import duties and taxes"],
            "notes": ["Pantone 2728 C."],
        }
        | fields
    )


def test_everything_a_quote_must_say_is_there() -> None:
    found = text(render_quote(quote(), logo=None)).replace(" \n", " ").replace("\n", " ")
    for said in (
        *("Quote Q-2026-0108", "Version 2", "Date 21 November 2026", "Valid until 21 December 2026"),
        *("Brauhaus am Fluss AG", "Hoodies for your winter collection.", "Delivered by 12 January."),
        *("500 pcs 17.7625 8,881.25", "3 28.00", "84.00", "Pieces 8,881.25", "Set-up and other fees 84.00"),
        *("Total EUR 8,965.25", "Deposit to start 2,689.58", "Balance before dispatch 6,275.67"),
        *("1 Fabric", "23 Nov – 4 Dec 2026", "EXW (Incoterms 2020)", "± 2.5%", "Insurance, Import duties and taxes"),
        "Pantone 2728 C.",
    ):
        assert said.replace(" ", "") in found.replace(" ", "").replace("\u2009", ""), said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "de",
            (
                "Angebot",
                "Gültig bis",
                "8.965,25 EUR",
                "Einfuhrzölle und Steuern",
                "23. Nov. – 4. Dez. 2026",
                "Anzahlung",
            ),
        ),
        (
            "fr",
            (
                *("Devis", "Valable jusqu’au", "8\u202f965,25 EUR"),
                *("Droits et taxes à l’importation", "Acompte à la commande"),
            ),
        ),
    ],
)
def test_each_language_says_it_in_its_own_words(language: str, said: tuple[str, ...]) -> None:
    found = (
        text(render_quote(quote(language=language), logo=None))
        .replace("\u2009", " ")
        .replace(" \n", " ")
        .replace("\n", " ")
    )
    for each in said:
        assert each in found, each


def test_it_is_an_archivable_pdf_without_xml() -> None:
    document = opened(render_quote(quote(), logo=None))
    assert not list(document.attachments)
    assert b"<pdfaid:part>3</pdfaid:part>" in document.Root.Metadata.read_bytes()


def test_a_short_quote_leaves_out_what_it_does_not_have() -> None:
    bare = quote(
        version=1, narrative=None, fees=[], fees_minor=0, total_minor=888_125, deposit_minor=None, balance_minor=None,
        timeline=[], incoterm=None, tolerance_percent=None, excluded=[], notes=[],
    )  # fmt: skip
    found = text(render_quote(bare, logo=None))
    for absent in ("Version", "Timeline", "Terms", "Notes", "Deposit", "Balance", "Pieces", "None"):
        assert absent not in found, absent


def test_a_long_quote_carries_its_sums_over() -> None:
    rows = [QuoteLine(description=f"Piece {at}", amount_minor=1_00) for at in range(1, 81)]
    found = pages(render_quote(quote(lines=rows, fees=[], subtotal_minor=80_00, total_minor=80_00), logo=None))
    assert "Carried over" in found[0]
    assert "Brought forward" in found[1]
