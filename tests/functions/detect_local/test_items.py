from __future__ import annotations

import pytest

from functions.detect_local.calibration import calibrated
from functions.detect_local.grouping import Label
from functions.detect_local.items import Barcode, items
from functions.detect_local.placing import around, place
from functions.detect_local.reading import Code, Line
from tests.functions.detect_local.printing import code, line


def label(*lines: Line, codes: tuple[Code, ...] = ()) -> Label:
    parts: list[Line | Code] = [*lines, *codes]
    return Label(list(lines), list(codes), around(place(part.corners, 0.0) for part in parts))


EAN = code("5901234123457", 100, 300)


class TestNames:
    def test_the_tallest_lettering_is_the_name_and_the_rest_the_text(self) -> None:
        (item,) = items([label(line("organic", 0, 0), line("OAT MILK", 0, 40, 60), line("Barista", 0, 120))], 800, 600)
        assert (item.name, item.text) == ("OAT MILK", "organic\nBarista")

    def test_a_name_set_in_two_lines_is_read_whole(self) -> None:
        (item,) = items([label(line("CHOPPED", 0, 0, 60), line("TOMATOES", 0, 70, 58), line("rich", 0, 140))], 800, 600)
        assert item.name == "CHOPPED TOMATOES"

    def test_of_a_page_in_one_size_the_first_line_is_the_name(self) -> None:
        (item,) = items([label(*(line(f"line {n}", 0, 30 * n) for n in range(5)))], 800, 600)
        assert item.name == "line 0"

    def test_a_measure_is_no_name_however_tall(self) -> None:
        (item,) = items([label(line("Sea salt", 0, 0, 30), line("500 g", 0, 40, 90))], 800, 600)
        assert (item.name, item.tags) == ("Sea salt", ["weight:500 g"])

    def test_a_code_alone_is_named_by_its_symbology_and_text(self) -> None:
        (item,) = items([label(codes=(EAN,))], 800, 600)
        assert (item.name, item.type, item.text) == ("EAN_13 5901234123457", "barcode", None)


class TestTypes:
    def test_lettering_with_a_code_is_a_labelled_item(self) -> None:
        (item,) = items([label(line("OAT MILK", 100, 200), codes=(EAN,))], 800, 600)
        assert (item.type, item.barcode) == ("labelled_item", Barcode("ean_13", "5901234123457"))

    def test_lettering_with_a_measure_is_a_labelled_item(self) -> None:
        (item,) = items([label(line("OAT MILK", 0, 0), line("1 L", 0, 30))], 800, 600)
        assert item.type == "labelled_item"

    def test_lettering_alone_is_only_text(self) -> None:
        (item,) = items([label(line("YAMAHA", 0, 0))], 800, 600)
        assert item.type == "text"

    def test_the_shops_code_is_the_barcode_and_the_other_a_tag(self) -> None:
        link = code("https://example.com", 400, 300, "qr_code", 100)
        (item,) = items([label(line("OAT MILK", 100, 200), codes=(link, EAN))], 800, 600)
        assert item.barcode == Barcode("ean_13", "5901234123457")
        assert item.tags == ["qr_code:https://example.com"]


class TestConfidence:
    def test_is_the_lines_mean_by_length(self) -> None:
        (item,) = items([label(line("abcdefgh", 0, 0, score=0.9), line("ab", 0, 30, score=0.8))], 800, 600)
        assert item.confidence == pytest.approx(calibrated(0.88), abs=1e-4)

    def test_is_never_above_the_weakest_evidence(self) -> None:
        (item,) = items([label(line("OAT MILK", 100, 200, score=1.0), codes=(EAN,))], 800, 600)
        assert item.confidence == pytest.approx(calibrated(EAN.score), abs=1e-4)
        assert item.confidence < calibrated(1.0)

    def test_of_alike_items_is_the_lowest(self) -> None:
        cans = [label(line("SOUP", 0, 0, score=0.95)), label(line("SOUP", 300, 0, score=0.85))]
        (item,) = items(cans, 800, 600)
        assert item.confidence == pytest.approx(calibrated(0.85), abs=1e-4)


