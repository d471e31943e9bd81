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
    neighbor_squares, joint_histograms: see the functions of this name below
    """

    name: str
    expected_digammas: Callable[[Array, Array, Array, Array, int, Array, Array], Array]
    neighbor_squares: Callable[[Array, Array, int], Array]
    joint_histograms: Callable[[Array, Array, int, int], Array]


def neighbor_squares(ranks: Array, order: Array, neighbors: int) -> Array:
    """Squared Euclidean distance of each point's k-th neighbour, int64 (n,), of ranks (k, n), int32, without ties
    within an axis.

    order: the points in the order of ranks[0]. Needs neighbors <= n - 1.
    """
    points = ranks.T.astype(np.float64)
    distances, _ = KDTree(points).query(points, k=[neighbors + 1])  # the nearest is the point itself
    return np.rint(distances[:, 0] ** 2).astype(np.int64)


def joint_histograms(scores: Array, order: Array, first: int, neighbors: int) -> Array:
    """What the joint KSG estimate of layer `first` with each later one counts: int64 (L - first - 1, n + 1).

    scores: float64 (L, k, n); order: int64 (L, n), the points in the order of scores[:, 0]. A row holds, at number
    v, how many points take psi(v) as theirs (k; where the k-th neighbour coincides with the point, how many do, with
    itself) less how many have v points, with themselves, nearer than the k-th joint neighbour (or at distance 0
    where that is 0) in the one layer or in the other. Needs neighbors <= n - 1.
    """
    layers, _, n = scores.shape
    histograms = np.zeros((layers - first - 1, n + 1), dtype=np.int64)
    chunk = max(1, 2**20 // n)  # of points, so that a block of distances stays within 8 MiB
    for begin in range(0, n, chunk):
        own = _distances(scores[first], begin, chunk)
        for number, other in enumerate(scores[first + 1 :]):
            others = _distances(other, begin, chunk)
            joint = np.maximum(own, others)
            # The point itself is at distance 0, so of all n the neighbour is number k, counted from 0.
            radius = np.partition(joint, neighbors, axis=1)[:, neighbors, None]
            still = radius == 0
            histograms[number] += np.bincount(
                np.where(still[:, 0], (joint == 0).sum(axis=1), neighbors), minlength=n + 1
            )
            for distances in (own, others):
                inside = np.where(still, distances == 0, distances < radius).sum(axis=1)
                histograms[number] -= np.bincount(inside, minlength=n + 1)
    return histograms


def _distances(scores: Array, begin: int, chunk: int) -> Array:
    """Chebyshev distances (chunk, n) of some points from all points of one layer (k, n)."""
    found = np.abs(scores[0, begin : begin + chunk, None] - scores[0])
    for axis in scores[1:]:
        np.maximum(found, np.abs(axis[begin : begin + chunk, None] - axis), out=found)
    return found


NUMPY = Kernels("numpy", expected_digammas, neighbor_squares, joint_histograms)


@lru_cache(maxsize=1)
def fastest() -> Kernels:
    """numba's if it is there."""
    try:
        from mka.analysis import neighbors_numba as compiled
    except ImportError:
        return NUMPY
    return Kernels("numba", compiled.expected_digammas, compiled.neighbor_squares, compiled.joint_histograms)
