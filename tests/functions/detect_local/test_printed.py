from __future__ import annotations

import pytest

from functions.detect_local.printed import tags


@pytest.mark.parametrize(
    ("printed", "known"),
    [
        ("Net 250 g", ["weight:250 g"]),
        ("NET WT 12 OZ", ["weight:12 oz"]),
        ("1,5 L", ["volume:1,5 l"]),
        ("750ml ℮", ["volume:750 ml"]),
        ("e 250 g", ["weight:250 g"]),
        ("℮250g", ["weight:250 g"]),
        ("6 x 330 ml", ["volume:6 x 330 ml"]),
        ("4×100g", ["weight:4 x 100 g"]),
        ("Net Wt 12 oz (340 g)", ["weight:12 oz", "weight:340 g"]),
        ("12 FL. OZ (355 mL)", ["volume:12 fl. oz", "volume:355 ml"]),
        ("Füllmenge: 0,75 l", ["volume:0,75 l"]),
        ("Poids net : 1 kg", ["weight:1 kg"]),
    ],
)
def test_measures(printed: str, known: list[str]) -> None:
    assert tags(printed) == known


@pytest.mark.parametrize(
    ("printed", "known"),
    [
        ("Size: XL", ["size:XL"]),
        ("Size S/M", ["size:S/M"]),
        ("size 42", ["size:42"]),
        ("Größe 38", ["size:38"]),
        ("Gr. L", ["size:L"]),
        ("Size W32 L34", ["size:W32 L34"]),
        ("EU 42", ["size:EU 42"]),
        ("EU 42 2/3", ["size:EU 42 2/3"]),
        ("UK 8.5 / EU 42.5 / US 9", ["size:UK 8.5", "size:EU 42.5", "size:US 9"]),
    ],
)
def test_sizes(printed: str, known: list[str]) -> None:
    assert tags(printed) == known


@pytest.mark.parametrize(
    ("printed", "known"),
    [
        ("LOT A2291", ["lot:A2291"]),
        ("Lot L2291A", ["lot:L2291A"]),
        ("Batch no. 7-113", ["lot:7-113"]),
        ("Batch code: 26B", ["lot:26B"]),
        ("Ch.-B.: L4471", ["lot:L4471"]),
        ("Lotto 26118", ["lot:26118"]),
    ],
)
def test_lots(printed: str, known: list[str]) -> None:
    assert tags(printed) == known


@pytest.mark.parametrize(
    ("printed", "date"),
    [
        ("Best before 2027-03-31", "2027-03-31"),
        ("Best before end: 03/2027", "03/2027"),
        ("Use by: 03.04.27", "03.04.27"),
        ("BBE 03 2027", "03 2027"),
        ("BB 31MAR27", "31MAR27"),
        ("Exp. 31 MAR 2027", "31 MAR 2027"),
        ("EXP 03/27", "03/27"),
        ("Best by Mar 31, 2027", "Mar 31, 2027"),
        ("MHD 31.03.2027", "31.03.2027"),
        ("Mindestens haltbar bis Ende: 03.2027", "03.2027"),
        ("À consommer de préférence avant le 31/03/2027", "31/03/2027"),
        ("Da consumarsi preferibilmente entro il 31-03-27", "31-03-27"),
    ],
)
def test_dates_as_printed(printed: str, date: str) -> None:
    assert tags(printed) == [f"expires:{date}"]


def test_a_lot_and_a_date_on_one_line() -> None:
    assert tags("EXP 12/2027 LOT 88A") == ["lot:88A", "expires:12/2027"]


@pytest.mark.parametrize(
    "printed",
    [
        "Serving: 30 g contains 4 g sugar",
        "7 Up",
        "3 lions",
        "2 gallons of fun",
        "A lot of flavour",
        "lot more",
        "Lotion 200",
        "batch cooked 400 times",
        "Expect 2 more",
        "Exp 5 years",
        "EXP 31/12",
        "Size matters",
        "EU 2027",
        "G 250",
        "33 rpm",
        "11 inch",
        "100 pieces",
    ],
)
def test_nothing_is_guessed_from_prose(printed: str) -> None:
    assert tags(printed) == []
