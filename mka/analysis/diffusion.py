"""Diffusion map of one layer's calibration points (Coifman and Lafon 2006, as MKA uses it).

Axes: n points, d features, k map dimensions.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.distance import pdist, squareform

from mka.analysis.kernel import Share, centred, kernel_of, median_distance, row_blocks, squared_distances
from mka.analysis.krylov import BLOCK, Axes, leading_axes
from mka.analysis.parallel import cores, serial_blas
from mka.analysis.pointwise import powers_of_two
from mka.errors import BadInput

Array = np.ndarray

REPEATED = 1 - 1e-10
"""Eigenvalues above count as 1: nearer to it, rounding decides which vectors of their space come out."""

SPECTRUM = 10
"""Eigenvalues shown, the first of them 1, where there are as many points."""

LARGE = 256
"""From so many points on, a float32 kernel and block Lanczos are faster than a dense solver."""

SHARED = 2048
"""With fewer points the blocks of rows are done sooner than threads have agreed on who does which."""

ONE_PIECE = 1 - 1e-5
"""With an eigenvalue above, a float32 kernel cannot tell whether the points fall into pieces."""

SKETCH = 128
"""Features from whose principal axes the iteration starts; more of them are first mixed down to as many."""

PRODUCT_ROWS = 256
"""Rows of the kernel that one thread multiplies at a time."""


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


def check_diffusion(sigma: float | None, alpha: float, time: float) -> None:
    """Raise BadInput unless `sigma` is None or positive, `alpha` lies in [0, 1] and `time` is not negative."""
    if sigma is not None and not (_is_number(sigma) and sigma > 0):
        raise BadInput(f"sigma must be a positive distance or None (the median distance), got {sigma!r}")
    if not (_is_number(alpha) and 0 <= alpha <= 1):
        raise BadInput(f"alpha, the density normalisation, must lie in [0, 1], got {alpha!r}")
    if not (_is_number(time) and time >= 0):
        raise BadInput(f"time, the diffusion time, must be a number from 0, got {time!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def diffusion_map(
    points: Array,
    dims: int = 2,
    *,
    sigma: float | None = None,
    alpha: float = 0.5,
    time: float = 0.0,
    share: Share | None = None,
) -> PointMap:
    """Embed points (n, d) in `dims` diffusion coordinates.

    K_ij = exp(-(D_ij / sigma)^(1/2)) with Euclidean distances D; density normalisation K1 = K / (p p^T)^alpha,
    p the row sums of K; A = K1 / (v v^T), v the square roots of the row sums of K1. With U the leading
    eigenvectors of the symmetric A, the coordinates are U[:, 1:dims+1] / U[:, :1], right eigenvectors of the
    Markov matrix, times their eigenvalues^time. Source: Liu et al., arXiv 2406.16330, and its official code (sigma 8,
    alpha 0.5, time 0 there). U[:, 0] = v / |v|, of eigenvalue 1, is known beforehand, and no entry of it is near 0,
    since K_ii = 1.

    sigma=None takes the median distance between different points. Each axis is turned so that its largest
    coordinate is positive. The spectrum holds the min(10, n) leading eigenvalues of A, the first being 1. Equal points
    have equal coordinates. When all points coincide every coordinate is 0 and the spectrum is 1, 0, 0, ... Where the
    kernel falls into pieces too far apart for sigma, the eigenvalue 1 repeats; the axes that then say which piece a
    point belongs to are those of a kernel whose bandwidth is the largest distance, so that they do not depend on the
    points' order.

    From 256 points on, distances and kernel are float32 and the axes come from block Lanczos, unless eigenvalues are
    too near to each other for that: then, as for fewer points, from a dense solver in float64. `share` hands out blocks
    of rows, by default from 2048 points on to all cores; no number of threads changes a bit.

    Raises BadInput for fewer than dims + 2 points or a bad sigma, alpha or time.
    """
    check_diffusion(sigma, alpha, time)
    n = len(points)
    if n < dims + 2:
        raise BadInput(
            f"a diffusion map in {dims} dimensions needs at least {dims + 2} points, got {n}; use more texts"
        )
    hidden = np.asarray(points, dtype=np.float64) + 0.0  # -0 becomes 0, so that equal rows have equal bytes
    # A power of two changes no digit, and squares of the huge and the tiny stay numbers.
    unit = float(powers_of_two(np.abs(hidden).max()))
    hidden /= unit
    sigma = None if sigma is None else sigma / unit
    if not (hidden != hidden[0]).any():
        return PointMap(np.zeros((n, dims)), np.eye(1, min(SPECTRUM, n))[0])
    with serial_blas():
        solved = _large(hidden, dims, sigma, alpha, share) if n >= LARGE else None
        axes, trivial = solved or _dense(hidden, sigma, alpha)
    eigenvalues = axes.eigenvalues[: SPECTRUM - 1]
    coordinates = axes.vectors[:, :dims] / trivial[:, None]
    if time:
        coordinates = coordinates * np.maximum(eigenvalues[:dims], 0) ** time
    coordinates = fix_signs(coordinates)[_first_equal(hidden)]
    return PointMap(coordinates, np.concatenate([[1.0], eigenvalues]))


def _first_equal(points: Array) -> Array:
    """int (n,): for each row of (n, d) the first row equal to it."""
    first = np.arange(len(points))
    _, which, counts = np.unique(points[:, 0], return_inverse=True, return_counts=True)
    seen: dict[bytes, int] = {}
    for number in np.flatnonzero(counts[which] > 1).tolist():
        first[number] = seen.setdefault(points[number].tobytes(), number)
    return first


def _normalisation(kernel: Array, alpha: float, share: Share = map) -> tuple[Array, Array]:
    """(g, U0) float64 (n,) each, with A_ij = g_i K_ij g_j and U0 the unit vector of A's eigenvalue 1."""

    def row_sums(weights: Array) -> Array:
        sums = share(lambda rows: kernel[rows].astype(np.float64) @ weights, row_blocks(len(kernel)))
        return np.concatenate(list(sums))

    thinned = row_sums(np.ones(len(kernel))) ** -alpha
    root = np.sqrt(thinned * row_sums(thinned))
    return thinned / root, root / np.linalg.norm(root)


