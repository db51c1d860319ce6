"""Pictures of balloon designs, rendered, with the truth about each: how many balloons of which colour.

Balloons are shaded ellipsoids with highlights, shadows, knots and strings, drawn back to front; the
truth counts those of which enough is left to see. Colours are this file's own and vary from balloon
to balloon; they are not the engine's reference values. The same bytes come out every time.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any

from local.balloon_layouts import LAYOUTS, SIZE, Balloon
from local.pictures import labels, photographs

# Of a balloon at least this much of its disc shows, or nobody would count it.
VISIBLE = 0.2
# Towards the lamp, x right, y down, z to the viewer.
LIGHT = (-0.45, -0.62, 0.64)

PAINT = {
    "white": "#f7f6f4",
    "ivory": "#f3e7cf",
    "black": "#211f22",
    "grey": "#85868a",
    "silver": "#c3c7cc",
    "gold": "#cda23c",
    "rose gold": "#c48481",
    "red": "#d4222c",
    "burgundy": "#74162c",
    "coral": "#f8786a",
    "orange": "#f7861f",
    "peach": "#f8c49f",
    "yellow": "#fbd92e",
    "green": "#21933f",
    "lime": "#a5d13c",
    "mint": "#aee3cb",
    "teal": "#12797d",
    "turquoise": "#3bc4c4",
    "light blue": "#9cccec",
    "royal blue": "#2450b8",
    "navy": "#1c2a58",
    "purple": "#6f3194",
    "lilac": "#c4a8dc",
    "pink": "#f5adc6",
    "hot pink": "#e63a8e",
    "brown": "#7a4c31",
}
METALLIC = frozenset({"silver", "gold", "rose gold"})


@dataclass(frozen=True)
class Design:
    """`image` is JPEG bytes; `balloons` is how many of each colour are to be seen."""

    name: str
    image: bytes
    balloons: dict[str, int]

    @property
    def count(self) -> int:
        """Balloons of all colours."""
        return sum(self.balloons.values())


# Layout, surroundings, what the camera did. Each is drawn twice, in colours drawn by lot: once to choose
# the engine's constants by, once to judge them by.
PLAN = (
    ("garland", "wall", ""),
    ("garland", "wall", "dark"),
    ("garland", "brick", "noise"),
    ("garland", "gravel", ""),
    ("arch", "wall", "noise"),
    ("arch", "brick", "blur"),
    ("arch", "wall", ""),
    ("column", "wall", ""),
    ("column", "coffee", "blur"),
    ("clusters", "chelsea", ""),
    ("clusters", "rocket", ""),
    ("clusters", "wall", "dark noise"),
    ("clusters", "wall", ""),
    ("bouquet", "wall", ""),
    ("bouquet", "coffee", ""),
    ("bouquet", "astronaut", ""),
    ("bouquet", "chelsea", "noise"),
    ("floating", "grass", ""),
    ("floating", "gravel", "noise"),
    ("floating", "wall", "blur"),
    ("floating", "wall", "dark"),
    ("drawing", "paper", ""),
    ("drawing", "paper", "noise"),
    ("single", "wall", ""),
)
MOST_COLOURS = 4


@cache
def designs(seed: int) -> tuple[Design, ...]:
    """One for each line of the plan."""
    return tuple(_design(seed + index, *plan) for index, plan in enumerate(PLAN))


def to_choose_by() -> tuple[Design, ...]:
    """What constants may be chosen by."""
    return designs(1000)


def held_out() -> tuple[Design, ...]:
    """What says how good they are, and is looked at for nothing else."""
    return designs(2000)


def _design(seed: int, layout: str, surroundings: str, camera: str) -> Design:
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(seed)
    colours = [str(each) for each in random.permutation(sorted(PAINT))[: random.integers(2, MOST_COLOURS + 1)]]
    balloons = LAYOUTS[layout](random, colours)
    canvas = _surroundings(random, surroundings)
    owner = np.full(canvas.shape[:2], -1)
    whole = [_draw(canvas, owner, number, each, random, layout) for number, each in enumerate(balloons)]
    left = np.bincount(owner[owner >= 0], minlength=len(balloons))
    seen = Counter(each.colour for each, all_, now in zip(balloons, whole, left, strict=True) if now >= VISIBLE * all_)
    out = BytesIO()
    pixels = _photographed(canvas, camera, random)
    Image.fromarray(pixels).save(out, "JPEG", quality=88)
    return Design(f"{layout}, {surroundings} {camera}".strip(), out.getvalue(), dict(seen))


def _surroundings(random: Any, name: str) -> Any:
    """Float pixels, 0..255: a lit wall, paper, or a photograph that the scikit-image wheel holds."""
    import numpy as np
    from PIL import Image

    if name == "paper":
        return np.full((SIZE[1], SIZE[0], 3), 252.0)
    if name != "wall":
        from importlib.resources import files

        file = files("skimage") / "data" / (f"{name}.jpg" if name == "rocket" else f"{name}.png")
        with Image.open(BytesIO(file.read_bytes())) as photo:
            return np.asarray(photo.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC), dtype=float).copy()
    tone = random.uniform(150, 225) + random.uniform(-14, 14, 3)
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    light = 1.08 - 0.28 * np.hypot(x - 300, y - 200) / 1100
    wall = tone * light[..., None] + random.normal(0, 2, (SIZE[1], SIZE[0], 1))
    wall[SIZE[1] - 90 :] *= 0.72  # the floor
    return wall


def _draw(canvas: Any, owner: Any, number: int, balloon: Balloon, random: Any, layout: str) -> int:
    """One balloon over what is there; returns how many pixels of it the picture has room for."""
    import numpy as np

    paint = np.array([int(PAINT[balloon.colour][at : at + 2], 16) for at in (1, 3, 5)], dtype=float)
    paint = np.clip(paint * random.uniform(0.94, 1.04) + random.uniform(-5, 5, 3), 0, 255)
    if layout in ("bouquet", "floating", "drawing", "single"):
        end = (600.0, 880.0) if layout in ("bouquet", "drawing") else (balloon.x, balloon.y + 3 * balloon.radius)
        _string_and_knot(canvas, owner, balloon, end, paint)
    reach = balloon.radius * 1.5
    left, right = (round(min(max(balloon.x + side * reach, 0), SIZE[0])) for side in (-1, 1))
    top, bottom = (round(min(max(balloon.y + side * reach, 0), SIZE[1])) for side in (-1, 1))
    window = canvas[top:bottom, left:right]
    y, x = np.mgrid[top:bottom, left:right]
    dx, dy = x - balloon.x, y - balloon.y
    cos, sin = math.cos(balloon.tilt), math.sin(balloon.tilt)
    u = (dx * cos + dy * sin) / balloon.radius
    v = (dy * cos - dx * sin) / (balloon.radius * balloon.stretch)
    away = np.hypot(u, v)
    cover = np.clip((1 - away) * balloon.radius + 0.5, 0, 1)[..., None]
    if layout == "drawing":
        gleam = np.where(np.hypot(u + 0.38, v + 0.42) < 0.14, 0.8, 0.0)[..., None]
        line = np.clip(2.5 - np.abs(away - 1) * balloon.radius, 0, 1)[..., None]
        window[:] = window * (1 - cover) + (paint * (1 - gleam) + 255 * gleam) * cover
        window[:] = window * (1 - line) + 40 * line
    else:
        shadow = np.clip(1.25 - np.hypot(dx - 0.12 * balloon.radius, dy - 0.18 * balloon.radius) / balloon.radius, 0, 1)
        window *= 1 - np.minimum(shadow, 0.35)[..., None]
        window[:] = window * (1 - cover) + _lit(paint, dx, dy, away, balloon) * cover
    mine = away <= 1
    owner[top:bottom, left:right][mine] = number
    return int(mine.sum())


def _lit(paint: Any, dx: Any, dy: Any, away: Any, balloon: Balloon) -> Any:
    """Rubber under a lamp and the light of a room: diffuse, a highlight, and a rim that glows through."""
    import numpy as np

    towards_us = np.sqrt(np.clip(1 - away**2, 0, 1))
    right, down = dx / balloon.radius, dy / balloon.radius
    diffuse = np.clip(right * LIGHT[0] + down * LIGHT[1] + towards_us * LIGHT[2], 0, 1)
    mirrored = np.clip(2 * diffuse * towards_us - LIGHT[2], 0, 1)
    metallic = balloon.colour in METALLIC
    shade = 0.5 + 0.55 * diffuse + (0.0 if metallic else 0.1 * (1 - towards_us) ** 2)
    if metallic:  # bands of the room
        shade = shade * (1 + 0.14 * np.sin(5 * down + 2 * right))
    gleam = (0.85 * mirrored ** (16 if metallic else 40) + 0.12 * mirrored**6)[..., None]
    return np.clip(paint * shade[..., None], 0, 255) * (1 - gleam) + 255 * gleam


def _string_and_knot(canvas: Any, owner: Any, balloon: Balloon, end: tuple[float, float], paint: Any) -> None:
    """A ribbon from the balloon's lower end, and the knot it is tied to."""
    import numpy as np

    length = balloon.radius * balloon.stretch
    x, y = balloon.x - length * math.sin(balloon.tilt), balloon.y + length * math.cos(balloon.tilt)
    t = np.linspace(0, 1, 1500)
    across = np.clip(x + (end[0] - x) * t + 6 * np.sin(9 * t), 0, SIZE[0] - 2).astype(int)
    down = np.clip(y + (end[1] - y) * t, 0, SIZE[1] - 2).astype(int)
    for aside in (0, 1):
        canvas[down, across + aside] = 235
        owner[down, across + aside] = -1
    for row in range(int(balloon.radius * 0.22)):
        at, half = round(y - 2 + row), 2 + row // 3
        if 0 <= at < SIZE[1]:
            canvas[at, max(0, round(x) - half) : round(x) + half] = paint * 0.75


