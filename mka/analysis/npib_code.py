"""NPIB as the official code of the paper estimates it, its faults included, for comparison with it.

Axes: L layers, n points, k map dimensions.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree
from scipy.stats import rankdata
from sklearn.feature_selection import mutual_info_regression

from mka.errors import BadInput
from mka.objects.progress import Cancel, Progress, silent

Array = np.ndarray

ENTROPY_NEIGHBORS = 50
INFORMATION_NEIGHBORS = 5
MINIMUM_POINTS = ENTROPY_NEIGHBORS + 1


def normalised_ranks(coordinates: Array) -> Array:
    """Rank each axis of (..., n, k) over the points and divide by n: float64 in [0, 1), ties in the points' order."""
    n = coordinates.shape[-2]
    return (rankdata(coordinates, method="ordinal", axis=-2) - 1) / n


def entropy_as_coded(ranks: Array) -> float:
    """-mean log(50 / (n rho^k)), rho the distance to the 50th neighbour, of ranks (n, k).

    Without the unit ball's volume, so it is no entropy in nats: it is negative below about 51 points per unit
    and changes its sign near n = 51. Needs n >= 51.
    """
    n, dims = ranks.shape
    distances, _ = KDTree(ranks).query(ranks, k=ENTROPY_NEIGHBORS + 1)  # the nearest is the point itself
    return float(-np.mean(np.log(ENTROPY_NEIGHBORS / (n * distances[:, -1] ** dims))))


def information_as_coded(first: Array, second: Array, generator: np.random.RandomState) -> float:
    """Mean over pairs of single axes of the KSG estimate (5 neighbours), nats, of ranks (n, k) each.

    Single axes only: a dependence that shows in two axes together counts nothing. `generator` gives the
    jitter of 1e-10 that breaks the ties of ranks.
    """
    return float(
        np.mean(
            [
                mutual_info_regression(first, axis, n_neighbors=INFORMATION_NEIGHBORS, random_state=generator)
                for axis in second.T
            ]
        )
    )


def npib_as_coded(
    coordinates: Array, *, seed: int = 0, progress: Progress = silent, cancel: Cancel | None = None
) -> Array:
    """The official estimate for every pair of layers, from unaligned map coordinates (L, n, k).

    values[l, m] = information / sqrt(entropy_l entropy_m), the upper triangle computed row by row with one
    generator seeded by `seed`, then mirrored. Returns float64 (L, L): unbounded (3.5 on the diagonal is usual),
    NaN where the two entropies differ in sign or one is 0. Raises BadInput for fewer than 51 points.
    Checked against commit 3b60b00 of the official code (see tests/golden).
    """
    layers, n, _ = coordinates.shape
    if n < MINIMUM_POINTS:
        raise BadInput(
            f"npib-code needs at least {MINIMUM_POINTS} points, got {n}: its entropy looks at each point's "
            f"{ENTROPY_NEIGHBORS}th neighbour; use more texts or the measure npib"
        )
    generator = np.random.RandomState(seed)
    ranks = normalised_ranks(coordinates)
    entropies = [entropy_as_coded(layer) for layer in ranks]
    values = np.full((layers, layers), np.nan)
    for first in range(layers):
        if cancel is not None:
            cancel.check()
        for second in range(first, layers):
            information = information_as_coded(ranks[first], ranks[second], generator)
            under_root = entropies[first] * entropies[second]
            if under_root > 0:
                values[first, second] = values[second, first] = information / np.sqrt(under_root)
        progress("npib-code", first + 1, layers)
    return values
