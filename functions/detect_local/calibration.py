"""From the engines' scores to how often what they say is right. Pure."""

from __future__ import annotations

from itertools import pairwise

# Score, and the share of items with such a score that are right: named to the letter, and with the
# right code if they have one. Fitted on 497 items, 492 of them right, in 450 pictures of spoiled labels
# (`python -m benchmarks.calibrating`: isotonic regression on binned scores, with Laplace's rule of
# succession, so that few items prove little). `python -m benchmarks seeing` measures it on others.
KNOTS = (
    (0.0, 0.0),
    (0.8544, 0.3333),
    (0.9213, 0.7500),
    (0.9501, 0.9565),
    (0.9738, 0.9714),
    (0.9847, 0.9841),
    (0.9912, 0.9888),
)


def calibrated(score: float) -> float:
    """How probably an item of this score is right, on straight lines between the knots; 0 without evidence."""
    for (low, least), (high, most) in pairwise(KNOTS):
        if score <= high:
            return least + (most - least) * max(score - low, 0.0) / (high - low)
    return KNOTS[-1][1]
