"""Manifold embeddings: every layer's calibration points in two or three dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mka.objects.activations import Point


@dataclass(frozen=True)
class Embedding:
    """Coordinates of n points in each of L layers.

    coordinates:  float64 (L, n, dims); when `aligned`, each layer was moved onto the one before it
                  by orthogonal Procrustes, so that a point can be followed through the layers
    unaligned:    float64 (L, n, dims), as the method gave them; measures read these
    quality:      name -> one figure per layer, e.g. trustworthiness in [0, 1]
    spectrum:     float64 (L, k) leading eigenvalues (diffusion) or explained variance ratios (pca);
                  shape (L, 0) where the method has none
    """

    coordinates: np.ndarray
    unaligned: np.ndarray
    method: str
    parameters: Mapping[str, float | int | str | None]
    seed: int
    aligned: bool
    points: tuple[Point, ...] = ()
    quality: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    spectrum: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    model: str = ""
    calibration_key: str = ""
    text_hashes: tuple[str, ...] = ()

    @property
    def layers(self) -> int:
        return int(self.coordinates.shape[0])