class TestQuantity:
    def test_labels_that_say_the_same_are_counted(self) -> None:
        cans = [label(line("Soup!", x, 0), line("400 g", x, 30)) for x in (0, 200)]
        shouted = label(line("SOUP", 400, 0), line("400g", 400, 30))
        (item,) = items([*cans, shouted], 800, 600)
        assert item.quantity == 3

    def test_the_same_barcode_counts_whatever_was_read_beside_it(self) -> None:
        other = code("5901234123457", 400, 300)
        cans = [label(line("SOUP", 0, 200), codes=(EAN,)), label(line("SQUP", 400, 200), codes=(other,))]
        (item,) = items(cans, 800, 600)
        assert item.quantity == 2

    def test_the_front_of_a_can_counts_with_the_one_that_shows_its_code(self) -> None:
        (item,) = items([label(line("SOUP", 0, 0)), label(line("SOUP", 400, 200), codes=(EAN,))], 800, 600)
        assert (item.quantity, item.barcode) == (2, Barcode("ean_13", "5901234123457"))

    def test_serial_numbers_keep_alike_things_apart(self) -> None:
        boxes = [
            label(line("SENSOR", x, 0), codes=(code(serial, x, 40, "data_matrix", 60, 60),))
            for x, serial in ((0, "SN-1"), (400, "SN-2"))
        ]
        assert [item.quantity for item in items(boxes, 800, 600)] == [1, 1]

    def test_the_box_goes_around_all_of_them(self) -> None:
        (item,) = items([label(line("SOUP", 80, 60)), label(line("SOUP", 680, 60))], 800, 600)
        assert item.box == (0.1, 0.1, 0.8, 0.0333)

    def test_a_box_never_leaves_the_picture(self) -> None:
        (item,) = items([label(line("SOUP", -20, 590, 40))], 60, 600)
        left, top, width, height = item.box
        assert left >= 0
        assert left + width <= 1
        assert top + height <= 1


class TestBrands:
    def test_a_brand_is_told_and_stays_in_the_text(self) -> None:
        (item,) = items([label(line("OLIVE OIL", 0, 0, 60), line("OLIVETA®", 0, 80))], 800, 600)
        assert (item.name, item.text, item.brand) == ("OLIVE OIL", "OLIVETA®", "OLIVETA")

    def test_a_name_that_is_the_brand_stays_the_name(self) -> None:
        (item,) = items([label(line("Oatly®", 0, 0, 60), line("Barista", 0, 80))], 800, 600)
        assert (item.name, item.brand) == ("Oatly®", "Oatly")

    def test_a_doubtful_line_gives_no_brand(self) -> None:
        (item,) = items([label(line("OLIVE OIL", 0, 0, 60), line("OLIVETA®", 0, 80, score=0.85))], 800, 600)
        assert item.brand is None

    def test_alike_items_have_the_brand_that_one_shows(self) -> None:
        plain_front = label(line("SOUP", 0, 0, 60))
        back = label(line("SOUP", 400, 0, 60), codes=(EAN,))
        shown = label(line("SOUP", 0, 0, 60), line("by Northside", 0, 80), codes=(EAN,))
        assert [item.brand for item in items([plain_front, back], 800, 600)] == [None]
        assert [item.brand for item in items([back, shown], 800, 600)] == ["Northside"]


class TestWhatNamesNothing:
    @pytest.mark.parametrize("spelled", ["5 901234 123457", "03600029145I2", "*BOLT-M8-40*", "31.03.2027", "500 g"])
    def test_what_stands_under_bars_that_could_not_be_read_is_no_item(self, spelled: str) -> None:
        assert items([label(line(spelled, 0, 0))], 800, 600) == []

    @pytest.mark.parametrize("name", ["T-SHIRT 88213", "7UP", "WD-40", "M8", "1984"])
    def test_a_name_may_hold_digits(self, name: str) -> None:
        assert [item.name for item in items([label(line(name, 0, 0))], 800, 600)] == [name]

    def test_a_title_may_be_a_number(self) -> None:
        (item,) = items([label(line("1984", 0, 0, 60), line("George Orwell", 0, 80), codes=(EAN,))], 800, 600)
        assert item.name == "1984"
