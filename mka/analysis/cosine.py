"""Cosine similarity and angular distance of layers' hidden states, and block influence.

Axes: L layers, n points, d features.
"""

from __future__ import annotations

import numpy as np

from mka.analysis.pointwise import gram, mean_over_points, powers_of_two, redo
from mka.objects.progress import Cancel

Array = np.ndarray

CLOSE = 1e-5
"""Where |cosine| comes nearer to 1 than this, its arccos would lose more than half of its digits."""


def directions(hidden: Array) -> tuple[Array, Array]:
    """Rows of (L, d) scaled to length 1, zero rows left as they are; and float64 (L,), 1 for each zero row."""
    peak = np.abs(hidden).max(axis=1, keepdims=True)
    unit = hidden / powers_of_two(peak)  # before the norm, so that squares neither overflow nor vanish
    length = np.linalg.norm(unit, axis=1, keepdims=True)
    unit /= np.where(length > 0, length, 1.0)
    return unit, (peak[:, 0] == 0).astype(np.float64)


def cosines(hidden: Array) -> Array:
    """cos(h_l, h_m) of each pair of rows of float64 (L, d), in [-1, 1]; 1 of a row with itself and between
    zero rows, 0 beside one zero row."""
    unit, zero = directions(hidden)
    cosine = np.clip(gram(unit) + np.outer(zero, zero), -1.0, 1.0)
    np.fill_diagonal(cosine, 1.0)
    return cosine


def angles(hidden: Array) -> Array:
    """arccos(cos(h_l, h_m)) / pi of each pair of rows of float64 (L, d), in [0, 1], upper triangle.

    Exactly 0 between equal rows. Nearly parallel rows are measured by the chords to the other and to its mirror
    image, 2 atan2(|u - v|, |u + v|), which keeps all digits (Kahan 2006, "How futile are mindless assessments of
    roundoff", section 12).
    """
    unit, zero = directions(hidden)
    cosine = np.clip(gram(unit) + np.outer(zero, zero), -1.0, 1.0)
    angle = np.arccos(cosine)

    def by_chords(layer: int, others: Array) -> Array:
        apart, together = unit[others] - unit[layer], unit[others] + unit[layer]
        return np.asarray(2 * np.arctan2(np.linalg.norm(apart, axis=1), np.linalg.norm(together, axis=1)))

    redo(angle, np.abs(cosine) > 1 - CLOSE, by_chords)
    np.fill_diagonal(angle, 0.0)
    return angle / np.pi


def influences(hidden: Array) -> Array:
    """1 - cos(h_l, h_m) of each pair of rows of float64 (L, d), in [0, 2]."""
    return 1.0 - cosines(hidden)


def cosine(values: Array, *, cancel: Cancel | None = None) -> Array:
    """Mean over the points of cos(h_l, h_m), for hidden states (L, n, d).

    Returns float64 (L, L) in [-1, 1], symmetric, exactly 1 on the diagonal. A zero vector has cosine 1 with
    another zero vector and 0 with anything else.
    """
    return np.clip(mean_over_points(values, cosines, cancel), -1.0, 1.0)


def angular(values: Array, *, cancel: Cancel | None = None) -> Array:
    """Mean over the points of the angle between h_l and h_m as a share of a half turn, arccos(cos) / pi.

    The angular distance of Gromov et al., arXiv 2403.17887, between the outputs of layers l and m, for hidden
    states (L, n, d). Returns float64 (L, L) in [0, 1], symmetric, 0 on the diagonal and between layers equal to the
    bit; 1/2 is a right angle. A zero vector is at 0 from another zero vector and at 1/2 from anything else.
    """
    return np.clip(mean_over_points(values, angles, cancel), 0.0, 1.0)


def block_influence(values: Array, token_cosine: Array | None = None, *, cancel: Cancel | None = None) -> Array:
    """How much the block of layers l+1..m turns the hidden states: 1 - mean cos(h_l, h_m), for l < m.

    values:       hidden states (L, n, d) at the calibration points, which the mean is over
    token_cosine: (L,), mean over all tokens of cos(layer input, layer output); where given, the values of
                  neighbours are 1 minus it: [l, l + 1] is then the Block Influence of layer l + 1 as published
                  (ShortGPT, arXiv 2403.03853). For longer blocks no mean over all tokens is kept.

    Returns float64 (L, L) in [0, 2], symmetric, 0 on the diagonal; low means that the block does little.
    """
    influence = 1.0 - cosine(values, cancel=cancel)
    if token_cosine is not None:
        layer = np.arange(len(values) - 1)
        single = 1.0 - np.clip(token_cosine[1:], -1.0, 1.0)
        influence[layer, layer + 1] = influence[layer + 1, layer] = single
    return influence
