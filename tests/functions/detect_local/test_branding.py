from __future__ import annotations

import pytest

from functions.detect_local.branding import brand


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("OLIVETA®", "OLIVETA"),
        ("Oatly® Barista", "Oatly"),
        ("Brand: Luftikus", "Luftikus"),
        ("by Northside", "Northside"),
        ("Roasted by Northside Roasters Ltd, London", "Northside Roasters"),
        ("ROASTED BY NORTHSIDE IN LONDON", "NORTHSIDE"),
        ("Roasted and packed by Northside", "Northside"),
        ("Packed by Kettle & Leaf Ltd", "Kettle & Leaf"),
        ("Produced by Sweetfield GmbH", "Sweetfield"),
        ("Northside Roasters Ltd.", "Northside Roasters"),
        ("Smith & Co", "Smith & Co"),
        ("Bank of the West Inc", "Bank of the West"),
        ("© 2026 Lantern Records", "Lantern Records"),
        ("(c) 2019-2024 Ink Press Inc. All rights reserved", "Ink Press"),
        ("© Lantern Records 2026", "Lantern Records"),
    ],
)
def test_who_a_line_names(printed: str, name: str) -> None:
    assert brand([printed]) == name


@pytest.mark.parametrize(
    "printed",
    [
        "Made with Lycra®",
        "By Hand",
        "Roasted by hand in London",
        "ROASTED BY HAND IN LONDON",
        "Sold by weight",
        "Best by March 2027",
        "By Appointment",
        "Certified by Slabhouse",
        "Made in Portugal",
        "Made by Us",
        "Special Edition Limited",
        "COFFEE 1 KG",
        "S.A.",
        "Limited",
        "Ben & Jerry's",
        "© 2026",
        "",
    ],
)
def test_a_line_that_names_nobody(printed: str) -> None:
    assert brand([printed]) is None


def test_the_surest_form_wins_wherever_it_stands() -> None:
    assert brand(["Distributed by Bigtrade Ltd", "OLIVETA®"]) == "OLIVETA"


def test_no_lines_name_nobody() -> None:
    assert brand([]) is None
