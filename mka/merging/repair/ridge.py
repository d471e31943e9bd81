"""Ridge regression from running sums: memory of (k, k) whatever the number of points.

Axes: n points, k features, d outputs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mka.errors import RunFailed

PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Tried in this order, in units of the mean square of a feature; no map at all is tried first."""


class Sums:
    """Sum of w x x', w x y' and w y^2 (d,) over the points seen; float64, on the CPU."""

    def __init__(self, features: int, outputs: int) -> None:
        self.xx = torch.zeros(features, features, dtype=torch.float64)
        self.xy = torch.zeros(features, outputs, dtype=torch.float64)
        self.yy = torch.zeros(outputs, dtype=torch.float64)

    def add(self, x: Tensor, y: Tensor, weights: Tensor) -> None:
        """Take in points x (n, k), y (n, d) with weights (n,); products are summed in float64.

        In float32 the sums of one batch alone would lose what the weakest penalty leaves to be told apart.
        """
        x, y, weights = x.double(), y.double(), weights.double()
        weighted = x * weights[:, None]
        self.xx += (weighted.T @ x).cpu()
        self.xy += (weighted.T @ y).cpu()
        self.yy += (weights @ y.square()).cpu()

    def plus(self, other: Sums) -> Sums:
        both = Sums(*self.xy.shape)
        both.xx, both.xy, both.yy = self.xx + other.xx, self.xy + other.xy, self.yy + other.yy
        return both

    def only(self, features: Tensor) -> Sums:
        """The sums of these features alone, in this order."""
        some = Sums(len(features), self.xy.shape[1])
        some.xx, some.xy, some.yy = self.xx[features][:, features], self.xy[features], self.yy
        return some

    def beyond(self, known: Tensor) -> Sums:
        """The sums of what y has beyond known' x; known float64 (k, d)."""
        some = Sums(0, 0)
        some.xx, some.xy = self.xx, self.xy - self.xx @ known
        some.yy = self.yy - (known * (self.xy + some.xy)).sum(dim=0)
        return some

    def of(self, outputs: slice) -> Sums:
        """The sums of these outputs alone."""
        some = Sums(0, 0)
        some.xx, some.xy, some.yy = self.xx, self.xy[:, outputs], self.yy[outputs]
        return some

    @property
    def total(self) -> float:
        """Weighted squares of all outputs."""
        return float(self.yy.sum())

    def missed(self, found: Tensor) -> float:
        """Weighted squared error of y = found' x over the points seen; found float64 (k, d)."""
        return self.total - float((found * (2 * self.xy - self.xx @ found)).sum())

    def solve(self, penalty: float) -> Tensor:
        """The map (k, d) of least sum of w |y - M' x|^2 + penalty * mean(diag(xx)) * |M|^2; float64."""
        strength = penalty * float(self.xx.diagonal().mean())
        regular = self.xx + strength * torch.eye(len(self.xx), dtype=torch.float64)
        return torch.cholesky_solve(self.xy, torch.linalg.cholesky(regular))


@dataclass(frozen=True)
class Fit:
    """A map chosen on held-out points.

    map:      float64 (k, d); None where no map did best there
    penalty:  of PENALTIES; inf where there is no map
    left:     share of the held-out squared error that is left when it is added, in [0, 1]
    """

    map: Tensor | None
    penalty: float
    left: float


def ridge(fitted: Sums, held: Sums) -> Fit:
    """The penalty under which the map of the `fitted` points misses least of the `held`, and the map of both.

    Smaller than no map at all, or there is no map. RunFailed where a sum is no number.
    """
    chosen, missed = best_penalty(fitted, held)
    if chosen == math.inf:
        return Fit(None, math.inf, 1.0)
    return Fit(fitted.plus(held).solve(chosen), chosen, max(missed, 0.0) / held.total)


def best_penalty(fitted: Sums, held: Sums) -> tuple[float, float]:
    """Of PENALTIES, and inf for no map, the one under which the map of the `fitted` points misses least of the `held`;
    and what it misses."""
    if not math.isfinite(fitted.total + held.total + float(fitted.xx.sum() + held.xx.sum())):
        raise RunFailed("the activations hold NaN or infinity, so nothing can be repaired; check the model's weights")
    best, chosen = held.total, math.inf
    for penalty in PENALTIES if float(fitted.xx.diagonal().sum()) > 0 else ():
        missed = held.missed(fitted.solve(penalty))
        if missed < best:
            best, chosen = missed, penalty
    return chosen, best
