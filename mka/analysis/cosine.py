"""Cosine similarity of layers' hidden states, and block influence.

Axes: L layers, n points, d features.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def cosine(values: Array) -> Array:
    """Mean over the points of cos(h_l, h_m), for hidden states (L, n, d).

    Returns float64 (L, L) in [-1, 1], symmetric, exactly 1 on the diagonal. A zero vector has cosine 1 with
    another zero vector and 0 with anything else.
    """
    layers, n, _ = values.shape
    total = np.zeros((layers, layers))
    for point in range(n):  # one point at a time: (L, d) in float64, never a second copy of (L, n, d)
        hidden = values[:, point].astype(np.float64)
        # Scaled before the norm, so that squares neither overflow nor vanish.
        peak = np.abs(hidden).max(axis=1, keepdims=True)
        hidden = np.divide(hidden, peak, out=np.zeros_like(hidden), where=peak > 0)
        length = np.linalg.norm(hidden, axis=1, keepdims=True)
        unit = np.divide(hidden, length, out=hidden, where=length > 0)
        zero = (peak[:, 0] == 0).astype(np.float64)
        total += unit @ unit.T + np.outer(zero, zero)
    mean = np.clip((total + total.T) / (2 * n), -1.0, 1.0)
    np.fill_diagonal(mean, 1.0)
    return mean


def block_influence(values: Array, token_cosine: Array | None = None) -> Array:
    """How much the block of layers l+1..m turns the hidden states: 1 - mean cos(h_l, h_m), for l < m.

    values:       hidden states (L, n, d) at the calibration points, which the mean is over
    token_cosine: (L,), mean over all tokens of cos(layer input, layer output); where given, the values of
                  neighbours are 1 minus it: [l, l + 1] is then the Block Influence of layer l + 1 as published
                  (ShortGPT, arXiv 2403.03853). For longer blocks no mean over all tokens is kept.

    Returns float64 (L, L) in [0, 2], symmetric, 0 on the diagonal; low means that the block does little.
    """
    influence = 1.0 - cosine(values)
    if token_cosine is not None:
        layer = np.arange(len(values) - 1)
        single = 1.0 - np.clip(token_cosine[1:], -1.0, 1.0)
        influence[layer, layer + 1] = influence[layer + 1, layer] = single
    return influence
