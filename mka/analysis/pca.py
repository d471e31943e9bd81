"""Principal components of one layer's calibration points."""

from __future__ import annotations

import numpy as np

from mka.analysis.diffusion import PointMap, fix_signs

Array = np.ndarray


def principal_components(points: Array, dims: int = 2) -> PointMap:
    """Project points (n, d) on their `dims` leading principal axes, by the SVD of the centred points.

    Each axis is turned so that its largest coordinate is positive. The spectrum holds the share of the
    variance that each axis explains, in [0, 1]. Axes beyond the points' own dimension are 0.
    """
    centred = np.asarray(points, dtype=np.float64)
    # The sum of equal numbers rounds, so subtracting a point first keeps coinciding points at exactly 0.
    centred = centred - centred[0]
    centred = centred - centred.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    kept = min(dims, len(singular))
    coordinates, explained = np.zeros((len(points), dims)), np.zeros(dims)
    coordinates[:, :kept] = left[:, :kept] * singular[:kept]
    variance = float((singular**2).sum())
    if variance > 0:
        explained[:kept] = singular[:kept] ** 2 / variance
    return PointMap(fix_signs(coordinates), explained)
