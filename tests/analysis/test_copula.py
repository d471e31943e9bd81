"""Gaussian copula information against determinants, theory and its promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import psi

from mka.analysis.copula import bias, copula
from mka.analysis.scores import linfoot, normal_scores
from mka.errors import BadInput


def wandering(layers: int = 4, n: int = 60, dims: int = 2, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=(layers, n, dims)), axis=0)


def by_determinants(x: np.ndarray, y: np.ndarray) -> float:
    """0.5 log(det Rx det Ry / det Rxy), nats, of axes (k, n)."""
    return 0.5 * float(
        np.log(np.linalg.det(np.atleast_2d(np.corrcoef(x))))
        + np.log(np.linalg.det(np.atleast_2d(np.corrcoef(y))))
        - np.log(np.linalg.det(np.corrcoef(np.vstack([x, y]))))
    )


def published_bias(n: int, first: int, second: int) -> float:
    """As in the authors' program: each entropy less d (ln 2 - ln(n - 1)) / 2 and the sum of psi((n - j) / 2) / 2."""

    def of_entropy(d: int) -> float:
        return d * (np.log(2) - np.log(n - 1)) / 2 + sum(psi((n - j) / 2) / 2 for j in range(1, d + 1))

    return of_entropy(first) + of_entropy(second) - of_entropy(first + second)


@pytest.mark.parametrize(("n", "dims"), [(60, 2), (40, 1), (50, 3), (256, 2)])
def test_equals_determinants_and_the_published_correction(n: int, dims: int) -> None:
    coordinates = wandering(4, n, dims)
    found, scores = copula(coordinates), normal_scores(coordinates)
    for first in range(4):
        for second in range(first + 1, 4):
            raw = by_determinants(scores[first], scores[second])
            expected = linfoot(raw - published_bias(n, dims, dims), dims)
            assert found[first, second] == pytest.approx(float(expected), abs=1e-10)


def test_the_bias_is_what_independent_normal_points_give() -> None:
    generator = np.random.default_rng(0)
    found = [by_determinants(*generator.normal(size=(2, 2, 20))) for _ in range(4000)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - bias(20, np.array(2), np.array(2))) < 4 * error


@pytest.mark.parametrize("correlation", [0.0, 0.4, 0.8, 0.95])
def test_normal_axes_score_their_correlation(correlation: float) -> None:
    x, noise = np.random.default_rng(3).normal(size=(2, 4000, 2))
    y = np.exp(correlation * x + np.sqrt(1 - correlation**2) * noise)  # each axis rescaled
    assert copula(np.stack([x, y]))[0, 1] == pytest.approx(correlation, abs=0.05)


def test_bounds_symmetry_and_invariance() -> None:
    coordinates = wandering(5, 50)
    values = copula(coordinates)
    np.testing.assert_array_equal(values, values.T)
    assert (np.diagonal(values) == 1).all() and (values >= 0).all() and (values <= 1).all()
    assert values[0, 4] < values[3, 4] < 1
    order = np.random.default_rng(1).permutation(50)
    np.testing.assert_allclose(copula(coordinates[:, order]), values, atol=1e-12)
    np.testing.assert_allclose(copula(np.exp(coordinates / 5)[:, :, ::-1]), values, atol=1e-12)
    layers = [3, 1, 4]
    np.testing.assert_allclose(copula(coordinates[layers]), values[np.ix_(layers, layers)], atol=1e-12)
    np.testing.assert_array_equal(copula(coordinates), values)


def test_a_function_of_the_other_layer_scores_one() -> None:
    x, other = wandering(2, 40)
    same, mirrored = 3 * x + 1, -(x[:, ::-1] ** 3)
    one_axis_shared = np.stack([other[:, 0], np.exp(x[:, 1])], axis=1)
    values = copula(np.stack([x, same, mirrored, one_axis_shared, other]))
    np.testing.assert_array_equal(values[:4, :4][np.triu_indices(4, 1)][[0, 1, 2, 3, 4, 5]], 1.0)
    assert values[0, 4] < 1


def test_axes_that_repeat_each_other_count_once() -> None:
    x, y = wandering(2, 80)
    twice = np.stack([x[:, 0], np.exp(x[:, 0])], axis=1)
    silent = np.stack([x[:, 0], np.zeros(80)], axis=1)
    scores = normal_scores(np.stack([x, y]))
    raw = by_determinants(scores[0][:1], scores[1])
    expected = float(linfoot(raw - published_bias(80, 1, 2), 2))
    values = copula(np.stack([twice, silent, y]))
    np.testing.assert_allclose(values[:2, 2], expected, atol=1e-10)
    assert values[0, 1] == 1


def test_still_layers_tell_nothing() -> None:
    coordinates = np.stack([np.zeros((30, 2)), np.full((30, 2), 3.0), wandering(1, 30)[0]])
    np.testing.assert_array_equal(copula(coordinates), np.eye(3))
    np.testing.assert_array_equal(copula(np.zeros((2, 30, 2))), np.eye(2))
    np.testing.assert_array_equal(copula(wandering(1, 30)), [[1.0]])


def test_ties_share_their_score() -> None:
    coordinates = np.floor(wandering(3, 60))
    values = copula(coordinates)
    order = np.random.default_rng(0).permutation(60)
    np.testing.assert_allclose(copula(coordinates[:, order]), values, atol=1e-12)
    assert np.isfinite(values).all()


def test_needs_more_points_than_axes() -> None:
    for n in (1, 2, 3, 5):
        with pytest.raises(BadInput, match=f"at least 6 points for 2 axes, got {n}"):
            copula(wandering(2, n))
    assert np.isfinite(copula(wandering(3, 6))).all()
    with pytest.raises(BadInput, match="at least 8 points for 3 axes, got 7"):
        copula(wandering(2, 7, 3))
    assert copula(wandering(2, 4, 1)).shape == (2, 2)
