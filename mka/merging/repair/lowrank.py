"""Least squares of maps of bounded rank, from running sums.

Axes: features side by side in blocks, k of them in all; d outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mka.merging.repair.ridge import PENALTIES, Sums

SWEEPS = 8
"""Rounds over all blocks, each fitted to what the others leave; the error falls with every step and soon no more."""


@dataclass(frozen=True)
class Factors:
    """A map of one block: read (features of the block, r) and then write (r, d), float64."""

    read: Tensor
    write: Tensor

    @property
    def map(self) -> Tensor:
        return self.read @ self.write


@dataclass(frozen=True)
class LowRank:
    """Maps of all blocks, chosen on held-out points.

    penalty:  of PENALTIES
    left:     share of the held-out squared error of the present maps that is left, in [0, 1]
    """

    blocks: tuple[Factors, ...]
    penalty: float
    left: float


def low_rank(fitted: Sums, held: Sums, blocks: Sequence[slice], rank: int, present: Tensor) -> LowRank | None:
    """Maps of at most `rank` for each block that together miss less of the `held` points than the map `present` does.

    present: float64 (k, d), of that rank in every block; where the search for other maps begins
    None where no penalty gives better ones. Those returned are fitted to both kinds of points.
    """
    missing = held.missed(present)
    best, chosen = missing, None
    for penalty in PENALTIES:
        found = _fit(fitted, blocks, rank, present, penalty)
        missed = held.missed(torch.cat([one.map for one in found]))
        if missed < best:
            best, chosen = missed, penalty
    if chosen is None:
        return None
    left = max(best, 0.0) / missing
    return LowRank(tuple(_fit(fitted.plus(held), blocks, rank, present, chosen)), chosen, left)


def _fit(sums: Sums, blocks: Sequence[slice], rank: int, present: Tensor, penalty: float) -> list[Factors]:
    """SWEEPS rounds of reduced-rank regression (Izenman 1975), a block at a time.

    Of the regular matrix C = L L' of a block and its unrestricted map M, L' M cut to its `rank` largest singular values
    is the nearest in squared error; penalty as in `Sums.solve`.
    """
    strength = penalty * float(sums.xx.diagonal().mean())
    roots = [
        torch.linalg.cholesky(
            sums.xx[block, block] + strength * torch.eye(block.stop - block.start, dtype=torch.float64)
        )
        for block in blocks
    ]
    found = present.clone()
    factors: list[Factors] = []
    for _ in range(SWEEPS):
        factors = []
        for block, root in zip(blocks, roots, strict=True):
            owed = sums.xy[block] - sums.xx[block] @ found + sums.xx[block, block] @ found[block]
            left, sizes, right = torch.linalg.svd(
                torch.linalg.solve_triangular(root, owed, upper=False), full_matrices=False
            )
            even = sizes[:rank].sqrt()
            read = torch.linalg.solve_triangular(root.T, left[:, :rank] * even, upper=True)
            factors.append(Factors(read, even[:, None] * right[:rank]))
            found[block] = factors[-1].map
    return factors
