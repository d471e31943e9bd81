"""Move each layer's map onto the map before it, so that a point can be followed through the layers."""

from __future__ import annotations

import numpy as np
from scipy.linalg import orthogonal_procrustes

Array = np.ndarray


def align_layers(coordinates: Array) -> Array:
    """Align maps (L, n, k) one after the other: layer l onto the aligned layer l - 1; layer 0 stays.

    Rotation, reflection and translation only: a layer's own scale and distances are kept (no scaling), since
    a map that spreads or shrinks with depth is something to see. Least squares over the points (Schönemann,
    Psychometrika 31, 1966). Returns float64 (L, n, k).
    """
    aligned = coordinates.copy()
    for layer in range(1, len(coordinates)):
        target_centre = aligned[layer - 1].mean(axis=0)
        centred = coordinates[layer] - coordinates[layer].mean(axis=0)
        turn, _ = orthogonal_procrustes(centred, aligned[layer - 1] - target_centre)
        aligned[layer] = centred @ turn + target_centre
    return aligned
