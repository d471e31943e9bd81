"""UMAP of one layer's calibration points (McInnes, Healy and Melville, arXiv 1802.03426), by umap-learn."""

from __future__ import annotations

import math
import warnings

import numpy as np

from mka.analysis.diffusion import PointMap
from mka.errors import BadInput

Array = np.ndarray

SPECTRAL_FROM = 10
"""Fewer points start at random places: the spectral start needs more points than eigenvectors."""


def check_umap(n_neighbors: int, min_dist: float) -> None:
    """Raise BadInput unless `n_neighbors` is a whole number from 2 and `min_dist` lies in [0, 1]."""
    if not isinstance(n_neighbors, int) or isinstance(n_neighbors, bool) or n_neighbors < 2:
        raise BadInput(f"n_neighbors must be a whole number from 2, got {n_neighbors!r}")
    if isinstance(min_dist, bool) or not isinstance(min_dist, (int, float)) or not math.isfinite(min_dist):
        raise BadInput(f"min_dist must be a number in [0, 1], got {min_dist!r}")
    if not 0 <= min_dist <= 1:
        raise BadInput(f"min_dist must lie in [0, 1], got {min_dist!r}")


def umap_map(points: Array, dims: int = 2, *, seed: int = 0, n_neighbors: int = 15, min_dist: float = 0.1) -> PointMap:
    """Embed points (n, d) in `dims` UMAP coordinates, float64, one thread, the same for the same seed.

    `n_neighbors` above n - 1 is read as n - 1. No spectrum. When all points coincide every coordinate is 0.
    """
    check_umap(n_neighbors, min_dist)
    n = len(points)
    hidden = np.asarray(points, dtype=np.float64)
    if not (hidden != hidden[0]).any():
        return PointMap(np.zeros((n, dims)), np.zeros(0))
    import umap  # here, because it compiles for seconds and only this method needs it

    reducer = umap.UMAP(
        n_components=dims,
        n_neighbors=min(n_neighbors, n - 1),
        min_dist=min_dist,
        init="spectral" if n >= SPECTRAL_FROM else "random",
        random_state=seed,
        n_jobs=1,
    )
    with warnings.catch_warnings():
        # umap-learn remarks on its own start and thread choices, which are made on purpose above.
        warnings.simplefilter("ignore")
        coordinates = reducer.fit_transform(hidden)
    return PointMap(np.asarray(coordinates, dtype=np.float64), np.zeros(0))
