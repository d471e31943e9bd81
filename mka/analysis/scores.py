"""Coordinates as normal scores, and information as a number from 0 to 1: what nmi-ksg and copula share.

Axes: L layers, n points, k map dimensions.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from mka.analysis.npib import tied_ranks

Array = np.ndarray


def normal_scores(coordinates: Array) -> Array:
    """The quantile of the normal distribution at rank / (n + 1) (van der Waerden), axis by axis of (L, n, k).

    Equal values share their mean rank. Returns float64 (L, k, n): the same for every rescaling of an axis that keeps
    its order and its ties, exactly the negative where an axis is mirrored, and 0 where all its values are equal.
    """
    n = coordinates.shape[1]
    ranks = np.apply_along_axis(tied_ranks, 2, np.moveaxis(coordinates, 1, 2))
    # From either end: ndtri(p) and -ndtri(1 - p) differ in their last bits.
    return np.asarray((ndtri(ranks / (n + 1)) - ndtri((n + 1 - ranks) / (n + 1))) / 2)


def still_layers(scores: Array) -> Array:
    """bool (L,): whether all points of a layer coincide, of normal scores (L, k, n)."""
    return np.asarray(~scores.any(axis=(1, 2)))


def linfoot(information: Array, dims: int) -> Array:
    """sqrt(1 - exp(-2 I / dims)), in [0, 1], of an information of I nats; below 0 counts as 0 (Linfoot, Information
    and Control 1, 1957).

    For normal coordinates whose axes correlate by rho, axis by axis, it is |rho|.
    """
    return np.asarray(np.sqrt(-np.expm1(-2 * np.maximum(0.0, information) / dims)))
