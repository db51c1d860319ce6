"""From the engines' scores to how often what they say is right. Pure."""

from __future__ import annotations

from itertools import pairwise

# Score, and the share of items with it that are right: named to the letter, and with the right code
# if they have one.
KNOTS = ((0.0, 0.0), (1.0, 1.0))


def calibrated(score: float) -> float:
    """How probably an item of this score is right, on straight lines between the knots; 0 without evidence."""
    for (low, least), (high, most) in pairwise(KNOTS):
        if score <= high:
            return least + (most - least) * max(score - low, 0.0) / (high - low)
    return KNOTS[-1][1]
