"""The balloons that can be made out in a photo or drawing, one by one.

Circles are proposed by the Hough transform on each channel of Lab, and believed when they look like
a balloon: a step in colour along the rim, one hue inside, and lightness that runs over it as over a
ball.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions.detect_local.colours import LIGHTNESS_WEIGHT, Lab

if TYPE_CHECKING:
    from PIL import Image

# Long side in pixels of the copy that is searched: a balloon of a hundred is then 16 wide or more.
SIDE = 640
# A dark photo is lit up so that its highlights are white, at most this much: beyond it noise is lit.
HIGHLIGHT = 250
MOST_GAIN = 4.0
# a* and b* of pastels span a fifth of the scale.
CHROMA_STRETCH = 2.5
# OpenCV's HOUGH_GRADIENT_ALT: edge threshold (of its Scharr gradient), and how perfect a circle must be.
EDGE, PERFECTION = 200, 0.6
SMALLEST = 8
LARGEST = 0.3  # of the short side: what fills the picture is a plate, a lamp or an eye as well
MOST_CANDIDATES = 400

# What a candidate must show. Chosen on designs that `local.balloons` draws for choosing and on its
# pictures without any, at three sizes. RIM: the part of the circle where the colour steps; a balloon
# behind others keeps half of it. PURE: the part of its face in one hue. BALL: how much of its
# lightness a lit ball explains (R²); what is round in other photographs has 0.7, a balloon 0.99 (medians).
RIM, PURE, BALL = 0.5, 0.75, 0.88
SPAN = 8.0  # lightness from a ball's shade to its light; a drawn balloon has less: it is flat
FLAT_RIM, FLAT_CHROMA = 0.7, 18.0
# Black rubber shows no shade, but the lamp.
DARK, GLEAM = 22.0, 25.0
# Of a circle at least this much must not belong to balloons in front of it.
FREE = 0.3
STEP = 6.0  # colour difference at a rim, over two of the rings
RINGS = (0.68, 0.76, 0.84, 0.92, 1.0, 1.08, 1.16)  # radii
KEPT = 0.75  # of a face, what the ball's light is judged by
SAME_HUE = 9.0  # colour difference within a face, lightness aside
# One balloon is believed alone only when it is as round, whole and coloured as this; others follow it.
SURE_RIM, SURE_BALL, SURE_CHROMA = 0.75, 0.97, 12.0
# Of flat or colourless ones it takes so many: one is a logo's dot, a button, a lamp.
SEVERAL = 3


@dataclass(frozen=True)
class Disc:
    """One balloon: pixels of the searched copy, the colour it is painted, and what it proves: see `discs`."""

    x: float
    y: float
    radius: float
    colour: Lab
    proof: float


@dataclass(frozen=True)
class Face:
    """What is seen inside a circle: shares 0..1 (see PURE and BALL), lightness from shade to light and
    from the middle to the brightest, colour."""

    pure: float
    ball: float
    span: float
    gleam: float
    colour: Lab

    @property
    def chroma(self) -> float:
        return math.hypot(*self.colour[1:])


def discs(lab: Any) -> list[Disc]:
    """The balloons of a copy in Lab, those in front first; none without proof that it shows any.

    A ball that is whole, round and coloured is proof; so are several that are colourless, or flat.
    """
    import numpy as np

    circles = _candidates(lab)
    eye = _Eye(lab)
    rims = eye.rims(circles)
    found: list[Disc] = []
    for index in np.argsort(-rims, kind="stable"):
        if rims[index] < RIM:
            break
        disc = eye.judge(circles[index], float(rims[index]))
        if disc:
            found.append(disc)
    return found if sum(disc.proof for disc in found) > 0.99 else []


def searched(picture: Image.Image) -> Any:
    """The picture in Lab, float (height, width, 3): small, lit up, without noise."""
    import cv2
    import numpy as np

    scale = min(SIDE / max(picture.size), 1.0)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    rgb = np.asarray(picture.resize((width, height), reducing_gap=2.0))
    brightest = float(np.percentile(rgb.max(axis=2), 99.5))
    gain = min(max(HIGHLIGHT / max(brightest, 1.0), 1.0), MOST_GAIN)
    lit = cv2.medianBlur(cv2.convertScaleAbs(rgb, alpha=gain), 5)
    return cv2.cvtColor(lit.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _candidates(lab: Any) -> Any:
    """Circles (n, 3) of x, y and radius, every channel's."""
    import cv2
    import numpy as np

    stretched = lab * np.array([2.55, CHROMA_STRETCH, CHROMA_STRETCH], np.float32) + np.array([0, 128, 128], np.float32)
    found = [
        cv2.HoughCircles(
            channel,
            cv2.HOUGH_GRADIENT_ALT,
            1.5,
            minDist=6,
            param1=EDGE,
            param2=PERFECTION,
            minRadius=SMALLEST,
            maxRadius=max(SMALLEST, int(LARGEST * min(lab.shape[:2]))),
        )
        for channel in cv2.split(np.clip(stretched, 0, 255).astype(np.uint8))
    ]
    circles = [each[0, :, :3] for each in found if each is not None]
    return np.concatenate(circles)[:MOST_CANDIDATES] if circles else np.empty((0, 3), np.float32)


