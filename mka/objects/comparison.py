"""How far two matrices of layer similarity say the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Agreement:
    """Two rankings of the same m pairs of layers. Rank 1 is the pair most alike, equal pairs share their mean rank.

    pairs:     m pairs (l, k), l < k, of those where both matrices have a value
    ranks:     float64 (m, 2), rank of each pair in the first and in the second matrix
    spearman:  correlation of the ranks, in [-1, 1]; NaN for fewer than two pairs or where one side ranks all the same
    kendall:   Kendall's tau-b of the ranks, likewise
    """

    pairs: tuple[tuple[int, int], ...]
    ranks: np.ndarray
    spearman: float
    kendall: float

    def moved(self, count: int) -> tuple[int, ...]:
        """The places in `pairs` of at most `count` pairs whose rank differs, the farthest moved first."""
        distance = np.abs(self.ranks[:, 1] - self.ranks[:, 0])
        order = np.argsort(-distance, kind="stable")
        return tuple(int(place) for place in order[:count] if distance[place] > 0)


@dataclass(frozen=True)
class Comparison:
    """Two similarities side by side.

    measures:   of the first and of the second
    adjacent:   over the pairs of neighbours (l, l + 1)
    all_pairs:  over all pairs of different layers
    """

    measures: tuple[str, str]
    adjacent: Agreement
    all_pairs: Agreement
