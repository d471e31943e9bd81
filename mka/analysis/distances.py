"""Distances between layers' hidden states: Euclidean, and Mahalanobis in units of the points' own spread.

Axes: L layers, n points, d features.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from mka.analysis.parallel import in_parallel, serial_blas
from mka.analysis.pointwise import gram, mean_over_points, means_of, powers_of_two, redo
from mka.objects.progress import Cancel

Array = np.ndarray

CLOSE = 1e-5
"""Where a squared distance is less than this share of the squared lengths, their difference would lose its digits."""

BLOCK = 256
"""Features of one block of the covariance; fixed, so that its bits hang on no number of cores."""


def distances(hidden: Array) -> Array:
    """|h_l - h_m| of each pair of rows of float64 (L, d), upper triangle; exactly 0 between equal rows."""
    scale = float(powers_of_two(np.abs(hidden).max()))
    scaled = hidden / scale
    return np.asarray(_apart(scaled, lambda differences: differences) * scale)


def _apart(rows: Array, change: Callable[[Array], Array], changed: Array | None = None) -> Array:
    """|change(r_l - r_m)| for a linear `change` of rows (L, d), whose images of the rows are `changed`."""
    products = gram(rows if changed is None else changed)
    squares = np.diagonal(products)
    lengths = squares[:, None] + squares[None, :]
    squared = lengths - 2 * products
    distance = np.sqrt(np.maximum(squared, 0.0))

    def by_difference(layer: int, others: Array) -> Array:
        return np.asarray(np.linalg.norm(change(rows[others] - rows[layer]), axis=1))

    redo(distance, squared < CLOSE * lengths, by_difference)
    return distance


def euclidean(values: Array, *, cancel: Cancel | None = None) -> Array:
    """Mean over the points of |h_l - h_m|, for hidden states (L, n, d), in their own unit.

    Returns float64 (L, L), at least 0, symmetric, 0 on the diagonal and between layers equal to the bit.
    """
    return mean_over_points(values, distances, cancel)


def mahalanobis(values: Array, *, cancel: Cancel | None = None) -> Array:
    """Mean over the points of sqrt((h_l - h_m)^T C^-1 (h_l - h_m)), for hidden states (L, n, d).

    C is the Ledoit-Wolf covariance (`pooled_covariance`) of the points of all layers, each layer's about its own
    mean: 1 is one standard deviation of the points, whatever the unit of a direction. Returns float64 (L, L), at
    least 0, symmetric, 0 on the diagonal and between layers equal to the bit. Where the points spread in too few
    directions for C to have an inverse, as when all of a layer's points coincide in every layer, there is no such
    unit: NaN, and 0 between layers equal to the bit.
    """
    scale = float(powers_of_two(np.array(max(np.abs(layer).max() for layer in values), dtype=np.float64)))
    covariance = pooled_covariance(values, scale, cancel)
    try:
        with serial_blas():
            factor = cholesky(covariance, lower=True, check_finite=False)
    except LinAlgError:
        return _without_spread(values)

    def whiten(rows: Array) -> Array:
        return np.asarray(solve_triangular(factor, rows.T, lower=True, check_finite=False).T)

    def of_point(hidden: Array) -> Array:
        scaled = hidden / scale
        return _apart(scaled, whiten, np.ascontiguousarray(whiten(scaled)))

    return mean_over_points(values, of_point, cancel)


def _without_spread(values: Array) -> Array:
    """0 between layers equal to the bit, NaN elsewhere: float64 (L, L)."""
    equal = np.array([[np.array_equal(first, second) for second in values] for first in values])
    return np.where(equal, 0.0, np.nan)


def pooled_covariance(values: Array, scale: float = 1.0, cancel: Cancel | None = None) -> Array:
    """Ledoit-Wolf covariance of the L n points of (L, n, d) divided by `scale`, each layer's about its own mean.

    (1 - s) S + s tr(S)/d I, S the covariance (over L n), s = min(b, a) / a with a = |S - tr(S)/d I|^2 and
    b = (mean of |x x^T|^2 - |S|^2) / (L n) (Ledoit and Wolf, Journal of Multivariate Analysis 88, 2004); the same as
    scikit-learn's, block of features by block, so that no float64 copy of all values is made. Returns (d, d).
    """
    layers, n, d = values.shape
    means = np.stack([means_of(layer) for layer in values]) / scale
    starts = range(0, d, BLOCK)

    def centred(layer: int, start: int) -> Array:
        block = np.divide(values[layer, :, start : start + BLOCK], scale, dtype=np.float64)
        block -= means[layer, start : start + BLOCK]
        return block

    def products(places: tuple[int, int]) -> Array:
        row, column = places
        return np.asarray(sum(centred(layer, row).T @ centred(layer, column) for layer in range(layers)))

    covariance = np.empty((d, d))
    places = list(combinations_with_replacement(starts, 2))
    for (row, column), found in zip(places, in_parallel(products, places, cancel), strict=True):
        covariance[row : row + BLOCK, column : column + BLOCK] = found / (layers * n)
        covariance[column : column + BLOCK, row : row + BLOCK] = found.T / (layers * n)
    fourth = 0.0
    for layer in range(layers):
        squares = sum(np.square(centred(layer, start)).sum(axis=1) for start in starts)
        fourth += float(np.square(squares).sum())
    return _shrunk(covariance, fourth / (layers * n), layers * n)


def _shrunk(covariance: Array, fourth: float, count: int) -> Array:
    """The Ledoit-Wolf mix of S (d, d) and a multiple of I; fourth: mean over `count` points of |x|^4."""
    d = len(covariance)
    level = float(np.trace(covariance)) / d
    squared = float(np.square(covariance).sum())
    apart = squared - d * level**2
    noise = min((fourth - squared) / count, apart)
    share = noise / apart if noise > 0 else 0.0
    mixed = (1 - share) * covariance
    mixed[np.diag_indices(d)] += share * level
    return mixed
