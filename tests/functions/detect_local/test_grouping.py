from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from functions.detect_local.grouping import Label, group, in_reading_order, legible
from functions.detect_local.reading import Code, Line
from tests.functions.detect_local.printing import code, line, turned

COFFEE = [line("House espresso", 100, 100, 60), line("Whole bean", 100, 200), line("Net 250 g", 100, 230)]
TEA = [line("Green tea", 900, 100, 60), line("Loose leaf", 900, 200)]


def texts(labels: Sequence[Label]) -> list[list[str]]:
    return [[each.text for each in label.lines] for label in labels]


def codes(labels: Sequence[Label]) -> list[list[str]]:
    return [[each.text for each in label.codes] for label in labels]


class TestLegibleLines:
    def test_a_badly_scored_line_is_dropped(self) -> None:
        assert legible([line("LINMCN", 0, 0, score=0.78)]) == []

    @pytest.mark.parametrize("junk", ["8", "0000", "O", "--", "I I I", ""])
    def test_one_character_over_and_over_is_dropped_however_well_it_scores(self, junk: str) -> None:
        assert legible([line(junk, 0, 0, score=0.99)]) == []

    def test_a_short_word_stays(self) -> None:
        assert legible([line("XL", 0, 0)])


class TestLinesThatStandTogether:
    def test_are_one_label_in_reading_order(self) -> None:
        assert texts(group(COFFEE[::-1], [])) == [["House espresso", "Whole bean", "Net 250 g"]]

    def test_two_labels_side_by_side_stay_two(self) -> None:
        assert texts(group(TEA + COFFEE, [])) == [
            ["House espresso", "Whole bean", "Net 250 g"],
            ["Green tea", "Loose leaf"],
        ]

    def test_a_label_under_another_stays_its_own(self) -> None:
        below = [line("Cocoa", 100, 600, 60)]
        assert texts(group(COFFEE + below, [])) == [["House espresso", "Whole bean", "Net 250 g"], ["Cocoa"]]

    def test_words_of_one_row_are_together(self) -> None:
        assert texts(group([line("OAT", 100, 100, 40), line("MILK", 180, 102, 40)], [])) == [["OAT", "MILK"]]

    @pytest.mark.parametrize("degrees", [7, 90, 180, 270])
    def test_group_alike_whichever_way_the_photo_was_held(self, degrees: float) -> None:
        shelf = [replace(each, corners=turned(each.corners, degrees)) for each in COFFEE + TEA]
        assert texts(group(shelf[::-1], [])) == texts(group(COFFEE + TEA, []))
        assert [each.text for each in in_reading_order(COFFEE)] == [each.text for each in COFFEE]

    def test_a_word_up_the_side_does_not_tilt_the_rest(self) -> None:
        side = line("Fragile", 0, 0, 20)
        upward = replace(side, corners=turned(side.corners, 270))
        assert texts(group([*COFFEE, upward], []))[-1] == ["House espresso", "Whole bean", "Net 250 g"]

    def test_nothing_is_made_of_nothing(self) -> None:
        assert group([], []) == []


class TestCodes:
    def test_a_code_under_the_text_is_the_labels(self) -> None:
        labels = group(COFFEE, [code("5901234123457", 150, 300)])
        assert texts(labels) == [["House espresso", "Whole bean", "Net 250 g"]]
        assert codes(labels) == [["5901234123457"]]

    def test_text_over_and_under_the_bars_is_one_label(self) -> None:
        labels = group([*COFFEE, line("Best before 2027", 120, 460)], [code("5901234123457", 120, 320)])
        assert texts(labels) == [["House espresso", "Whole bean", "Net 250 g", "Best before 2027"]]

    def test_each_of_two_labels_keeps_its_own_code(self) -> None:
        labels = group(COFFEE + TEA, [code("96385074", 950, 300), code("5901234123457", 150, 300)])
        assert codes(labels) == [["5901234123457"], ["96385074"]]

    def test_a_code_belongs_to_the_text_over_it_when_text_stands_under_it_too(self) -> None:
        lower = [line("Green tea", 100, 400, 40), line("Loose leaf", 100, 460)]
        labels = group([*COFFEE, *lower], [code("5901234123457", 100, 270), code("96385074", 100, 500)])
        assert codes(labels) == [["5901234123457"], ["96385074"]]

    def test_a_far_code_stands_alone(self) -> None:
        labels = group(COFFEE, [code("5901234123457", 100, 1500)])
        assert codes(labels) == [[], ["5901234123457"]]

    @pytest.mark.parametrize(
        "spelled", ["5901234123457", "5 901234 123457", "59O1234123457", '5901234"123457', "123457"]
    )
    def test_the_digits_under_the_bars_are_not_wording(self, spelled: str) -> None:
        labels = group([*COFFEE, line(spelled, 150, 405)], [code("5901234123457", 150, 300)])
        assert texts(labels) == [["House espresso", "Whole bean", "Net 250 g"]]

    def test_a_word_of_the_codes_text_is_wording(self) -> None:
        labels = group(
            [line("SENCHA", 100, 240), line("Green tea", 100, 265)], [code("TEA-SENCHA-100", 120, 300, "aztec")]
        )
        assert texts(labels) == [["SENCHA", "Green tea"]]

    def test_a_code_and_a_text_with_nothing_nearer_are_one_label(self) -> None:
        assert codes(group(COFFEE, [code("5901234123457", 150, 600)])) == [["5901234123457"]]

    def test_a_text_with_its_own_code_leaves_the_farther_one_alone(self) -> None:
        labels = group(COFFEE, [code("5901234123457", 150, 300), code("96385074", 150, 600)])
        assert (texts(labels)[1], codes(labels)) == ([], [["5901234123457"], ["96385074"]])

    def test_bars_misread_as_letters_are_not_wording(self) -> None:
        labels = group([line("IMIIMI", 180, 330, 60)], [code("5901234123457", 150, 300)])
        assert texts(labels) == [[]]

    def test_other_digits_near_the_bars_are(self) -> None:
        labels = group([line("L 77120 B", 150, 405)], [code("5901234123457", 150, 300)])
        assert texts(labels) == [["L 77120 B"]]

    def test_a_second_code_of_another_kind_is_the_labels_too(self) -> None:
        link = code("https://example.com", 420, 300, "qr_code", 100, 100)
        labels = group(COFFEE, [code("5901234123457", 150, 300), link])
        assert codes(labels) == [["5901234123457", "https://example.com"]]

    def test_a_second_code_of_the_same_kind_is_another_thing(self) -> None:
        labels = group(COFFEE, [code("5901234123457", 150, 300), code("96385074", 400, 300)])
        assert sorted(codes(labels)) == [["5901234123457"], ["96385074"]]

    def test_bars_scanned_at_two_heights_are_one_code(self) -> None:
        scans: list[Code] = [code("5901234123457", 150, y, height=2) for y in (300, 340)]
        assert codes(group(COFFEE, scans)) == [["5901234123457"]]

    def test_the_same_code_further_along_the_shelf_is_another(self) -> None:
        labels = group([], [code("5901234123457", x, 300) for x in (0, 400, 800)])
        assert codes(labels) == [["5901234123457"]] * 3


class TestManyLines:
    def test_a_full_page_is_grouped_at_once(self) -> None:
        page: list[Line] = [line(f"Line number {n}", 100, 30 * n) for n in range(120)]
        (label,) = group(page, [])
        assert [each.text for each in label.lines] == [each.text for each in page]
