"""Principal components of one layer's calibration points."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from mka.analysis.diffusion import PointMap, fix_signs

Array = np.ndarray

FAINT = 1e-8
"""A kept axis of less than this share of the largest variance is half lost in a Gram matrix, so the SVD finds it."""


def principal_components(points: Array, dims: int = 2) -> PointMap:
    """Project points (n, d) on their `dims` leading principal axes.

    Each axis is turned so that its largest coordinate is positive. The spectrum holds the share of the
    variance that each axis explains, in [0, 1]. Axes beyond the points' own dimension are 0.
    """
    centred = np.asarray(points, dtype=np.float64)
    # The sum of equal numbers rounds, so subtracting a point first keeps coinciding points at exactly 0.
    centred = centred - centred[0]
    centred = centred - centred.mean(axis=0)
    kept = min(dims, *centred.shape)
    left, singular, _ = np.linalg.svd(_on_leading_axes(centred, kept), full_matrices=False)
    coordinates, explained = np.zeros((len(points), dims)), np.zeros(dims)
    coordinates[:, :kept] = left[:, :kept] * singular[:kept]
    variance = float(np.einsum("nd,nd->", centred, centred))
    if variance > 0:
        explained[:kept] = singular[:kept] ** 2 / variance
    return PointMap(fix_signs(coordinates), explained)


def _on_leading_axes(centred: Array, count: int) -> Array:
    """`centred` (n, d) in a basis of its `count` leading principal axes, (n, count), by the smaller Gram matrix.

    As it is where an axis is too faint for that.
    """
    n, features = centred.shape
    gram = centred.T @ centred if features <= n else centred @ centred.T
    size = len(gram)
    variances, vectors = eigh(gram, subset_by_index=[size - count, size - 1])
    if len(variances) < count or variances[0] <= FAINT * variances[-1]:
        return centred
    axes = vectors if features <= n else np.linalg.qr(centred.T @ vectors)[0]
    return centred @ axes
