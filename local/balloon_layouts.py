"""Where the balloons of a design hang: garlands, arches, columns, clusters, bouquets. Those behind come first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

SIZE = (1200, 900)


@dataclass(frozen=True)
class Balloon:
    """Middle and radius in pixels; `stretch` is length to width, along `tilt` (radians from upright)."""

    x: float
    y: float
    radius: float
    colour: str
    stretch: float = 1.06
    tilt: float = 0.0


def _pick(random: Any, colours: Sequence[str]) -> str:
    return str(colours[int(random.integers(len(colours)))])


def _along(random: Any, colours: Sequence[str], path: Callable[[float], tuple[float, float]], steps: int) -> Any:
    """An organic garland: handfuls of balloons of mixed sizes beside a path, large ones behind."""
    made = []
    for step in range(steps):
        x, y = path(step / max(steps - 1, 1))
        for _ in range(3):
            radius = float(random.choice([26, 38, 52, 66], p=[0.3, 0.3, 0.25, 0.15]))
            away, turn = random.uniform(0.35, 1.0) * 80, random.uniform(0, math.tau)
            at = x + away * math.cos(turn), y + away * math.sin(turn)
            made.append(
                Balloon(*at, radius, _pick(random, colours), random.uniform(1.0, 1.12), random.uniform(-1.5, 1.5))
            )
    return sorted(made, key=lambda each: -each.radius)


def _garland(random: Any, colours: Sequence[str]) -> Any:
    sag, steps = random.uniform(60, 330), int(random.integers(8, 17))
    return _along(
        random, colours, lambda t: (140 + 920 * t, 300 + sag * math.sin(math.pi * t) + 60 * math.sin(7 * t)), steps
    )


def _arch(random: Any, colours: Sequence[str]) -> Any:
    """Rows of three across a half circle, in the pattern that decorators call a spiral."""
    made = []
    rows, radius = int(random.integers(15, 20)), random.uniform(40, 48)
    for row in range(rows):
        turn = math.pi * (1 - row / (rows - 1))
        for place, out in enumerate((-1, 1, 0)):
            ring = 400 + out * radius * 0.95
            x, y = 600 + ring * math.cos(turn) * 1.15, 840 - ring * math.sin(turn) * 1.6
            made.append((place, Balloon(x, y, radius, colours[(row + place) % len(colours)], 1.03, turn)))
    return [each for _, each in sorted(made, key=lambda pair: pair[0])]


def _column(random: Any, colours: Sequence[str]) -> Any:
    """Quads on a pole, two in front of two, each a turn further."""
    made = []
    radius = random.uniform(52, 62)
    for middle in (400, 800):
        for layer in range(7):
            y = 110 + layer * radius * 2.05
            for behind, across in ((1, -0.62), (1, 0.62), (0, -0.98), (0, 0.98)):
                colour = colours[(layer + behind) % len(colours)]
                y_ = y - radius * 0.75 if behind else y
                made.append((-behind, Balloon(middle + across * radius, y_, radius * 0.97, colour, 1.02)))
    return [each for _, each in sorted(made, key=lambda pair: pair[0])]


def _clusters(random: Any, colours: Sequence[str]) -> Any:
    """Groups of four to six that stand apart."""
    made = []
    spots = [(230, 230), (640, 200), (1000, 300), (300, 660), (860, 680)]
    for x, y in spots[: int(random.integers(3, 6))]:
        radius, several, start = random.uniform(46, 66), int(random.integers(4, 7)), random.uniform(0, math.tau)
        for index in range(several):
            turn = start + math.tau * index / several
            away = radius * (0.6 + several * 0.16)
            made.append(Balloon(x + away * math.cos(turn), y + away * math.sin(turn), radius, _pick(random, colours)))
    return made


def _bouquet(random: Any, colours: Sequence[str]) -> Any:
    """Balloons on strings that meet below."""
    made: list[Balloon] = []
    wanted, radius = int(random.integers(7, 14)), random.uniform(68, 84)
    while len(made) < wanted:
        x, y = random.normal(600, 190), random.normal(330, 110)
        if radius < y < 560 and all(math.dist((x, y), (each.x, each.y)) > 1.25 * radius for each in made):
            made.append(Balloon(x, y, radius, _pick(random, colours), 1.14, (x - 600) / 1200))
    return made


def _floating(random: Any, colours: Sequence[str]) -> Any:
    """Each on its own, of several sizes."""
    made: list[Balloon] = []
    wanted = int(random.integers(9, 18))
    while len(made) < wanted:
        radius = random.uniform(36, 78)
        x, y = random.uniform(100, 1100), random.uniform(100, 780)
        if all(math.dist((x, y), (each.x, each.y)) > 1.1 * (radius + each.radius) for each in made):
            made.append(Balloon(x, y, radius, _pick(random, colours), random.uniform(1.0, 1.16)))
    return made


def _single(random: Any, colours: Sequence[str]) -> Any:
    return [Balloon(random.uniform(480, 720), random.uniform(300, 450), random.uniform(120, 200), colours[0], 1.12)]


LAYOUTS: dict[str, Callable[[Any, Sequence[str]], list[Balloon]]] = {
    "garland": _garland,
    "arch": _arch,
    "column": _column,
    "clusters": _clusters,
    "bouquet": _bouquet,
    "floating": _floating,
    "drawing": _bouquet,
    "single": _single,
}
