"""NPIB: how much of one layer's arrangement of the points the other layer's arrangement tells, in [0, 1].

Axes: L layers, n points, k map dimensions. Logarithms are natural; they cancel in the ratio.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from mka.errors import BadInput

Array = np.ndarray

TIE = 1e-9
"""Coordinates closer than this share of an axis' spread count as equal: rounding in the eigensolver moves
points that coincide apart by about 1e-14, differently for each order of the points."""

MINIMUM_POINTS = 4


def bins_per_axis(n: int) -> int:
    """round(n^(1/4)), at least 2: with two axes about sqrt(n) cells, so about sqrt(n) points in each."""
    return max(2, round(n**0.25))


def tied_ranks(values: Array) -> Array:
    """Ranks 1..n of a vector (n,), equal values sharing their mean rank; independent of the points' order."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    spread = ascending[-1] - ascending[0]
    tolerance = max(TIE * spread, 1e-12 * float(np.abs(values).max()))
    tie = np.concatenate([[0], np.cumsum(np.diff(ascending) > tolerance)])
    sizes = np.bincount(tie)
    last = np.cumsum(sizes)
    ranks = np.empty(len(values))
    ranks[order] = (last - (sizes - 1) / 2)[tie]
    return ranks


def cells(coordinates: Array, bins: int) -> Array:
    """Number the cell of each point of (n, k): `bins` equal-frequency bins per axis, joined over the axes.

    Returns int64 (n,), cells numbered 0.. without gaps. Points with equal values share a bin.
    """
    n, dims = coordinates.shape
    joined = np.zeros(n, dtype=np.int64)
    for axis in range(dims):
        joined = joined * bins + np.floor((tied_ranks(coordinates[:, axis]) - 0.5) * bins / n).astype(np.int64)
    return np.unique(joined, return_inverse=True)[1].reshape(n)


def npib(coordinates: Array, *, corrected: bool = True, bins: int | None = None) -> Array:
    """NPIB of every pair of layers, from unaligned map coordinates (L, n, k).

    Each layer's points are sorted into cells (`cells`, `bins_per_axis`); of the cells of two layers,

        corrected=True    max(0, adjusted mutual information) with the geometric mean of the entropies,
                          (MI - E[MI]) / (sqrt(H_l H_m) - E[MI]): near 0 for independent points
                          (Vinh, Epps and Bailey, JMLR 11, 2010; equals scikit-learn's)
        corrected=False   MI / sqrt(H_l H_m), the paper's ratio, biased upward for few points

    bins: per axis; None is `bins_per_axis` of the n points. A subsample keeps those of the whole.

    Returns float64 (L, L) in [0, 1], symmetric, exactly 1 on the diagonal. A layer whose points all coincide
    says nothing: 0 with every other layer; likewise where chance alone explains every bit, as when each
    point has a cell of its own. Raises BadInput for fewer than 4 points.
    """
    layers, n, _ = coordinates.shape
    if n < MINIMUM_POINTS:
        raise BadInput(f"npib needs at least {MINIMUM_POINTS} points, got {n}; use more texts")
    partitions = [cells(layer, bins or bins_per_axis(n)) for layer in coordinates]
    sizes = [np.bincount(partition) for partition in partitions]
    entropies = np.array([_entropy(size, n) for size in sizes])
    chance = expected_information(sizes, n) if corrected else np.zeros((layers, layers))
    values = np.eye(layers)
    for first in range(layers):
        for second in range(first + 1, layers):
            width = len(sizes[second])
            table = np.bincount(partitions[first] * width + partitions[second])
            information = entropies[first] + entropies[second] - _entropy(table, n)
            whole = np.sqrt(entropies[first] * entropies[second]) - chance[first, second]
            # 1e-12 is rounding of a difference of entropies of order 1: no information to share.
            ratio = (information - chance[first, second]) / whole if whole > 1e-12 else 0.0
            values[first, second] = values[second, first] = min(1.0, max(0.0, ratio))
    return values


def _entropy(counts: Array, n: int) -> float:
    share = counts[counts > 0] / n
    return float(-(share * np.log(share)).sum())


def expected_information(sizes: list[Array], n: int) -> Array:
    """Mutual information that chance gives two partitions of n points with these cell sizes, float64 (L, L).

    The hypergeometric expectation of Vinh et al. depends on the cells' sizes only, so it is tabulated once
    for each pair of sizes that occurs and then summed for all pairs of layers at once.
    """
    distinct = np.unique(np.concatenate(sizes))
    how_many = np.array([(size[:, None] == distinct).sum(axis=0) for size in sizes], dtype=np.float64)
    a, b = distinct[:, None].astype(np.float64), distinct[None, :].astype(np.float64)
    fixed = gammaln(a + 1) + gammaln(n - a + 1) + gammaln(b + 1) + gammaln(n - b + 1) - gammaln(n + 1)
    table = np.zeros((len(distinct), len(distinct)))
    for shared in range(1, int(distinct[-1]) + 1):
        possible = (shared <= np.minimum(a, b)) & (shared >= a + b - n)
        # Impossible overlaps get harmless arguments here and probability 0 below.
        rest = [np.where(possible, x, 0.0) for x in (a - shared, b - shared, n - a - b + shared)]
        log_probability = fixed - gammaln(shared + 1) - sum(gammaln(x + 1) for x in rest)
        probability = np.where(possible, np.exp(np.where(possible, log_probability, 0.0)), 0.0)
        table += probability * (shared / n) * np.log(n * shared / (a * b))
    return np.asarray(how_many @ table @ how_many.T)
