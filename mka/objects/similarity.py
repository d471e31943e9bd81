"""How alike the layers are, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Uncertainty:
    """How far a similarity would move on other calibration points of the same kind.

    Estimated from `subsamples` subsamples of `size` of the n points, halves drawn without replacement: duplicates,
    as a bootstrap draws them, break nearest neighbours and debiased CKA. See `mka.analysis.uncertainty`.

    stderr:  float64 (L, L), standard error of each cell for all n points
    ranks:   float64 (L - 1, 2), 95 % interval of each adjacent pair's rank; rank 1 is the pair most alike
    tau:     Kendall's tau between the rankings of adjacent pairs in two halves of the points that share none, mean
             over the splits, in [-1, 1]; near 0 the ranking is noise. NaN for fewer than 3 layers
    """

    stderr: np.ndarray
    ranks: np.ndarray
    tau: float
    subsamples: int
    size: int
    seed: int


@dataclass(frozen=True)
class Similarity:
    """A symmetric L x L matrix of one measure.

    values:             float64 (L, L); NaN where the estimator has no value, `note` says why
    bounds:             (lowest, highest) possible value; None where unbounded
    higher_is_alike:    True for similarities, False for distances
    uncertainty:        over the calibration points, None where it was not asked for or there are too few of them
    """

    values: np.ndarray
    measure: str
    bounds: tuple[float | None, float | None]
    higher_is_alike: bool
    parameters: Mapping[str, float | int | str | bool | None] = field(default_factory=dict)
    seed: int = 0
    note: str = ""
    model: str = ""
    calibration_key: str = ""
    text_hashes: tuple[str, ...] = ()
    uncertainty: Uncertainty | None = None

    @property
    def layers(self) -> int:
        return int(self.values.shape[0])

    @property
    def adjacent(self) -> np.ndarray:
        """float64 (L-1,): the value of each pair (l, l+1)."""
        return np.diagonal(self.values, offset=1).copy()

    @property
    def most_alike(self) -> tuple[int, int] | None:
        """The neighbours that are most alike, the first of equal ones; None where no neighbours have a value."""
        values = self.adjacent if self.higher_is_alike else -self.adjacent
        if not np.isfinite(values).any():
            return None
        best = int(np.nanargmax(values))
        return best, best + 1
