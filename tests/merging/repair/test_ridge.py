"""Ridge regression against numpy's least squares on the points themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mka.errors import RunFailed
from mka.merging.repair.ridge import PENALTIES, Sums, ridge


def points(n, k=7, d=3, noise=0.0, seed=0):
    chance = np.random.default_rng(seed)
    x, w = chance.normal(size=(n, k)), chance.uniform(0.5, 2, size=n)
    truth = np.random.default_rng(99).normal(size=(k, d))
    return x, x @ truth + noise * chance.normal(size=(n, d)), w, truth


def summed(x, y, w, pieces=3):
    sums = Sums(x.shape[1], y.shape[1])
    for part in np.array_split(np.arange(len(x)), pieces):
        sums.add(*(torch.from_numpy(one[part]) for one in (x, y, w)))
    return sums


@pytest.mark.parametrize("penalty", [1e-5, 0.1, 10.0])
def test_the_map_is_numpys_least_squares_with_the_penalty_as_more_rows(penalty):
    x, y, w, _ = points(200, noise=0.5)
    strength = penalty * (w[:, None] * x * x).sum() / x.shape[1]
    rows = np.vstack([np.sqrt(w)[:, None] * x, math.sqrt(strength) * np.eye(x.shape[1])])
    goals = np.vstack([np.sqrt(w)[:, None] * y, np.zeros((x.shape[1], y.shape[1]))])
    expected = np.linalg.lstsq(rows, goals, rcond=None)[0]
    np.testing.assert_allclose(summed(x, y, w).solve(penalty).numpy(), expected, rtol=1e-9, atol=1e-12)


def test_what_is_missed_is_the_weighted_squared_error():
    x, y, w, truth = points(60, noise=1.0)
    found = truth * 0.7
    expected = (w[:, None] * (y - x @ found) ** 2).sum()
    assert summed(x, y, w).missed(torch.from_numpy(found)) == pytest.approx(expected, rel=1e-12)


def test_an_exact_relation_takes_the_weakest_penalty_and_all_points():
    x, y, w, truth = points(300)
    fit = ridge(summed(x[:200], y[:200], w[:200]), summed(x[200:], y[200:], w[200:]))
    assert fit.penalty == PENALTIES[0] and fit.left < 1e-8
    np.testing.assert_allclose(fit.map.numpy(), truth, atol=1e-3)
    np.testing.assert_array_equal(fit.map.numpy(), summed(x[:200], y[:200], w[:200]).plus(
        summed(x[200:], y[200:], w[200:])).solve(fit.penalty).numpy())  # fmt: skip


def test_noise_takes_no_map_at_all():
    chance = np.random.default_rng(3)
    x, w = chance.normal(size=(40, 7)), np.ones(40)
    y = chance.normal(size=(40, 3))
    y[30:] = -10 * x[30:] @ np.linalg.lstsq(x[:30], y[:30], rcond=None)[0]  # the held-out contradict the others
    fit = ridge(summed(x[:30], y[:30], w[:30]), summed(x[30:], y[30:], w[30:]))
    assert fit.map is None and fit.penalty == math.inf and fit.left == 1.0


def test_features_that_are_all_0_take_no_map():
    x, y, w = np.zeros((10, 4)), np.ones((10, 2)), np.ones(10)
    assert ridge(summed(x, y, w), summed(x, y, w)).map is None


def test_nan_is_told():
    x, y, w, _ = points(10)
    x[3, 2] = np.nan
    with pytest.raises(RunFailed, match="NaN or infinity"):
        ridge(summed(x, y, w), summed(x, y, w))


def test_a_vanishing_map_is_what_a_growing_penalty_leaves():
    x, y, w, _ = points(50)
    lengths = [float(summed(x, y, w).solve(penalty).norm()) for penalty in (1.0, 1e3, 1e9)]
    assert lengths[0] > lengths[1] > lengths[2] and lengths[2] < 1e-7