def _large(
    points: Array, dims: int, sigma: float | None, alpha: float, share: Share | None
) -> tuple[Axes, Array] | None:
    """Leading axes and the trivial one of many points; None where a dense solver must decide."""
    if share is None and len(points) < SHARED:
        share = map
    if share is None:
        with ThreadPoolExecutor(cores()) as pool:
            return _large(points, dims, sigma, alpha, pool.map)
    around, unit = centred(points)
    kernel = _narrow_kernel(points, around, unit, sigma, share)
    weights, trivial = _normalisation(kernel, alpha, share)
    narrow_weights = weights[:, None].astype(np.float32)

    def product(block: Array) -> Array:
        right = block.astype(np.float32) * narrow_weights
        left = np.empty_like(right)
        slices = row_blocks(len(kernel), PRODUCT_ROWS)
        list(share(lambda rows: np.matmul(kernel[rows], right, out=left[rows]), slices))
        return left * weights[:, None] - np.outer(trivial, trivial @ block)

    axes = leading_axes(product, _start(around, trivial), dims, SPECTRUM - 1)
    return None if axes is None or axes.eigenvalues[0] > ONE_PIECE else (axes, trivial)


def _narrow_kernel(points: Array, around: Array, unit: float, sigma: float | None, share: Share) -> Array:
    """The kernel of (n, d) in float32, symmetric; `around` and `unit` are `centred(points)`."""
    distances = squared_distances(around, unit, share)
    if distances is None:
        condensed = pdist(points)
        return _kernel(condensed, bandwidth(condensed) if sigma is None else sigma).astype(np.float32)
    return kernel_of(distances, median_distance(distances, share) if sigma is None else sigma, share)


def _start(around: Array, trivial: Array) -> Array:
    """float64 (n, 16): the principal components of `around` (n, d), which lie near the leading diffusion axes.

    Each with some noise, fixed, without which an axis at right angles to all of them would never be found.
    """
    n, features = around.shape
    if features > SKETCH:
        around = (around.astype(np.float32) @ _mixing(features)).astype(np.float64)
    axes = np.linalg.eigh(around.T @ around)[1][:, ::-1][:, :BLOCK]
    start = _noise(n)
    components = around @ axes
    norms = np.linalg.norm(components, axis=0)
    start[:, : axes.shape[1]] += components / np.where(norms > 0, norms, 1)
    start *= trivial[:, None]
    return start - np.outer(trivial, trivial @ start)


@lru_cache(maxsize=4)
def _mixing(features: int) -> Array:
    """float32 (features, SKETCH), random and the same each time: many layers start from it."""
    return np.random.default_rng(0).standard_normal((features, SKETCH), dtype=np.float32)


def _noise(n: int) -> Array:
    """float64 (n, BLOCK), vectors of length 0.05 or so."""
    return np.random.default_rng(1).standard_normal((n, BLOCK)) * (0.05 / math.sqrt(n))


def _dense(points: Array, sigma: float | None, alpha: float) -> tuple[Axes, Array]:
    """Leading axes and the trivial one, float64 throughout."""
    condensed = pdist(points)
    kernel = _kernel(condensed, bandwidth(condensed) if sigma is None else float(sigma))
    weights, trivial = _normalisation(kernel, alpha)
    # Moved from 1 to -1, below all others: a kernel of this kind has no negative eigenvalue.
    deflated = kernel * np.outer(weights, weights) - 2 * np.outer(trivial, trivial)
    return Axes(*_axes(deflated, min(SPECTRUM, len(points)) - 1, condensed)), trivial


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
