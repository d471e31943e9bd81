"""Debiased linear CKA against Song's formula, and what it is blind to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from mka.analysis import cka as module
from mka.analysis.cka import cka
from mka.analysis.measures import similarity
from mka.errors import BadInput

Array = np.ndarray


def states(layers: int = 3, n: int = 30, d: int = 7, seed: int = 0) -> Array:
    return np.cumsum(np.random.default_rng(seed).normal(size=(layers, n, d)), axis=0)


def unbiased_hsic(kernel: Array, other: Array) -> float:
    """Equation 5 of Song et al., JMLR 13, 2012, word by word."""
    n, one = len(kernel), np.ones(len(kernel))
    k, m = kernel - np.diag(np.diag(kernel)), other - np.diag(np.diag(other))
    whole = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    return float((np.trace(k @ m) + whole - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3)))


def by_song(first: Array, second: Array) -> float:
    kernel, other = first @ first.T, second @ second.T
    return unbiased_hsic(kernel, other) / np.sqrt(unbiased_hsic(kernel, kernel) * unbiased_hsic(other, other))


def biased(first: Array, second: Array) -> float:
    x, y = first - first.mean(axis=0), second - second.mean(axis=0)
    return float(np.linalg.norm(x.T @ y) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y))


@pytest.mark.parametrize(("n", "d"), [(4, 3), (5, 40), (9, 600), (50, 1), (301, 20)])
@pytest.mark.parametrize("block", [2**16, 16, 7 * 301])
def test_equals_songs_formula(n: int, d: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    values = states(3, n, d) * 5 + 3
    expected = [[by_song(first, second) for second in values] for first in values]
    found = cka(values)
    np.testing.assert_allclose(found, expected, atol=1e-11)
    np.testing.assert_array_equal(found, found.T)
    assert (np.diagonal(found) == 1).all()


def test_is_blind_to_rotation_shift_and_one_factor() -> None:
    values = states(2)
    turned = values.copy()
    turned[1] = 1e6 * values[1] @ ortho_group.rvs(7, random_state=0) - 40
    np.testing.assert_allclose(cka(turned), cka(values), atol=1e-9)
    assert cka(np.stack([values[0], turned[1] * 0 + values[0] @ ortho_group.rvs(7, random_state=1)]))[0, 1] > 1 - 1e-12


def test_sees_the_scale_of_single_features() -> None:
    values = states(2)
    stretched = values * np.array([30, 1, 1, 1, 1, 1, 1])
    assert cka(np.stack([values[0], stretched[0]]))[0, 1] < 0.9


def test_unrelated_layers_are_near_zero_however_many_features() -> None:
    rng = np.random.default_rng(0)
    found = [cka(rng.normal(size=(2, 40, 2000)))[0, 1] for _ in range(20)]
    first, second = rng.normal(size=(2, 40, 2000))
    assert biased(first, second) > 0.95
    # Of n (n - 3) / 2 = 740 orthogonal directions, so about 1/sqrt(740) = 0.037 apiece, 0.008 on the mean of 20.
    assert abs(np.mean(found)) < 4 * 0.037 / np.sqrt(20) and np.std(found) == pytest.approx(0.037, rel=0.5)


def test_a_layer_that_arranges_nothing() -> None:
    values = states(4, 5, 3)
    values[1], values[2] = 0.1, 0.0
    values[3] = 0.3
    values[3, 0] = 7.0  # one point against all others: U-centring leaves nothing of it
    found = similarity(values, "cka")
    np.testing.assert_array_equal(found.values, np.eye(4))
    assert found.note == "all points coincide in layers 1, 2: they arrange nothing, so 0 with every other layer"


def test_equal_layers_score_one() -> None:
    values = states(3)
    values[2] = values[0]
    assert cka(values)[0, 2] == 1


@pytest.mark.parametrize("factor", [1e-150, 1e150])
def test_size_does_not_matter(factor: float) -> None:
    np.testing.assert_allclose(cka(states() * factor), cka(states()), atol=1e-12)


def test_three_points_are_too_few() -> None:
    with pytest.raises(BadInput, match="at least 4 points, got 3"):
        similarity(states(2, 3), "cka")
