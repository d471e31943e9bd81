"""Maps of bounded rank against numpy's, and what they must never do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mka.merging.repair.lowrank import low_rank
from mka.merging.repair.ridge import Sums

TWO = [slice(0, 5), slice(5, 11)]


def drawn(seed, points=400, features=11, outputs=7, noise=0.5):
    chance = np.random.default_rng(seed)
    x = chance.normal(size=(points, features)) @ chance.normal(size=(features, features))
    return x, x @ chance.normal(size=(features, outputs)) + noise * chance.normal(size=(points, outputs))


def summed(x, y):
    sums = Sums(x.shape[1], y.shape[1])
    sums.add(torch.from_numpy(x), torch.from_numpy(y), torch.ones(len(x)))
    return sums


def missed(x, y, found):
    return float(((y - x @ torch.cat([one.map for one in found.blocks]).numpy()) ** 2).sum())


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_one_block_is_reduced_rank_regression(rank):
    """Fitted values of the unrestricted ridge map, cut to their largest singular values."""
    x, y = drawn(rank, noise=3.0)
    found = low_rank(summed(x, y), summed(x, y), [slice(0, 11)], rank, torch.zeros(11, 7, dtype=torch.float64))
    assert found.penalty == 1e-5  # held are the same points, so the weakest misses least
    more = np.vstack([x, np.sqrt(1e-5 * (x * x).sum() / 11) * np.eye(11)])
    free = np.linalg.lstsq(more, np.vstack([y, np.zeros((11, 7))]), rcond=None)[0]
    right = np.linalg.svd(more @ free, full_matrices=False)[2][:rank]
    np.testing.assert_allclose(found.blocks[0].map.numpy(), free @ right.T @ right, atol=1e-8)
    assert found.left == pytest.approx(missed(x, y, found) / (y**2).sum(), rel=1e-3)


def test_blocks_are_fitted_to_what_the_others_leave():
    x, y = drawn(4)
    found = low_rank(summed(x, y), summed(x, y), TWO, 2, torch.zeros(11, 7, dtype=torch.float64))
    maps = [one.map.numpy() for one in found.blocks]
    assert [np.linalg.matrix_rank(one) for one in maps] == [2, 2]
    for block, other in ((0, 1), (1, 0)):
        owed = y - x[:, TWO[other]] @ maps[other]
        free = np.linalg.lstsq(x[:, TWO[block]], owed, rcond=None)[0]
        right = np.linalg.svd(x[:, TWO[block]] @ free, full_matrices=False)[2][:2]
        best = ((owed - x[:, TWO[block]] @ free @ right.T @ right) ** 2).sum()
        assert missed(x, y, found) == pytest.approx(best, rel=0.02)


def test_where_the_present_map_is_the_best_nothing_else_is_taken():
    x, _ = drawn(5)
    present = torch.from_numpy(np.random.default_rng(6).normal(size=(11, 7)))
    y = x @ present.numpy()
    assert low_rank(summed(x[:200], y[:200]), summed(x[200:], y[200:]), TWO, 7, present) is None


def test_the_penalty_is_the_best_on_held_points():
    x, y = drawn(8, points=40, noise=20.0)
    fitted, held = summed(x[:20], y[:20]), summed(x[20:], y[20:])
    present = torch.zeros(11, 7, dtype=torch.float64)
    found = low_rank(fitted, held, TWO, 2, present)
    assert found.penalty > 1e-5 and 0 < found.left < 1
