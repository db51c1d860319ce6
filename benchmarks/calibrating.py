"""`python -m benchmarks.calibrating`: fits the knots of functions/detect_local/calibration.py anew, and prints them.

Ten minutes. The pictures are spoiled by other seeds than those that `seeing` measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from benchmarks.seeing import SEED, seen
from local.scenes import degraded

SEEDS = range(SEED + 1, SEED + 6)
# Scores are taken together between these: finer where nearly all of them are.
EDGES = (0.0, 0.88, 0.93, 0.96, 0.98, 0.988, 0.9915, 0.995, 1.0)

Pair = tuple[float, bool]


def main() -> None:
    """Fit, and print what to write down."""
    pairs = [pair for seed in SEEDS for each in seen(list(degraded(seed))) for pair in each.scored]
    print(f"On {len(pairs)} items, {sum(right for _, right in pairs)} of them right:")
    for score, share in fitted(pairs):
        print(f"    ({score:.4f}, {share:.4f}),")


def fitted(pairs: Sequence[Pair]) -> list[tuple[float, float]]:
    """The mean score of each bin, and the share that is right: never falling, and never quite one.

    Laplace's rule of succession keeps few items from proving much; bins out of order are taken
    together (pool adjacent violators), so that a higher score is never worth less.
    """
    pools: list[list[Pair]] = []
    for low, high in pairwise(EDGES):
        pools.append([pair for pair in pairs if low < pair[0] <= high])
        while not pools[-1] or (len(pools) > 1 and _share(pools[-2]) >= _share(pools[-1])):
            last = pools.pop()
            if not pools:
                break
            pools[-1] = pools[-1] + last
    return [(sum(score for score, _ in pool) / len(pool), _share(pool)) for pool in pools]


def _share(pool: Sequence[Pair]) -> float:
    return (sum(right for _, right in pool) + 1) / (len(pool) + 2)


if __name__ == "__main__":
    main()