def _photographed(canvas: Any, camera: str, random: Any) -> Any:
    """8-bit pixels, after what `camera` names: blur, dark, noise."""
    import numpy as np
    from PIL import Image, ImageFilter

    if "dark" in camera:
        canvas = canvas * 0.35
    if "noise" in camera:
        canvas = canvas + random.normal(0, 7, canvas.shape)
    pixels = np.clip(canvas, 0, 255).astype(np.uint8)
    if "blur" in camera:
        pixels = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(3)))
    return pixels


@cache
def without_balloons() -> tuple[tuple[str, bytes], ...]:
    """Names and bytes of pictures that show none: photographs, labels, faces, noise, nothing."""
    from importlib.resources import files

    import numpy as np
    from PIL import Image

    data = files("skimage") / "data"
    more = ("cell.png", "color.png", "horse.png", "ihc.png", "logo.png", "motorcycle_right.png", "phantom.png")
    shown = [(each.name, each.image) for each in photographs() + labels()]
    shown += [(name.partition(".")[0], (data / name).read_bytes()) for name in more]
    random = np.random.default_rng(7)
    faces = np.load(BytesIO((data / "lfw_subset.npy").read_bytes()))[:100]  # 100 faces of 25 x 25, the first half
    sheet = (np.vstack([np.hstack(faces[row * 10 : row * 10 + 10]) for row in range(10)]) * 255).astype(np.uint8)
    for name, pixels in {
        "faces": np.asarray(Image.fromarray(sheet).resize((1000, 1000))),
        "noise": random.integers(0, 256, (600, 800, 3), dtype=np.uint8),
        "blank": np.full((600, 800, 3), 255, np.uint8),
        "shade": np.tile(np.linspace(0, 255, 800).astype(np.uint8), (600, 1)),
    }.items():
        out = BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        shown.append((name, out.getvalue()))
    return tuple(shown)
