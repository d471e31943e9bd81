"""How far a map can be believed."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

Array = np.ndarray

NEIGHBORS = 10

ROWS = 128
"""Points whose distances to all others are held at a time."""

ROUNDING = 1e-12
"""A squared distance below this share of the two squared norms is rounding of a Gram matrix: the points coincide."""


def map_trustworthiness(points: Array, coordinates: Array) -> float:
    """Share of map neighbours that are neighbours among the points (n, d) too, in [0, 1]; 1 is best.

    1 - 2 / (n k (2n - 3k - 1)) times the sum of r_ij - k over the k map neighbours j of each point i whose rank r_ij
    among i's neighbours in (n, d) is beyond k (Venna and Kaski, ICANN 2001), k = min(10, (n - 1) // 2). The rank is
    1 + the number of points nearer than j, so that of equally near ones none is preferred. NaN when all points
    coincide: no order of neighbours exists that a map could keep.
    """
    hidden = np.asarray(points, dtype=np.float64)
    n = len(hidden)
    neighbors = min(NEIGHBORS, (n - 1) // 2)
    if neighbors < 1 or not (hidden != hidden[0]).any():
        return float("nan")
    on_map = _neighbours(coordinates, neighbors)
    hidden = hidden - hidden.mean(axis=0)
    norms = np.einsum("nd,nd->n", hidden, hidden)
    beyond = 0
    for start in range(0, n, ROWS):
        rows = slice(start, start + ROWS)
        sums = norms[rows, None] + norms
        squared = sums - 2 * (hidden[rows] @ hidden.T)
        squared[squared < ROUNDING * sums] = 0
        np.put_along_axis(squared, np.arange(n)[rows, None], np.inf, axis=1)
        reached = np.take_along_axis(squared, on_map[rows], axis=1)
        for column in reached.T:
            ranks = 1 + np.count_nonzero(squared < column[:, None], axis=1)
            beyond += int(np.maximum(ranks - neighbors, 0).sum())
    return 1 - 2 * beyond / (n * neighbors * (2 * n - 3 * neighbors - 1))


def _neighbours(coordinates: Array, count: int) -> Array:
    """int (n, count): the nearest other points of each on the map."""
    n = len(coordinates)
    _, found = KDTree(coordinates).query(coordinates, count + 1)
    others = found != np.arange(n)[:, None]
    # Where more points coincide than were asked for, the point itself may not be among them.
    others[others.all(axis=1), -1] = False
    return found[others].reshape(n, count)


def spectral_gap(spectrum: Array, dims: int) -> float:
    """Eigenvalue of the last kept diffusion axis minus the first left out: how clearly `dims` axes suffice.

    `spectrum` leads with the trivial eigenvalue 1. Near 0 the last axis could as well be another one.
    """
    return float(spectrum[dims] - spectrum[dims + 1])
