"""Distances, their median and the kernel in float32, against scipy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist

from mka.analysis.kernel import centred, kernel_of, median_distance, squared_distances

SHIFT = 300
"""So far from the origin, a Gram matrix of points that were not centred would lose five digits in float32."""


def cloud(n: int = 150, d: int = 9) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, d)) + SHIFT


def lower(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.tril_indices(n, -1)


@pytest.mark.parametrize("n", [3, 64, 65, 150])
def test_distances_are_those_of_scipy(n: int) -> None:
    points = cloud(n)
    found = squared_distances(*centred(points), map)
    assert found is not None
    distances = np.sqrt(found.lower[lower(n)].astype(np.float64)) * found.unit
    np.testing.assert_allclose(distances, cdist(points, points)[lower(n)], rtol=2e-5)


def test_points_that_coincide_or_nearly_do_are_measured_by_their_difference() -> None:
    points = cloud()
    points[70], points[3] = points[2], points[2] + 1e-9
    found = squared_distances(*centred(points), map)
    assert found is not None
    assert found.lower[70, 2] == 0
    np.testing.assert_allclose(
        np.sqrt(found.lower[3, 2]) * found.unit, np.linalg.norm(points[3] - points[2]), rtol=1e-3
    )


def test_too_many_near_pairs_are_left_to_scipy() -> None:
    points = cloud()
    points[:70] += 1e6
    assert squared_distances(*centred(points), map) is None


@pytest.mark.parametrize("n", [3, 4, 101, 150])
def test_the_median_is_exact(n: int) -> None:
    points = cloud(n)
    found = squared_distances(*centred(points), map)
    assert found is not None
    assert median_distance(found, map) == pytest.approx(np.median(pdist(points)), rel=1e-6)


def test_the_median_is_exact_where_distances_tie_and_where_the_sample_misleads() -> None:
    # On a grid of few distances; and with half of all distances short, half long, so that the median lies in a gap.
    grid = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), axis=-1).reshape(-1, 2)
    clusters = np.concatenate([cloud(60), cloud(140)[60:] + 10])
    for points in (grid, clusters):
        found = squared_distances(*centred(points), map)
        assert found is not None
        assert median_distance(found, map) == pytest.approx(np.median(pdist(points)), rel=1e-6)


@pytest.mark.parametrize("n", [3, 64, 150])
def test_the_kernel_is_symmetric_and_right(n: int) -> None:
    points = cloud(n)
    found = squared_distances(*centred(points), map)
    assert found is not None
    kernel = kernel_of(found, 4.0, map)
    np.testing.assert_array_equal(kernel, kernel.T)
    np.testing.assert_allclose(kernel, np.exp(-np.sqrt(cdist(points, points) / 4.0)), atol=1e-5)
    assert (np.diagonal(kernel) == 1).all()


def test_the_median_is_exact_where_the_sample_does_not_bracket_it(monkeypatch: pytest.MonkeyPatch) -> None:
    points = cloud()
    found = squared_distances(*centred(points), map)
    assert found is not None
    monkeypatch.setattr("mka.analysis.kernel.MARGIN", 0.0)
    assert median_distance(found, map) == pytest.approx(np.median(pdist(points)), rel=1e-6)


def test_a_point_of_huge_norm_does_not_make_all_others_near() -> None:
    points = cloud()
    points[5] *= 1e4
    assert squared_distances(*centred(points), map) is not None
