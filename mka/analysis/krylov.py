"""Leading eigenvectors of a large symmetric matrix by block Lanczos, with every block kept orthogonal.

Golub and Underwood 1977; all blocks are kept, since a dozen of them suffice. Axes: n points, b vectors in a block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray

BLOCK = 16
"""Vectors in a block: a product with 16 costs little more than one with 4, and up to 16 equal eigenvalues show."""

FIRST_LOOK, BLOCKS = 4, 14
TOLERANCE = 2e-4
"""Largest residual of a kept axis, in gaps to the nearest other eigenvalue. It bounds the angle between the axis found
and the true one (Davis and Kahan 1970); what is left lies mostly on far eigenvalues, so the angle is much smaller."""

SPECTRUM_TOLERANCE = 1e-5
"""Largest residual of an eigenvalue that is only shown; it is off by no more, and mostly by its square."""

EXHAUSTED = 1e-12
"""A direction shorter than this, of a matrix of norm 1, is rounding: the blocks already span all that it reaches."""


@dataclass(frozen=True)
class Axes:
    """Leading eigenvalues, falling, float64 (count,), and their unit vectors, float64 (n, count)."""

    eigenvalues: Array
    vectors: Array


def leading_axes(product: Callable[[Array], Array], start: Array, kept: int, count: int) -> Axes | None:
    """The `count` largest eigenvalues of the symmetric matrix behind `product`, the vectors of the first `kept` exact.

    product: (n, b) -> (n, b), the matrix times a block
    start:   float64 (n, b), near the wanted axes if possible, b at least count

    None where they are not found within 14 blocks, where kept axes have (nearly) equal eigenvalues, so that no vector
    is theirs alone, or where the blocks have no new direction left: a dense solver must decide then.
    """
    n, width = start.shape
    basis, images = np.empty((n, BLOCKS * width)), np.empty((n, BLOCKS * width))
    block, projected = start, np.zeros((BLOCKS * width, BLOCKS * width))
    for step in range(BLOCKS):
        so_far, now = slice(0, step * width), slice(step * width, (step + 1) * width)
        block, triangle = np.linalg.qr(block)
        if np.abs(np.diagonal(triangle)).min() < EXHAUSTED:
            return None
        basis[:, now], images[:, now] = block, product(block)
        known = slice(0, now.stop)
        projected[known, now] = basis[:, known].T @ images[:, now]
        projected[now, so_far] = projected[so_far, now].T
        if step + 1 >= FIRST_LOOK:
            found = _converged(basis[:, known], images[:, known], projected[known, known], kept, count)
            if found is not None:
                return found
        block = images[:, now] - basis[:, known] @ projected[known, now]
    return None


def _converged(basis: Array, images: Array, projected: Array, kept: int, count: int) -> Axes | None:
    eigenvalues, mixing = np.linalg.eigh(projected)
    eigenvalues, mixing = eigenvalues[::-1], mixing[:, ::-1][:, :count]
    vectors = basis @ mixing
    residuals = np.linalg.norm(images @ mixing - vectors * eigenvalues[:count], axis=0)
    falls = -np.diff(eigenvalues[: kept + 1])
    gaps = np.minimum(falls, np.concatenate([[np.inf], falls[:-1]]))
    if (residuals[:kept] > TOLERANCE * gaps).any() or (residuals > SPECTRUM_TOLERANCE).any():
        return None
    return Axes(eigenvalues[:count], vectors)
