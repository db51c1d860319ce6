"""The pictures of the benchmark: enough of them, the same every time, with the truth written down."""

from __future__ import annotations

from io import BytesIO
from itertools import islice

import pytest
from PIL import Image

from local.designs import DESIGNS, Design
from local.lenses import askew, from_the_side, glaring, noisy, scaled, turned
from local.pictures import ZXING_NAMES, surface
from local.scenes import EMPTY, LENSES, as_they_are, degraded, empty


def test_there_are_enough() -> None:
    assert sum(count for count, _ in LENSES.values()) >= 70
    assert len(DESIGNS) >= 8


def test_the_same_seed_gives_the_same_pictures_and_another_gives_others() -> None:
    first, again, other = (list(islice(degraded(seed), 3)) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_every_label_says_what_it_is() -> None:
    for scene in as_they_are():
        assert scene.picture.things
        assert all(thing.name for thing in scene.picture.things)
    assert {design.thing.barcode[0] for design in DESIGNS if design.thing.barcode} <= set(ZXING_NAMES)


def test_the_empty_ones_say_that_they_are() -> None:
    scenes = list(empty(0))
    assert len(scenes) >= 12
    assert all(scene.group == EMPTY and not scene.picture.things for scene in scenes)
    assert all(Image.open(BytesIO(scene.picture.image)).size > (1, 1) for scene in scenes)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.thing.name)
def test_a_drawn_label_has_its_size_and_ink_on_it(design: Design) -> None:
    drawn = design.drawn()
    assert drawn.size == design.size
    assert len(drawn.getcolors(maxcolors=drawn.width * drawn.height) or []) > 2


def test_lenses_leave_a_picture_a_picture() -> None:
    table = surface(160, 120)
    assert turned(table, 1).size == (120, 160)
    assert turned(turned(table, 2), 2) == table
    assert askew(table, 10).width > table.width
    assert scaled(table, 0.5).size == (80, 60)
    assert noisy(table, 9, seed=1) == noisy(table, 9, seed=1) != noisy(table, 9, seed=2)
    assert from_the_side(table, [(0, 0), (1, 0), (1, 1), (0, 1)]).size == table.size
    assert glaring(table, 0.5, 0.5, 0.5).getpixel((80, 60)) > table.getpixel((80, 60))  # type: ignore[operator]
