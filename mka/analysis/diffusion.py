"""Diffusion map of one layer's calibration points (Coifman and Lafon 2006, as MKA uses it).

Axes: n points, d features, k map dimensions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.distance import pdist, squareform

from mka.errors import BadInput

Array = np.ndarray

REPEATED = 1 - 1e-10
"""Eigenvalues above count as 1: nearer to it, rounding decides which vectors of their space come out."""


@dataclass(frozen=True)
class PointMap:
    """One layer's points on a map: coordinates float64 (n, k); spectrum float64, leading values first."""

    coordinates: Array
    spectrum: Array


def fix_signs(axes: Array) -> Array:
    """Turn each column of (n, k) so that its entry of largest magnitude is positive; zero columns stay."""
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    return axes * np.where(largest < 0, -1.0, 1.0)


def bandwidth(distances: Array) -> float:
    """The median of the condensed pairwise distances; where most points coincide, of the non-zero ones.

    Returns 0 when all points coincide.
    """
    median = float(np.median(distances))
    if median > 0:
        return median
    apart = distances[distances > 0]
    return float(np.median(apart)) if apart.size else 0.0


def check_diffusion(sigma: float | None, alpha: float) -> None:
    """Raise BadInput unless `sigma` is None or positive and `alpha` lies in [0, 1]."""
    if sigma is not None and not (_is_number(sigma) and sigma > 0):
        raise BadInput(f"sigma must be a positive distance or None (the median distance), got {sigma!r}")
    if not (_is_number(alpha) and 0 <= alpha <= 1):
        raise BadInput(f"alpha, the density normalisation, must lie in [0, 1], got {alpha!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def diffusion_map(points: Array, dims: int = 2, *, sigma: float | None = None, alpha: float = 0.5) -> PointMap:
    """Embed points (n, d) in `dims` diffusion coordinates, at diffusion time 0 (no eigenvalue weighting).

    K_ij = exp(-(D_ij / sigma)^(1/2)) with Euclidean distances D; density normalisation K1 = K / (p p^T)^alpha,
    p the row sums of K; A = K1 / (v v^T), v the square roots of the row sums of K1. With U the leading
    eigenvectors of the symmetric A, the coordinates are U[:, 1:dims+1] / U[:, :1]: right eigenvectors of the
    Markov matrix. Source: Liu et al., arXiv 2406.16330, and its official code (sigma 8, alpha 0.5 there).
    U[:, 0] = v / |v|, of eigenvalue 1, is known beforehand, and no entry of it is near 0, since K_ii = 1.

    sigma=None takes the median distance between different points. Each axis is turned so that its largest
    coordinate is positive. The spectrum holds the dims + 2 leading eigenvalues of A, the first being 1.
    When all points coincide every coordinate is 0 and the spectrum is 1, 0, 0, ... Where the kernel falls into
    pieces too far apart for sigma, the eigenvalue 1 repeats; the axes that then say which piece a point belongs
    to are those of a kernel whose bandwidth is the largest distance, so that they do not depend on the points' order.

    Raises BadInput for fewer than dims + 2 points or a bad sigma or alpha.
    """
    check_diffusion(sigma, alpha)
    n = len(points)
    if n < dims + 2:
        raise BadInput(
            f"a diffusion map in {dims} dimensions needs at least {dims + 2} points, got {n}; use more texts"
        )
    condensed = pdist(np.asarray(points, dtype=np.float64))
    scale = bandwidth(condensed) if sigma is None else float(sigma)
    if scale == 0 or not condensed.any():
        return PointMap(np.zeros((n, dims)), np.eye(1, dims + 2)[0])
    kernel = _kernel(condensed, scale)
    density = kernel.sum(axis=1)
    normalised = kernel / np.outer(density, density) ** alpha
    root = np.sqrt(normalised.sum(axis=1))
    trivial = root / np.linalg.norm(root)
    # Moved from 1 to -1, below all others: a kernel of this kind has no negative eigenvalue.
    deflated = normalised / np.outer(root, root) - 2 * np.outer(trivial, trivial)
    eigenvalues, vectors = _axes(deflated, dims + 1, condensed)
    coordinates = vectors[:, :dims] / trivial[:, None]
    return PointMap(fix_signs(coordinates), np.concatenate([[1.0], eigenvalues])[: dims + 2])


def _kernel(condensed: Array, scale: float) -> Array:
    with np.errstate(over="ignore"):  # a distance of infinitely many bandwidths gives 0, as it should
        return np.exp(-np.sqrt(squareform(condensed) / scale))


def _axes(matrix: Array, count: int, condensed: Array) -> tuple[Array, Array]:
    """At least `count` leading eigenvalues of (n, n), falling, with vectors that depend on no order of the points."""
    eigenvalues, vectors = _leading(matrix, count)
    # LAPACK may return fewer than it was asked for where nearly all eigenvalues are equal.
    if len(eigenvalues) < count or eigenvalues[1] > REPEATED:
        eigenvalues, vectors = _leading(matrix, len(matrix))
    pieces = eigenvalues > REPEATED
    if pieces.sum() > 1:
        wide = vectors[:, pieces].T @ _kernel(condensed, condensed.max()) @ vectors[:, pieces]
        vectors[:, pieces] = vectors[:, pieces] @ _leading(wide, len(wide))[1]
    return eigenvalues, vectors


def _leading(matrix: Array, count: int) -> tuple[Array, Array]:
    """The `count` largest eigenvalues of a symmetric (n, n), falling, and their vectors (n, count)."""
    n = len(matrix)
    eigenvalues, vectors = eigh(matrix) if count == n else eigh(matrix, subset_by_index=[n - count, n - 1])
    return eigenvalues[::-1].copy(), vectors[:, ::-1].copy()
