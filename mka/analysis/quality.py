"""How far a map can be believed."""

from __future__ import annotations

import numpy as np
from sklearn.manifold import trustworthiness

Array = np.ndarray

NEIGHBORS = 10


def map_trustworthiness(points: Array, coordinates: Array) -> float:
    """Share of map neighbours that are neighbours among the points (n, d) too, in [0, 1]; 1 is best.

    Over min(10, (n - 1) // 2) neighbours (Venna and Kaski 2001, by scikit-learn). NaN when all points
    coincide: no order of neighbours exists that a map could keep.
    """
    hidden = np.asarray(points, dtype=np.float64)
    neighbors = min(NEIGHBORS, (len(hidden) - 1) // 2)
    if neighbors < 1 or not (hidden != hidden[0]).any():
        return float("nan")
    return float(trustworthiness(hidden, coordinates, n_neighbors=neighbors))


def spectral_gap(spectrum: Array, dims: int) -> float:
    """Eigenvalue of the last kept diffusion axis minus the first left out: how clearly `dims` axes suffice.

    `spectrum` leads with the trivial eigenvalue 1. Near 0 the last axis could as well be another one.
    """
    return float(spectrum[dims] - spectrum[dims + 1])
