"""How the benchmark holds what was seen against the truth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.calibrating import fitted
from benchmarks.judging import edits, verdict
from benchmarks.seeing import expected_error
from functions.detect_local.engine import Sighting
from functions.detect_local.items import Barcode, Item
from local.pictures import Thing

MILK = Thing("OAT MILK", ("Barista edition", "1 L"), ("upc_a", "036000291452"), tags=("volume:1 l",), brand="Oatly")
SEEN = Item(
    name="Oat milk",
    type="labelled_item",
    quantity=1,
    confidence=0.99,
    barcode=Barcode("upc_a", "036000291452"),
    text="Barista edition\n1 L",
    box=(0, 0, 1, 1),
    tags=["volume:1 l"],
    brand="Oatly",
)
TEXT = "Oat milk\nBarista edition\n1 L\n0 36000 29145 2"


def sighting(*items: Item, text: str = TEXT) -> Sighting:
    return Sighting(list(items), text, 0.9)


def test_all_right() -> None:
    held = verdict([MILK], sighting(SEEN))
    assert held.amiss == []
    assert held.right == [(SEEN, True)]
    judged = held.judged
    assert (judged.codes_read, judged.things_found, judged.names_right, judged.counts_right) == (1, 1, 1, 1)
    assert judged.lines_read == judged.lines_written == judged.lines_true == judged.lines_claimed


def test_nothing_seen() -> None:
    held = verdict([MILK], sighting(text=""))
    assert held.amiss == ["not found: OAT MILK", "code not read: upc_a"]
    assert held.judged.things == 1
    assert held.judged.lines_read == 0


def test_seen_where_nothing_is() -> None:
    held = verdict([], sighting(SEEN))
    assert held.judged.items_wrong == held.judged.codes_wrong == 1
    assert held.right == [(SEEN, False)]


def test_a_second_item_for_one_thing_is_wrong() -> None:
    twice = replace(SEEN, barcode=None)
    assert verdict([MILK], sighting(SEEN, twice)).judged.items_wrong == 1


@pytest.mark.parametrize(
    ("changed", "amiss"),
    [
        ({"name": "QAT MILK"}, "name: QAT MILK for OAT MILK"),
        ({"quantity": 2}, "count: 2 Oat milk"),
        ({"tags": []}, "tag not read: volume:1 l"),
        ({"tags": ["volume:1 l", "size:L"]}, "wrong tag: size:L"),
        ({"brand": "Barista"}, "wrong brand: Barista"),
        ({"barcode": Barcode("ean_8", "40170725")}, "wrong code: ean_8 40170725"),
    ],
)
def test_what_is_amiss_is_said(changed: dict[str, object], amiss: str) -> None:
    assert amiss in verdict([MILK], sighting(replace(SEEN, **changed))).amiss  # type: ignore[arg-type]


def test_an_item_without_its_code_claims_nothing_false() -> None:
    held = verdict([MILK], sighting(replace(SEEN, barcode=None)))
    assert [right for _, right in held.right] == [True]
    assert held.judged.codes_read == 0


def test_one_character_in_ten_may_be_misread() -> None:
    misread = sighting(SEEN, text=TEXT.replace("Barista edition", "8arista edition").replace("1 L", "1 I"))
    judged = verdict([MILK], misread).judged
    assert judged.lines_written - judged.lines_read == len("1l")


def test_counts_add_up() -> None:
    one = verdict([MILK], sighting(SEEN)).judged
    assert (one + one).things_found == 2
    assert (one + one).lines_read == 2 * one.lines_read


@pytest.mark.parametrize(("one", "other", "steps"), [("", "abc", 3), ("honey", "honey", 0), ("honey", "money!", 2)])
def test_edits(one: str, other: str, steps: int) -> None:
    assert edits(one, other) == steps


def test_the_error_of_what_is_said() -> None:
    assert expected_error([(0.9, True)] * 9 + [(0.9, False)]) == pytest.approx(0.0)
    assert expected_error([(1.0, False)]) == 1.0
    assert expected_error([]) == 0.0


def test_the_fit_never_falls_and_trusts_few_items_little() -> None:
    pairs = [(0.9, True), (0.9, False)] + [(0.95, False)] * 2 + [(0.99, True)] * 98
    knots = fitted(pairs)
    assert [share for _, share in knots] == [pytest.approx(2 / 6), pytest.approx(0.99)]
    assert knots[0][0] == pytest.approx(0.925)
