"""Any colour that a workspace has can be read, by day and by night."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.email_service.colours import (
    BUTTON_CONTRAST,
    DARK_GROUND,
    DEFAULT,
    LIGHT_GROUND,
    TEXT_CONTRAST,
    WHITE,
    contrast,
    palettes,
)


def test_contrast_is_as_wcag_defines_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#ff0000", "#ffffff") == pytest.approx(4.0, abs=0.01)
    assert contrast("#123456", "#123456") == 1


@given(st.integers(0, 0xFFFFFF))
def test_every_colour_can_be_read(number: int) -> None:
    for palette, ground in zip(palettes(f"#{number:06x}"), (LIGHT_GROUND, DARK_GROUND), strict=True):
        assert contrast(palette.accent, ground) >= BUTTON_CONTRAST
        assert contrast(palette.on_accent, palette.accent) >= TEXT_CONTRAST
        assert contrast(palette.link, ground) >= TEXT_CONTRAST


def test_a_colour_that_is_fit_stays_as_it_is() -> None:
    light, _ = palettes("#0B6E4F")
    assert (light.accent, light.on_accent, light.link) == ("#0b6e4f", WHITE, "#0b6e4f")


def test_ours_is_fit() -> None:
    light, _ = palettes(None)
    assert (light.accent, light.link) == (DEFAULT, DEFAULT)
