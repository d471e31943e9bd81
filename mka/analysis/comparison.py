"""Compare two similarities of the same layers: of two measures, of two calibration texts, of two models."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import kendalltau, rankdata

from mka.errors import BadInput
from mka.objects.comparison import Agreement, Comparison
from mka.objects.similarity import Similarity

Array = np.ndarray


def compare(first: Similarity, second: Similarity) -> Comparison:
    """How far two similarities rank the same pairs of layers the same; distances count from the small end.

    Ranks only, so that measures of any scale can be compared. Raises BadInput for matrices of different depth.
    """
    if first.layers != second.layers:
        raise BadInput(
            f"one similarity is of {first.layers} layers and the other of {second.layers}; "
            "compare two of the same depth"
        )
    pairs = [(one, other) for one in range(first.layers) for other in range(one + 1, first.layers)]
    neighbours = [pair for pair in pairs if pair[1] == pair[0] + 1]
    return Comparison(
        (first.measure, second.measure), _agreement(first, second, neighbours), _agreement(first, second, pairs)
    )


def _agreement(first: Similarity, second: Similarity, pairs: list[tuple[int, int]]) -> Agreement:
    places = np.array(pairs, dtype=int).reshape(-1, 2)
    alike = np.stack([_alikeness(one)[places[:, 0], places[:, 1]] for one in (first, second)], axis=1)
    valued = ~np.isnan(alike).any(axis=1)
    ranks = np.stack([rankdata(-alike[valued, side]) for side in (0, 1)], axis=1)
    comparable = len(ranks) > 1 and bool(np.ptp(ranks, axis=0).all())
    return Agreement(
        pairs=tuple(pair for pair, has in zip(pairs, valued, strict=True) if has),
        ranks=ranks,
        # Spearman's coefficient is Pearson's of the ranks, also where there are ties.
        spearman=float(np.corrcoef(ranks.T)[0, 1]) if comparable else math.nan,
        kendall=float(kendalltau(ranks[:, 0], ranks[:, 1]).statistic) if comparable else math.nan,
    )


def _alikeness(similarity: Similarity) -> Array:
    """The matrix turned so that more is more alike."""
    return similarity.values if similarity.higher_is_alike else -similarity.values
