"""copula: what two layers' maps tell of each other through the correlations of their normal scores, from 0 to 1.

Axes: L layers, n points, k map dimensions.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from mka.analysis.parallel import serial_blas
from mka.analysis.pointwise import gram
from mka.analysis.scores import linfoot, normal_scores
from mka.errors import BadInput

Array = np.ndarray

SINGULAR = 1e-10
"""Below this share of its largest, a variance counts as none; and so much less than 1 a squared correlation as 1."""


def copula(coordinates: Array) -> Array:
    """Gaussian copula mutual information of every pair of layers, from unaligned coordinates (L, n, k), in [0, 1].

    Of the layers' normal scores (`normal_scores`), as Ince et al., Human Brain Mapping 38, 1541 (2017):

        I = log(det R_l det R_m / det R_lm) / 2 - bias        nats

    with the correlation matrices of one layer's axes and of both layers' together, and the bias that n normal points
    give on average (`bias`). Then `linfoot`. It sees what is linear after rescaling each axis, no more: a lower
    bound of the information where the scores are jointly normal in each layer.

    Computed from the correlations between the layers' whitened axes, so that axes that repeat each other within a
    layer count once: I + bias = -sum log(1 - rho^2) / 2 over the canonical correlations rho of the two layers.

    Returns float64 (L, L), symmetric, exactly 1 on the diagonal, and where a combination of one layer's axes is a
    function of the other's (the joint matrix is singular); 0 between a layer whose points all coincide and every
    other. Raises BadInput for fewer than 2 k + 2 points, of which every correlation would be perfect.
    """
    layers, n, dims = coordinates.shape
    if n < 2 * dims + 2:
        raise BadInput(f"copula needs at least {2 * dims + 2} points for {dims} axes, got {n}; use more texts")
    with serial_blas():
        axes, ranks = _whitened(normal_scores(coordinates))
        flat = axes.reshape(layers * dims, n)
        between = gram(flat).reshape(layers, dims, layers, dims)
    first, second = np.triu_indices(layers, 1)
    correlations = np.linalg.svd(between[first, :, second, :], compute_uv=False)
    apart = 1 - correlations**2
    singular = (apart < SINGULAR).any(axis=1)
    raw = -np.log(np.maximum(apart, SINGULAR)).sum(axis=1) / 2
    values = np.eye(layers)
    found = np.where(singular, 1.0, linfoot(raw - bias(n, ranks[first], ranks[second]), dims))
    values[first, second] = values[second, first] = found
    return values


def bias(n: int, first: Array, second: Array) -> Array:
    """What n normal points give as information on average, nats, between `first` and `second` independent axes.

    The entropy of d normal axes from n points is biased by half the sum of psi((n - j) / 2), j = 1..d, and terms that
    cancel here.
    """
    terms = (
        np.concatenate([[0.0], np.cumsum(digamma((n - np.arange(1, np.max(first + second, initial=0) + 1)) / 2))]) / 2
    )
    return np.asarray(terms[first] + terms[second] - terms[first + second])


def _whitened(scores: Array) -> tuple[Array, Array]:
    """Axes of the same span with covariance 1, and their number: float64 (L, k, n) with zeros in the place of the
    axes that are missing, int64 (L,)."""
    centred = scores - scores.mean(axis=2, keepdims=True)
    variances, directions = np.linalg.eigh(centred @ centred.swapaxes(1, 2))
    kept = variances > SINGULAR * variances[:, -1:]
    scale = np.where(kept, 1 / np.sqrt(np.where(kept, variances, 1.0)), 0.0)
    return scale[:, :, None] * (directions.swapaxes(1, 2) @ centred), kept.sum(axis=1)
