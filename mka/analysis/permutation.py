"""What npib's plain ratio says of layers that have nothing to do with each other: its bias, seen by shuffling.

Axes: L layers, n points, k map dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mka.analysis.npib import npib

Array = np.ndarray

PERMUTATIONS = 20


@dataclass(frozen=True)
class PermutationNull:
    """Plain ratios of pairs of layers whose points were shuffled against each other, in [0, 1]: their mean over pairs
    and permutations, the lowest and the highest."""

    mean: float
    lowest: float
    highest: float

    @property
    def sentence(self) -> str:
        return (
            f"shuffled points score {self.mean:.2f} on average ({self.lowest:.2f} to {self.highest:.2f}), so only "
            "what lies above says something"
        )


def permutation_null(
    coordinates: Array, permutations: int = PERMUTATIONS, seed: int = 0, *, bins: int | None = None
) -> PermutationNull:
    """Shuffle each layer's points by itself, `permutations` times, and take npib's plain ratio of every pair.

    coordinates: unaligned, (L, n, k), at least 4 points; a single layer is shuffled against itself. bins: as
    npib's. Shuffling keeps the sizes of the cells, so what remains is what cells of these sizes share by chance.
    """
    if len(coordinates) == 1:
        coordinates = np.repeat(coordinates, 2, axis=0)
    generator = np.random.default_rng(seed)
    pairs = np.triu_indices(len(coordinates), 1)
    ratios = []
    for _ in range(permutations):
        shuffled = np.stack([layer[generator.permutation(len(layer))] for layer in coordinates])
        ratios.append(npib(shuffled, corrected=False, bins=bins)[pairs])
    return PermutationNull(float(np.mean(ratios)), float(np.min(ratios)), float(np.max(ratios)))
