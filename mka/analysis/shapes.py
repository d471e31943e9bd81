"""Procrustes similarity: how well one layer's cloud of points can be turned onto another's.

Axes: L layers, n points, d features, r = min(n, d).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.linalg import qr, svdvals

from mka.analysis.parallel import in_parallel
from mka.analysis.pointwise import means_of, powers_of_two
from mka.objects.progress import Cancel, Progress, silent

Array = np.ndarray


def procrustes(values: Array, *, progress: Progress = silent, cancel: Cancel | None = None) -> Array:
    """The nuclear norm of X^T Y, both centred and of Frobenius norm 1, for hidden states (L, n, d).

    2 minus twice this is the squared orthogonal Procrustes distance (Ding, Denain and Steinhardt, arXiv 2108.01661;
    Schönemann, Psychometrika 31, 1966): what is left of |X - Y R|^2 under the best turn and reflection R. Blind to
    rotation, shift and one factor for all features. Not corrected for chance: the fewer points for the features,
    the nearer are unrelated layers to 1, and two points always give 1.

    Returns float64 (L, L) in [0, 1], symmetric, 1 on the diagonal. A layer whose points all coincide has no shape:
    0 with every other layer. One singular value decomposition of (r, r) for each pair of layers.
    """
    layers = len(values)
    with_shape = list(in_parallel(lambda layer: _reduced(values[layer]), range(layers), cancel))
    pairs = list(combinations(range(layers), 2))

    def turned(pair: tuple[int, int]) -> float:
        first, second = (with_shape[layer] for layer in pair)
        return float(svdvals(first.T @ second, check_finite=False).sum())

    similarity = np.eye(layers)
    for done, (pair, norm) in enumerate(zip(pairs, in_parallel(turned, pairs, cancel), strict=True)):
        similarity[pair] = similarity[pair[::-1]] = min(1.0, norm)
        progress("procrustes", done + 1, len(pairs))
    return similarity


def _reduced(hidden: Array) -> Array:
    """A layer's points (n, d) centred, scaled to Frobenius norm 1, in r coordinates: float64 (n, r); 0 if no spread.

    With fewer points than features, X = R^T Q^T; Q only turns, and turning changes no nuclear norm.
    """
    centred = hidden - means_of(hidden)
    centred /= float(powers_of_two(np.abs(centred).max()))
    centred /= np.linalg.norm(centred) or 1.0
    n, d = centred.shape
    return centred if n >= d else np.ascontiguousarray(qr(centred.T, mode="r", check_finite=False)[0][:n].T)
