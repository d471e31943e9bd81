"""What all means over the calibration points share: one walk over the points, and products with fixed bits.

Axes: L layers, n points, d features, S samples of the points.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mka.analysis.parallel import in_parallel
from mka.objects.progress import Cancel

Array = np.ndarray
OfPoint = Callable[[Array], Array]
"""From the hidden states of one point, float64 (L, d), to what each pair of layers scores there, (L, L), of which
only the upper triangle is read."""

TILE = 48
"""Rows of a tile: a multiple of what BLAS kernels take at once, so that no row is left to another kernel."""

SPANS, SPAN = 64, 64
"""The points are cut into at most SPANS spans of at least SPAN points, whatever the number of cores."""


def gram(rows: Array) -> Array:
    """Inner products of each pair of rows, float64 (L, k) -> (L, L), symmetric to the bit.

    Multiplied in tiles of one shape: BLAS chooses its kernel, and so the order of its sums, by the shape of the
    whole, and then the bits of one pair would hang on how many other layers there are.
    """
    layers = len(rows)
    tiles = [rows[start : start + TILE] for start in range(0, layers, TILE)]
    tiles[-1] = np.concatenate([tiles[-1], np.zeros((TILE - len(tiles[-1]), rows.shape[1]))])
    products = np.empty((TILE * len(tiles), TILE * len(tiles)))
    for row, upper in enumerate(tiles):
        for column in range(row, len(tiles)):
            # A copy, because of a matrix with itself BLAS takes a kernel of its own.
            lower = tiles[column].copy() if row == column else tiles[column]
            np.matmul(upper, lower.T, out=products[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE])
    return mirrored(products[:layers, :layers])


def mirrored(matrix: Array) -> Array:
    """The upper triangle of (L, L), its diagonal included, and its mirror image."""
    upper = np.triu(matrix)
    return upper + np.triu(matrix, 1).T


def means_over_points(values: Array, of_point: OfPoint, members: Array, cancel: Cancel | None = None) -> Array:
    """The mean of `of_point` over each of S samples of the points, in one walk.

    values:  hidden states (L, n, d); one point at a time is read in float64, never a second copy of all
    members: bool (S, n), which points each sample holds

    Returns float64 (S, L, L), symmetric. The sums are taken in the points' order.
    """
    layers, n, _ = values.shape
    length = max(SPAN, -(-n // SPANS))

    def sums(start: int) -> Array:
        total = np.zeros((len(members), layers, layers))
        for point in range(start, min(start + length, n)):
            total[members[:, point]] += of_point(values[:, point].astype(np.float64))
        return total

    total = np.zeros((len(members), layers, layers))
    for part in in_parallel(sums, range(0, n, length), cancel):
        total += part
    return np.stack([mirrored(matrix / count) for matrix, count in zip(total, members.sum(axis=1), strict=True)])


def mean_over_points(values: Array, of_point: OfPoint, cancel: Cancel | None = None) -> Array:
    """The mean of `of_point` over all points of (L, n, d): float64 (L, L), symmetric."""
    return np.asarray(means_over_points(values, of_point, np.ones((1, values.shape[1]), dtype=bool), cancel)[0])


def redo(matrix: Array, pairs: Array, score: Callable[[int, Array], Array]) -> None:
    """Put score(l, layers m) in place of matrix[l, m], l < m, where `pairs`, bool (L, L), is True."""
    chosen = np.triu(pairs, 1)
    for layer in np.flatnonzero(chosen.any(axis=1)):
        others = np.flatnonzero(chosen[layer])
        matrix[layer, others] = score(int(layer), others)


def powers_of_two(peaks: Array) -> Array:
    """The power of two at or below each magnitude, 1 for 0: dividing by it makes magnitudes near 1 and loses no bit."""
    return np.where(peaks > 0, np.ldexp(1.0, np.frexp(peaks)[1] - 1), 1.0)


def means_of(hidden: Array) -> Array:
    """The mean point of (n, d), float64 (d,); a feature that never changes keeps its value to the bit.

    So points that coincide have no spread at all, where rounding of the mean would leave them one.
    """
    return np.where(np.ptp(hidden, axis=0) == 0, hidden[0], hidden.mean(axis=0, dtype=np.float64))
