"""Linear CKA, debiased: how alike two layers arrange the points among themselves.

Axes: L layers, n points, d features, b rows of a block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mka.analysis.parallel import in_parallel
from mka.analysis.pointwise import gram, means_of, mirrored, powers_of_two
from mka.objects.progress import Cancel

Array = np.ndarray

BLOCK = 2**17
"""Entries of each layer's Gram matrix in memory at a time: b = BLOCK / n rows, at least one."""

NOTHING = 1e-24
"""A U-centred Gram matrix whose squares sum to less than this share of the matrix's own is rounding alone."""


@dataclass(frozen=True)
class _Layer:
    """What U-centring one layer's Gram matrix needs: everything but the matrix itself.

    mean, scale: float64 (d,) and a power of two; x = (h - mean) / scale
    rows:        float64 (n,), sums of the rows of K = X X^T without its diagonal, divided by n - 2
    whole:       the sum of K without its diagonal, divided by (n - 1)(n - 2)
    """

    mean: Array
    scale: float
    rows: Array
    whole: float


def cka(values: Array, *, cancel: Cancel | None = None) -> Array:
    """Debiased linear CKA of every pair of layers, for hidden states (L, n, d).

    HSIC(K, M) / sqrt(HSIC(K, K) HSIC(M, M)) with the unbiased HSIC (Song et al., JMLR 13, 2012; in CKA after
    Kornblith et al., arXiv 1905.00414) of K = X X^T: the inner product of the U-centred Gram matrices, divided by
    n (n - 3), and no more than 1 because it is an inner product (Székely and Rizzo, Annals of Statistics 42, 2014):

        U_ij = K_ij - (row sum_i + row sum_j) / (n - 2) + sum / ((n - 1)(n - 2)),   U_ii = 0,

    all sums without the diagonal. Blind to rotation, shift and one factor for all features. Near 0 for layers that
    have nothing to do with each other, however many the features; the plain CKA is then near 1.

    Returns float64 (L, L) in [-1, 1], symmetric, 1 on the diagonal. A layer whose points all coincide, or differ in
    no way that U-centring leaves (as one point against all the others), scores 0 with every other layer. Needs
    n >= 4. Memory L n b: blocks of b rows of all Gram matrices, never the whole of one.
    """
    layers, n, _ = values.shape
    known = list(in_parallel(lambda layer: _known(values[layer]), range(layers), cancel))
    height = max(1, BLOCK // n)
    inner, own = np.zeros((layers, layers)), np.zeros(layers)
    blocks = in_parallel(lambda start: _block(values, known, start, height), range(0, n, height), cancel)
    for products, squares in blocks:
        inner += products
        own += squares
    return _ratio(mirrored(inner), own)


def _ratio(inner: Array, own: Array) -> Array:
    """inner[l, m] / sqrt(inner[l, l] inner[m, m]); own: the sum of squares of each Gram matrix off its diagonal."""
    squares = np.diagonal(inner)
    empty = squares <= NOTHING * own
    lengths = np.sqrt(np.outer(squares, squares))
    lengths[empty] = lengths[:, empty] = np.inf
    ratio = np.clip(inner / lengths, -1.0, 1.0)
    np.fill_diagonal(ratio, 1.0)
    return ratio


def _known(hidden: Array) -> _Layer:
    n, mean = len(hidden), means_of(hidden)
    centred = hidden - mean
    scale = float(powers_of_two(np.abs(centred).max()))
    centred /= scale
    rows = (centred * centred.sum(axis=0)).sum(axis=1) - np.square(centred).sum(axis=1)
    return _Layer(mean, scale, rows / (n - 2), float(rows.sum()) / ((n - 1) * (n - 2)))


def _block(values: Array, known: list[_Layer], start: int, height: int) -> tuple[Array, Array]:
    """What the rows from `start` and the same columns add to all inner products, (L, L), and squares, (L,).

    Left of the block's own square stands what earlier blocks hold above it: so what is right of it counts twice.
    """
    layers, n, _ = values.shape
    stop = min(start + height, n)
    height = stop - start
    centred = np.empty((layers, height * (n - start)))
    own = np.empty(layers)
    diagonal = (np.arange(height), np.arange(height))
    for layer, (hidden, facts) in enumerate(zip(values, known, strict=True)):
        x = np.subtract(hidden[start:], facts.mean)
        x /= facts.scale
        kernel = x[:height] @ x.T
        kernel[diagonal] = 0.0
        own[layer] = np.square(kernel[:, :height]).sum() + 2 * np.square(kernel[:, height:]).sum()
        kernel -= facts.rows[start:stop, None]
        kernel -= facts.rows[None, start:]
        kernel += facts.whole
        kernel[diagonal] = 0.0
        kernel[:, height:] *= np.sqrt(2.0)
        centred[layer] = kernel.reshape(-1)
    return gram(centred), own
