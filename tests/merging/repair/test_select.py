"""Backward elimination against solving anew, with numpy, for every group that might go."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mka.merging.repair.ridge import Sums
from mka.merging.repair.select import PENALTY, most_useful


def summed(x, y):
    sums = Sums(x.shape[1], y.shape[1])
    sums.add(torch.from_numpy(x), torch.from_numpy(y), torch.ones(len(x)))
    return sums


def by_solving_anew(x, y, groups, keep, fixed):
    """What is left when the group goes whose absence costs the best regular map least."""
    strength = PENALTY * (x * x).sum() / x.shape[1]
    left = list(range(len(groups)))

    def cost(kept):
        chosen = [*np.concatenate([groups[g] for g in kept]), *range(x.shape[1] - fixed, x.shape[1])]
        part = x[:, chosen]
        found = np.linalg.solve(part.T @ part + strength * np.eye(len(chosen)), part.T @ y)
        return ((y - part @ found) ** 2).sum() + strength * (found**2).sum()

    while len(left) > keep:
        left = min(([g for g in left if g != gone] for gone in left), key=cost)
    return left


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("fixed", [0, 1])
def test_the_same_stay_as_when_every_map_is_solved_anew(width, fixed):
    chance = np.random.default_rng(width + 10 * fixed)
    groups = np.arange(8 * width).reshape(8, width)
    x = chance.normal(size=(200, 8 * width + fixed)) @ chance.normal(size=(8 * width + fixed, 8 * width + fixed))
    y = x @ chance.normal(size=(x.shape[1], 4)) + chance.normal(size=(200, 4))
    for keep in (6, 3):
        expected = by_solving_anew(x, y, groups, keep, fixed)
        assert most_useful(summed(x, y), torch.from_numpy(groups), keep, fixed) == expected


def test_what_says_nothing_goes_first():
    chance = np.random.default_rng(0)
    x = chance.normal(size=(300, 6))
    y = x[:, [1, 4]] @ chance.normal(size=(2, 3))
    assert most_useful(summed(x, y), torch.arange(6)[:, None], 2) == [1, 4]


def test_nothing_goes_where_all_may_stay():
    x = np.eye(4)
    assert most_useful(summed(x, x), torch.arange(4)[:, None], 4) == [0, 1, 2, 3]
