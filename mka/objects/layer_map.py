"""Every layer as one point: near where the layers are alike, joined in order to a path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LayerMap:
    """A map of the layers, drawn from the distance matrix of one measure.

    coordinates:  float64 (L, 2), layer l in row l, centred, in the unit of the measure's distances
    method:       "mds" (metric multidimensional scaling) or "umap"
    stress:       Kruskal's stress-1 of the map's distances against the measure's, 0 is perfect; above about 0.2
                  the picture misleads
    """

    coordinates: np.ndarray
    measure: str
    method: str
    stress: float
    seed: int
