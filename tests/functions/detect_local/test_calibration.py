from __future__ import annotations

from itertools import pairwise

import pytest

from functions.detect_local.calibration import KNOTS, calibrated
from functions.detect_local.reading import CHECKED, UNCHECKED


def test_no_evidence_is_no_confidence() -> None:
    assert calibrated(0.0) == 0.0


def test_a_better_score_is_never_worth_less() -> None:
    said = [calibrated(score / 1000) for score in range(1001)]
    assert said == sorted(said)
    assert all(low < high and least <= most for (low, least), (high, most) in pairwise(KNOTS))


def test_nothing_is_certain() -> None:
    assert 0 <= calibrated(1.0) <= 1
    assert calibrated(1.5) == calibrated(1.0)


@pytest.mark.parametrize("knot", KNOTS)
def test_a_knot_is_what_was_measured(knot: tuple[float, float]) -> None:
    assert calibrated(knot[0]) == pytest.approx(knot[1])


def test_checked_bars_are_near_certain_and_unchecked_ones_less() -> None:
    assert calibrated(UNCHECKED) <= calibrated(CHECKED)
    assert calibrated(CHECKED) > 0.98
