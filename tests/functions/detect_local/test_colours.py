"""What colours are called."""

from __future__ import annotations

import pytest

from functions.detect_local.colours import PALETTE, Lab, difference, hex_of, name


@pytest.mark.parametrize("called", PALETTE)
def test_a_reference_is_called_by_its_name_in_light_and_in_shade(called: str) -> None:
    lightness, a, b = PALETTE[called]
    assert name((lightness, a, b)) == called
    assert name((lightness * 0.96, a * 0.96, b * 0.96)) == called


# sRGB's primaries in CIELAB (D65), as tabulated by Lindbloom.
@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((100, 0, 0), "#ffffff"),
        ((0, 0, 0), "#000000"),
        ((53.2408, 80.0925, 67.2032), "#ff0000"),
        ((87.7347, -86.1827, 83.1793), "#00ff00"),
        ((32.2970, 79.1875, -107.8602), "#0000ff"),
        ((53.5850, 0, 0), "#808080"),
        ((50, 120, -120), "#b800ff"),  # outside of sRGB: cut off
    ],
)
def test_hex_is_srgb(colour: Lab, expected: str) -> None:
    assert hex_of(colour) == expected


def test_lightness_counts_less_than_hue() -> None:
    assert difference((50, 0, 0), (60, 0, 0)) < difference((50, 0, 0), (50, 10, 0)) == 10
    assert difference((50, 3, 4), (50, 0, 0)) == 5


def test_no_two_names_mean_the_same() -> None:
    apart = [difference(PALETTE[one], PALETTE[other]) for one in PALETTE for other in PALETTE if one < other]
    assert min(apart) > 10
