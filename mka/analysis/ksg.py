"""nmi-ksg: the information between two layers' whole maps by nearest neighbours, as a number from 0 to 1.

Axes: L layers, n points, k map dimensions.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from mka.analysis.neighbors import Kernels, fastest
from mka.analysis.parallel import in_threads
from mka.analysis.rank_information import digammas
from mka.analysis.scores import linfoot, normal_scores, still_layers
from mka.errors import BadInput
from mka.objects.progress import Cancel, Progress, silent

Array = np.ndarray

UNITS = 2**40
"""The digamma function is summed in whole numbers of this part, so that the order of the points changes no bit."""

POINTS_AT_ONCE = 16


def nmi_ksg(
    coordinates: Array,
    *,
    k_neighbors: int = 5,
    progress: Progress = silent,
    cancel: Cancel | None = None,
    kernels: Kernels | None = None,
) -> Array:
    """Joint mutual information of every pair of layers, from unaligned map coordinates (L, n, k), mapped to [0, 1].

    Of the layers' normal scores (`normal_scores`), by the first estimator of Kraskov, Stoegbauer and Grassberger,
    Phys. Rev. E 69, 066138 (2004), with all axes of a layer together:

        I = psi(n) + <psi(k') - psi(nx) - psi(ny)>        nats

    nx, ny: the points, with the point itself, that are nearer in one layer than the point's k_neighbors-th
    neighbour is in both (Chebyshev distance); k' is k_neighbors. Where that neighbour is at distance 0, the points at
    distance 0 are counted in all three (Gao, Kannan, Oh and Viswanath, arXiv 1709.06212). Then `linfoot`. The
    estimate saturates near psi(n) - psi(k_neighbors) nats, so layers that are nearly the same stay a little below 1.

    Returns float64 (L, L), the same bits for any order of points and layers and for all kernels (None: the fastest);
    exactly 1 on the diagonal and for layers of equal scores, be their axes mirrored or exchanged; 0 between a layer
    whose points all coincide and every other. Raises BadInput where k_neighbors is no whole number in 1..n - 1.
    """
    layers, n, dims = coordinates.shape
    if isinstance(k_neighbors, bool) or not isinstance(k_neighbors, int | np.integer) or not 1 <= k_neighbors <= n - 1:
        raise BadInput(
            f"k_neighbors must be a whole number from 1 to the number of points less one, here {n - 1}, "
            f"got {k_neighbors!r}; use more texts or fewer neighbours"
        )
    kernels, scores = kernels or fastest(), normal_scores(coordinates)
    psi = np.rint(digammas(n)[: n + 1] * UNITS).astype(np.int64)

    def part(begin: int) -> Array:
        return kernels.joint_digammas(scores, begin, min(begin + POINTS_AT_ONCE, n), int(k_neighbors), psi)

    sums = np.zeros((layers, layers), dtype=np.int64)
    for number, found in enumerate(in_threads(part, range(0, n, POINTS_AT_ONCE), cancel), start=1):
        sums += found
        progress("nmi-ksg", min(number * POINTS_AT_ONCE, n), n)
    values = linfoot(digamma(n) + (sums + sums.T) / UNITS / n, dims)
    shapes = [_shape(layer) for layer in scores]
    values[[[a == b for b in shapes] for a in shapes]] = 1.0
    still = still_layers(scores)
    values[still] = values[:, still] = 0.0
    np.fill_diagonal(values, 1.0)
    return values


def _shape(scores: Array) -> tuple[bytes, ...]:
    """What two layers (k, n) have in common that differ only in the sign or the order of their axes."""
    upright = []
    for axis in scores:
        sign = next((np.sign(value) for value in axis if value), 1.0)
        upright.append((axis * sign + 0.0).tobytes())  # + 0.0 turns -0.0 into 0.0
    return tuple(sorted(upright))