class _Eye:
    """Looks at circles of one picture, and remembers what belongs to the balloons it has seen."""

    def __init__(self, lab: Any) -> None:
        import cv2
        import numpy as np

        self.lab = cv2.GaussianBlur(lab, (0, 0), 1.0)
        self.height, self.width = lab.shape[:2]
        self.claimed = np.zeros(lab.shape[:2], np.uint8)
        turns = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        self.ring = np.stack([np.cos(turns), np.sin(turns)], axis=1)
        x, y = np.meshgrid(np.linspace(-1, 1, 28), np.linspace(-1, 1, 28))
        inside = np.hypot(x, y) < 0.88
        self.face = np.stack([x[inside], y[inside]], axis=1)
        # A matt ball's lightness follows its surface's direction x, y, z (Lambert's law).
        self.directions = np.column_stack([self.face, np.sqrt(1 - (self.face**2).sum(axis=1)), np.ones(inside.sum())])

    def rims(self, circles: Any) -> Any:
        """Of circles (n, 3), the part of each beside which the colour steps, and more than it does inside.

        Balloons are longer than wide by up to a sixth: the step may be that much nearer or farther.
        """
        import numpy as np

        weights = np.array([LIGHTNESS_WEIGHT, 1, 1], np.float32)
        rings = [self.lab[self._at(circles, self.ring * away)] * weights for away in RINGS]
        steps = [np.linalg.norm(outer - inner, axis=2) for inner, outer in zip(rings, rings[2:], strict=False)]
        inside, step = steps[0], np.max(steps[1:], axis=0)
        return ((step > STEP) & (step > 1.5 * inside)).mean(axis=1)

    def judge(self, circle: Any, rim: float) -> Disc | None:
        """The balloon in a circle, which is its own from now on; None where there is none."""
        import cv2

        spots = self._at(circle, self.face)
        free = self.claimed[spots] == 0
        if free.mean() < FREE:
            return None
        face = _face(self.lab[spots][free], self.directions[free])
        round_ = face.ball >= BALL and face.span >= SPAN
        flat = face.span < SPAN and rim >= FLAT_RIM and face.chroma >= FLAT_CHROMA
        dark = face.colour[0] < DARK and face.gleam > GLEAM and rim >= FLAT_RIM
        if face.pure < PURE or not (round_ or flat or dark):
            return None
        x, y, radius = map(float, circle)
        cv2.circle(self.claimed, (round(x), round(y)), round(radius), 1, cv2.FILLED)
        sure = rim >= SURE_RIM and (flat or face.ball >= SURE_BALL)
        weak = flat or face.chroma < SURE_CHROMA
        return Disc(x, y, radius, face.colour, sure / (SEVERAL if weak else 1))

    def _at(self, circles: Any, places: Any) -> tuple[Any, Any]:
        """Rows and columns of places (m, 2) in radii from the middle of circles (…, 3); outside: the border."""
        import numpy as np

        x, y, radius = (circles[..., index, None] for index in range(3))
        return (
            np.clip(y + radius * places[:, 1], 0, self.height - 1).astype(int),
            np.clip(x + radius * places[:, 0], 0, self.width - 1).astype(int),
        )


def _face(pixels: Any, directions: Any) -> Face:
    """Judges pixels (n, 3) that look in `directions` (n, 4)."""
    import numpy as np

    middle = np.median(pixels, axis=0)
    shade = np.clip(pixels[:, :1] / max(float(middle[0]), 5.0), 0.3, 1.5)  # takes chroma along with lightness
    same = np.linalg.norm(pixels[:, 1:] - middle[1:] * shade, axis=1) < SAME_HUE
    painted, light = pixels[same], pixels[same, 0]
    if len(light) < 20:
        return Face(0, 0, 0, 0, (0, 0, 0))
    ball = _explained(directions[same], light)
    dark, middling, lit, bright = np.percentile(light, [5, 50, 85, 95])
    # Between shade and highlight a balloon shows its paint.
    paint = np.median(painted[(light >= middling) & (light <= lit)], axis=0)
    return Face(
        pure=float(same.mean()),
        ball=ball,
        span=float(bright - dark),
        gleam=float(np.percentile(pixels[:, 0], 99) - middle[0]),
        colour=(float(paint[0]), float(paint[1]), float(paint[2])),
    )


def _explained(directions: Any, light: Any) -> float:
    """How much of the lightness a lit ball explains (R²), gleams and the shadows of neighbours left out."""
    import numpy as np

    for _ in range(2):
        left = light - directions @ np.linalg.lstsq(directions, light, rcond=None)[0]
        explained = 1 - float(left.var()) / max(float(light.var()), 1.0)
        kept = np.abs(left) <= np.quantile(np.abs(left), KEPT)
        directions, light = directions[kept], light[kept]
    return explained
