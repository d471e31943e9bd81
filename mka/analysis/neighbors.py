"""What the nearest-neighbour estimators spend their time in: by numba where it is installed, by numpy where not.

Both give the same numbers to the bit, as both count: distances are compared, never summed. numba comes with
umap-learn; nothing here needs it.

Axes: L layers, n points, k map dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial import KDTree

from mka.analysis.rank_information import expected_digammas

Array = np.ndarray


@dataclass(frozen=True)
class Kernels:
    """One implementation of the three.

    expected_digammas: see mka.analysis.rank_information
    neighbor_squares, joint_digammas: see the functions of this name below
    """

    name: str
    expected_digammas: Callable[[Array, Array, Array, Array, int, Array, Array], Array]
    neighbor_squares: Callable[[Array, Array, int], Array]
    joint_digammas: Callable[[Array, int, int, int, Array], Array]


def neighbor_squares(ranks: Array, order: Array, neighbors: int) -> Array:
    """Squared Euclidean distance of each point's k-th neighbour, int64 (n,), of ranks (k, n), int32, without ties
    within an axis.

    order: the points in the order of ranks[0]. Needs neighbors <= n - 1.
    """
    points = ranks.T.astype(np.float64)
    distances, _ = KDTree(points).query(points, k=[neighbors + 1])  # the nearest is the point itself
    return np.rint(distances[:, 0] ** 2).astype(np.int64)


def joint_digammas(scores: Array, begin: int, end: int, neighbors: int, psi: Array) -> Array:
    """Sum over the points begin..end-1 of psi(k') - psi(nx) - psi(ny) of every pair of layers (see `ksg.nmi_ksg`).

    scores: float64 (L, k, n); psi: int64 (n + 1,), the digamma function in a unit so small that whole numbers do.
    Returns int64 (L, L), the upper triangle. Needs neighbors <= n - 1.
    """
    layers = len(scores)
    sums = np.zeros((layers, layers), dtype=np.int64)
    for i in range(begin, end):
        distances = np.abs(scores - scores[:, :, i, None]).max(axis=1)
        for first in range(layers - 1):
            own, others = distances[first], distances[first + 1 :]
            joint = np.maximum(own, others)
            # The point itself is at distance 0, so of all n the neighbour is number k, counted from 0.
            radius = np.partition(joint, neighbors, axis=1)[:, neighbors, None]
            still = radius == 0
            used = np.where(still[:, 0], np.count_nonzero(joint == 0, axis=1), neighbors)
            in_first = np.count_nonzero((own < radius) | (still & (own == 0)), axis=1)
            in_second = np.count_nonzero((others < radius) | (still & (others == 0)), axis=1)
            sums[first, first + 1 :] += psi[used] - psi[in_first] - psi[in_second]
    return sums


NUMPY = Kernels("numpy", expected_digammas, neighbor_squares, joint_digammas)


@lru_cache(maxsize=1)
def fastest() -> Kernels:
    """numba's if it is there."""
    try:
        from mka.analysis import neighbors_numba as compiled
    except ImportError:
        return NUMPY
    return Kernels("numba", compiled.expected_digammas, compiled.neighbor_squares, compiled.joint_digammas)
