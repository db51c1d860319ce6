"""The pictures that the local engine is measured on, each with the truth, in groups by what is hard about them.

The same seed gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from random import Random
from typing import TYPE_CHECKING, Any

from local import lenses, pictures
from local.designs import DESIGNS
from local.pictures import Picture, Thing, arranged, jpeg, surface

if TYPE_CHECKING:
    from PIL import Image

Lens = Callable[["Image.Image", Random], "Image.Image"]


@dataclass(frozen=True)
class Scene:
    """A picture, and the group it is counted in. Those of the `EMPTY` group show no lettering and no code."""

    group: str
    picture: Picture


EMPTY = "without text"
BARELY = "barely legible"
SIZE = (1600, 1200)


def scenes(seed: int = 0) -> list[Scene]:
    """All of them: those as they are, and those that the seed varies."""
    return [*as_they_are(), *degraded(seed), *empty(seed)]


def as_they_are() -> Iterator[Scene]:
    """The photographs with lettering, and every label in good light."""
    for picture in pictures.photographs():
        if picture.things:
            yield Scene("photograph", picture)
    for picture in pictures.labels():
        if picture.things:
            yield Scene("label", picture)
    for design in DESIGNS:
        yield Scene("label", _written("label", design.thing, arranged([design.drawn()], surface())))


def degraded(seed: int) -> Iterator[Scene]:
    """Labels under each of the `LENSES`, on photographs, and several in one picture."""
    for group, (count, lens) in LENSES.items():
        random = Random(f"{seed} {group}")  # noqa: S311 - nothing secret
        for thing, label in random.sample(_labels(), count):
            ground = surface() if group != "busy ground" else random.choice(_grounds())
            shown = lens(arranged([label], ground, random.uniform(-3, 3)), random)
            quality = random.randint(5, 14) if group == "crushed" else 85
            yield Scene(group, _written(group, thing, shown, quality))
    random = Random(f"{seed} several")  # noqa: S311
    for index in range(6):
        chosen = random.sample(_labels(), random.randint(2, 4))
        yield Scene(
            "several", Picture(f"several {index + 1}", jpeg(_shelf(chosen, random)), tuple(t for t, _ in chosen))
        )


def empty(seed: int) -> Iterator[Scene]:
    """Photographs without lettering, as they are and degraded, and pictures of nothing."""
    from PIL import Image

    for picture in pictures.photographs():
        if not picture.things:
            yield Scene(EMPTY, picture)
    random = Random(f"{seed} {EMPTY}")  # noqa: S311
    for name in ("horse", "ihc", "clock_motion", "phantom", "color"):
        yield Scene(EMPTY, Picture(name, jpeg(_photograph(f"{name}.png")), ()))
    for ground, (group, lens) in zip(
        random.sample(_grounds(), 4), [("askew", _askew), ("noisy", _noisy)] * 2, strict=True
    ):
        yield Scene(EMPTY, Picture(f"a ground, {group}", jpeg(lens(ground, random)), ()))
    noise = lenses.noisy(Image.new("RGB", (800, 600), (128, 128, 128)), 60, random.randrange(2**32))
    nothing = {
        "white": Image.new("RGB", SIZE, "white"),
        "black": Image.new("RGB", SIZE),
        "table top": surface(),
        "gradient": Image.radial_gradient("L").resize(SIZE).convert("RGB"),
        "noise": noise,
        "coarse noise": lenses.scaled(noise.resize((80, 60)), 20),
        "stripes": _texture(lambda x, y: x // 20 % 2 == 0),
        "uneven stripes": _texture(lambda x, y: x * x // 900 % 2 == 0),
        "tiles": _texture(lambda x, y: (x % 90 < 6) | (y % 60 < 6)),
        "rings": _texture(lambda x, y: ((x - 400) ** 2 + (y - 300) ** 2) // 4000 % 2 == 0),
        "checks": _texture(lambda x, y: (x // 50 + y // 50) % 2 == 0),
    }
    for name, picture_of in nothing.items():
        yield Scene(EMPTY, Picture(name, jpeg(picture_of), ()))


def _askew(shown: Image.Image, random: Random) -> Image.Image:
    return lenses.askew(shown, random.choice((-1, 1)) * random.uniform(4, 14))


def _tilted(shown: Image.Image, random: Random) -> Image.Image:
    return lenses.askew(shown, random.choice((-1, 1)) * random.uniform(18, 42))


def _turned(shown: Image.Image, random: Random) -> Image.Image:
    return lenses.turned(shown, random.randint(1, 3))


def _blurred(shown: Image.Image, random: Random) -> Image.Image:
    return lenses.blurred(shown, random.uniform(1.2, 3.2))


def _shaken(shown: Image.Image, random: Random) -> Image.Image:
    return lenses.shaken(shown, random.randint(3, 9))


def _noisy(shown: Image.Image, random: Random) -> Image.Image:
    return lenses.noisy(shown, random.uniform(12, 40), random.randrange(2**32))


def _dark(shown: Image.Image, random: Random) -> Image.Image:
    return lenses.dark(shown, random.uniform(0.08, 0.25), random.randrange(2**32))


def _pale(shown: Image.Image, random: Random) -> Image.Image:
    return lenses.pale(shown, random.uniform(0.1, 0.3))


def _glaring(shown: Image.Image, random: Random) -> Image.Image:
    return lenses.glaring(shown, random.uniform(0.3, 0.7), random.uniform(0.3, 0.7), random.uniform(0.2, 0.4))


def _as_it_is(shown: Image.Image, random: Random) -> Image.Image:
    return shown


def _far(shown: Image.Image, random: Random) -> Image.Image:
    """On a wide table: every other one in a large photo, which keeps its pixels, the others in a small one."""
    large = random.random() < 0.5
    factor = random.uniform(0.8, 1.0) if large else random.uniform(0.35, 0.6)
    ground = surface(3600, 2700) if large else surface()
    ground.paste(lenses.scaled(shown, factor), (random.randint(20, 300), random.randint(20, 200)))
    return ground


def _from_the_side(shown: Image.Image, random: Random) -> Image.Image:
    """One side farther away, by up to a third, and another a little."""
    a, b = random.uniform(0.1, 0.17), random.uniform(0.0, 0.06)
    corners = [(0.0, a), (1.0, b), (1.0, 1 - b), (0.0, 1 - a)]
    if random.random() < 0.5:
        corners = [(1 - x, y) for x, y in (corners[1], corners[0], corners[3], corners[2])]
    return lenses.from_the_side(shown, corners)


def _everything(shown: Image.Image, random: Random) -> Image.Image:
    """A hurried photo: a little of all of it."""
    shown = lenses.blurred(_from_the_side(_askew(shown, random), random), random.uniform(0.5, 1.5))
    return lenses.dark(shown, random.uniform(0.25, 0.6), random.randrange(2**32))


def _barely(shown: Image.Image, random: Random) -> Image.Image:
    """Much too much of one thing: some of these nobody could read."""
    noise = random.randrange(2**32)
    ways: tuple[Callable[[], Image.Image], ...] = (
        lambda: lenses.blurred(shown, random.uniform(3, 8)),
        lambda: lenses.shaken(shown, random.randint(10, 30)),
        lambda: lenses.noisy(shown, random.uniform(50, 130), noise),
        lambda: lenses.dark(shown, random.uniform(0.02, 0.07), noise),
        lambda: lenses.pale(shown, random.uniform(0.02, 0.08)),
        lambda: lenses.scaled(lenses.scaled(shown, random.uniform(0.15, 0.35)), 2),
    )
    return random.choice(ways)()


LENSES: dict[str, tuple[int, Lens]] = {
    "turned": (4, _turned),
    "askew": (5, _askew),
    "tilted": (6, _tilted),
    "blurred": (5, _blurred),
    "shaken": (4, _shaken),
    "noisy": (5, _noisy),
    "dark": (5, _dark),
    "pale": (5, _pale),
    "glaring": (4, _glaring),
    "crushed": (5, _as_it_is),
    "far": (7, _far),
    "from the side": (5, _from_the_side),
    "busy ground": (7, _as_it_is),
    "hurried": (5, _everything),
    BARELY: (12, _barely),
}


@cache
def _labels() -> list[tuple[Thing, Image.Image]]:
    """Each thing with lettering of its own, and its label."""
    drawn = (pictures.COFFEE, pictures.OAT_MILK, pictures.TRADING_CARDS, pictures.GARMENT_CARTON, pictures.BALLOONS)
    jars = [(thing, pictures.label(thing, 420, 460)) for thing in (pictures.HONEY, pictures.JAM)]
    return [
        *((thing, pictures.label(thing)) for thing in drawn),
        *jars,
        *((design.thing, design.drawn()) for design in DESIGNS),
    ]


@cache
def _grounds() -> list[Image.Image]:
    """Photographs without lettering, as large as a table top."""
    from PIL import Image

    names = (
        "astronaut.png",
        "brick.png",
        "chelsea.png",
        "coffee.png",
        "coins.png",
        "grass.png",
        "gravel.png",
        "rocket.jpg",
    )
    return [_photograph(name).resize(SIZE, Image.Resampling.BICUBIC) for name in names]


def _photograph(name: str) -> Image.Image:
    from importlib.resources import files

    from PIL import Image

    picture = Image.open(BytesIO((files("skimage") / "data" / name).read_bytes())).convert("RGBA")
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _shelf(chosen: list[tuple[Thing, Image.Image]], random: Random) -> Image.Image:
    """Different labels in two rows, photographed as a phone does: 12 megapixels shrunk to 5."""
    ground = surface(2560, 1920)
    for index, (_, label) in enumerate(chosen):
        shown = lenses.scaled(label, min(1.0, 1020 / label.width, 780 / label.height) * random.uniform(0.8, 1.0))
        turned = shown.convert("RGBA").rotate(random.uniform(-3, 3), expand=True)
        column, row = index % 2, index // 2
        x, y = (1280 - turned.width) // 2 + 1280 * column, (960 - turned.height) // 2 + 960 * row
        ground.paste(turned, (x, y + random.randint(-30, 30)), turned)
    return ground


def _texture(filled: Callable[[Any, Any], Any]) -> Image.Image:
    """Dark where the function of the pixel's x and y says so."""
    import numpy as np
    from PIL import Image

    y, x = np.indices((600, 800))
    return Image.fromarray(np.where(filled(x, y), 40, 210).astype(np.uint8)).convert("RGB")


def _written(group: str, thing: Thing, shown: Image.Image, quality: int = 85) -> Picture:
    return Picture(f"{thing.name.lower()}, {group}", jpeg(shown, quality), (thing,))
