"""How alike the layers are, pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Similarity:
    """A symmetric L x L matrix of one measure.

    values:             float64 (L, L); NaN where the estimator has no value, `note` says why
    bounds:             (lowest, highest) possible value; None where unbounded
    higher_is_alike:    True for similarities, False for distances
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

    @property
    def layers(self) -> int:
        return int(self.values.shape[0])

    @property
    def adjacent(self) -> np.ndarray:
        """float64 (L-1,): the value of each pair (l, l+1)."""
        return np.diagonal(self.values, offset=1).copy()
