"""Which of many features, in groups, a least-squares map can best do without."""

from __future__ import annotations

import torch
from torch import Tensor

from mka.merging.repair.ridge import Sums

PENALTY = 1e-3
"""In mean squares of a feature, while groups are chosen; the map itself gets its penalty on held-out points."""


def most_useful(sums: Sums, groups: Tensor, keep: int, fixed: int = 0) -> list[int]:
    """The `keep` groups that are left, in their order, when again and again the one goes that is missed least.

    groups:  int64 (groups, c), the features of each; the last `fixed` features are in none and stay

    Missed is what the squared error of the best map of what is left grows by. That of removing the features g is
    trace(W_g' (C_gg)^-1 W_g), with C the inverse of the regular matrix and W the map; both follow each removal in
    closed form (optimal brain surgeon, Hassibi and Stork 1993).
    """
    regular = sums.xx + PENALTY * sums.xx.diagonal().mean() * torch.eye(len(sums.xx), dtype=torch.float64)
    inverse = torch.linalg.inv(regular)
    found = inverse @ sums.xy
    left = list(range(len(groups)))
    while len(left) > keep:
        members = groups[left]  # (left, c)
        blocks = inverse[members[:, :, None], members[:, None, :]]  # (left, c, c)
        maps = found[members]  # (left, c, d)
        cost = (maps * torch.linalg.solve(blocks, maps)).sum(dim=(1, 2))
        place = int(cost.argmin())
        gone = groups[left.pop(place)]
        share = torch.linalg.solve(blocks[place], inverse[gone])  # (c, k)
        found = found - share.T @ maps[place]
        inverse = inverse - share.T @ inverse[gone]
    return left
