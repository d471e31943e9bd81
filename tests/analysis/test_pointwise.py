"""Cosine, angle and distances: by hand, against scikit-learn and scipy, and exact where layers are equal."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import ledoit_wolf
from sklearn.metrics.pairwise import cosine_similarity

from mka.analysis import distances
from mka.analysis.cosine import angular, cosine
from mka.analysis.distances import euclidean, mahalanobis, pooled_covariance
from mka.analysis.measures import similarity
from mka.analysis.parallel import serial_blas
from mka.analysis.pointwise import SPAN, gram, means_of, means_over_points
from mka.errors import Cancelled
from mka.objects.progress import Cancel


def states(layers: int = 5, n: int = 40, d: int = 7, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=(layers, n, d)), axis=0).astype(np.float32)


def test_cosine_and_angle_equal_the_plain_formula() -> None:
    values = states(n=2 * SPAN + 3).astype(np.float64)
    by_point = np.stack([cosine_similarity(values[:, point]) for point in range(values.shape[1])])
    np.testing.assert_allclose(cosine(values), by_point.mean(axis=0), atol=1e-14)
    angles = np.arccos(np.clip(by_point, -1, 1)) / np.pi
    np.testing.assert_allclose(angular(values), angles.mean(axis=0), atol=1e-8)  # arccos itself is off by 1e-8 near 1


def test_angle_by_hand() -> None:
    turns = np.array([0, 1 / 6, 1 / 2, 1]) * np.pi
    values = np.stack([np.cos(turns), np.sin(turns)], axis=-1)[:, None]
    expected = np.abs(np.subtract.outer(turns, turns)) / np.pi
    np.testing.assert_allclose(angular(values), expected, atol=1e-15)


@pytest.mark.parametrize("angle", [1e-3, 1e-6, 1e-12, 1e-30])
def test_small_angles_keep_their_digits(angle: float) -> None:
    values = np.array([[[1.0, 0.0]], [[np.cos(angle), np.sin(angle)]], [[-np.cos(angle), np.sin(angle)]]])
    found = angular(values) * np.pi
    assert found[0, 1] == pytest.approx(angle, rel=1e-9)
    assert np.pi - found[0, 2] == pytest.approx(angle, rel=1e-9, abs=1e-15)


def test_layers_equal_to_the_bit_are_at_exactly_zero() -> None:
    values = states(6, 100, 33)
    values[4] = values[1]
    for measure in (angular, euclidean, mahalanobis):
        found = measure(values)
        assert found[1, 4] == found[4, 1] == 0
        assert np.isclose(found, 0).sum() == 6 + 2


def test_zero_vectors_have_a_defined_angle() -> None:
    zero, some = np.zeros((1, 2)), np.array([[3.0, 1.0]])
    np.testing.assert_array_equal(angular(np.stack([zero, some, zero])), [[0, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0]])
    np.testing.assert_allclose(euclidean(np.stack([zero, some, zero]))[0], [0, np.sqrt(10), 0], rtol=1e-15)


def test_euclidean_equals_scipys() -> None:
    values = states(n=SPAN + 1).astype(np.float64)
    expected = np.mean([cdist(values[:, point], values[:, point]) for point in range(values.shape[1])], axis=0)
    np.testing.assert_allclose(euclidean(values), expected, rtol=1e-12)


def test_distances_survive_near_equality_and_huge_numbers() -> None:
    near = np.array([[[1.0, 1.0]], [[1.0, 1.0 + 2**-40]]])
    assert euclidean(near)[0, 1] == 2**-40
    assert euclidean(near * 2.0**600)[0, 1] == 2.0**560


@pytest.mark.parametrize(("layers", "n", "d"), [(4, 30, 7), (3, 5, 40), (5, 9, 600), (3, 50, 1), (2, 3, 3)])
def test_covariance_is_scikit_learns(layers: int, n: int, d: int) -> None:
    values = states(layers, n, d) * 5 + 3
    exact = values.astype(np.float64)
    centred = (exact - exact.mean(axis=1, keepdims=True)).reshape(-1, d)
    expected, _ = ledoit_wolf(centred, assume_centered=True)
    np.testing.assert_allclose(pooled_covariance(values), expected, rtol=1e-10, atol=1e-13)
    inverse = np.linalg.inv(expected)
    apart = exact[0] - exact[1]
    by_hand = np.sqrt(np.einsum("nd,de,ne->n", apart, inverse, apart)).mean()
    assert mahalanobis(values)[0, 1] == pytest.approx(by_hand, rel=1e-9)


def test_mahalanobis_has_no_unit_of_its_own() -> None:
    values = states()
    np.testing.assert_array_equal(mahalanobis(values * 2.0**40), mahalanobis(values))
    np.testing.assert_allclose(mahalanobis(values * 1e30), mahalanobis(values), rtol=1e-5)


def test_mahalanobis_of_near_layers_keeps_its_digits() -> None:
    values = states().astype(np.float64)
    step = 2.0**-40
    values[1] = values[0]
    values[1, :, 0] += step
    inverse = np.linalg.inv(pooled_covariance(values))
    exact = np.abs(values[1, :, 0] - values[0, :, 0]).mean() * np.sqrt(inverse[0, 0])
    assert mahalanobis(values)[0, 1] == pytest.approx(exact, rel=1e-9)


def test_without_any_spread_mahalanobis_has_no_value() -> None:
    values = np.repeat(states(3, 1), 5, axis=1)
    values[2] = values[0]
    found = similarity(values, "mahalanobis")
    np.testing.assert_array_equal(found.values, [[0, np.nan, 0], [np.nan, 0, np.nan], [0, np.nan, 0]])
    assert found.note.startswith("NaN because the points spread in too few directions")


def test_whole_blocks_of_features_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    values, expected = states(d=23), mahalanobis(states(d=23))
    monkeypatch.setattr(distances, "BLOCK", 5)
    np.testing.assert_allclose(mahalanobis(values), expected, rtol=1e-12)


def test_a_mean_of_equal_numbers_is_that_number() -> None:
    assert (means_of(np.full((7, 1), 0.1)) == 0.1).all() and np.full((7, 1), 0.1).mean() != 0.1
    np.testing.assert_array_equal(means_of(np.array([[1.0, 5.0], [3.0, 5.0]])), [2, 5])


@pytest.mark.parametrize(("layers", "d"), [(1, 1), (5, 6), (49, 333), (80, 1024), (100, 1), (7, 31)])
def test_a_product_hangs_on_no_other_row(layers: int, d: int) -> None:
    rng = np.random.default_rng(layers)
    rows = rng.normal(size=(layers, d))
    with serial_blas():
        whole = gram(rows)
        np.testing.assert_allclose(whole, rows @ rows.T, rtol=0, atol=1e-11)
        np.testing.assert_array_equal(whole, whole.T)
        for _ in range(10):
            some = rng.permutation(layers)[: rng.integers(1, layers + 1)]
            np.testing.assert_array_equal(gram(rows[some]), whole[np.ix_(some, some)])


def test_samples_are_averaged_in_one_walk() -> None:
    values = states(n=3 * SPAN)
    members = np.random.default_rng(1).random((4, 3 * SPAN)) < 0.5
    found = means_over_points(values, lambda hidden: np.abs(hidden[:, None, 0] - hidden[None, :, 0]), members)
    for mean, chosen in zip(found, members, strict=True):
        some = values[:, chosen, 0].astype(np.float64)
        np.testing.assert_allclose(mean, np.abs(some[:, None] - some[None]).mean(axis=2), rtol=1e-12)


def test_stops_when_asked() -> None:
    cancel = Cancel()
    cancel.request()
    for measure in (cosine, angular, euclidean, mahalanobis):
        with pytest.raises(Cancelled):
            measure(states(), cancel=cancel)
