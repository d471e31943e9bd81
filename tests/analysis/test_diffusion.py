"""The diffusion map against the official code, its defining equation and its degenerate cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from mka.analysis.diffusion import bandwidth, diffusion_map
from mka.errors import BadInput
from tests.analysis.golden import golden

# The official code works in float32 (7 digits) on eigenvectors whose gaps are about 1e-3, which costs about two.
FLOAT32 = 2e-5


def cloud(n: int = 40, d: int = 7, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_agrees_with_the_official_code() -> None:
    reference = golden()
    for points, expected in zip(reference["activations"], reference["diffusion"], strict=True):
        found = diffusion_map(points, 2, sigma=8.0, alpha=0.5).coordinates
        signs = np.sign((found * expected).sum(axis=0))
        np.testing.assert_allclose(found * signs, expected, atol=FLOAT32)


@pytest.mark.parametrize("dims", [2, 3])
def test_coordinates_are_right_eigenvectors_of_the_markov_matrix(dims: int) -> None:
    points = cloud()
    found = diffusion_map(points, dims, sigma=3.0, alpha=0.5)
    kernel = np.exp(-np.sqrt(cdist(points, points) / 3.0))
    density = kernel.sum(axis=1)
    kernel = kernel / np.sqrt(np.outer(density, density))
    markov = kernel / kernel.sum(axis=1, keepdims=True)
    assert found.spectrum.shape == (dims + 2,)
    assert found.spectrum[0] == pytest.approx(1)
    expected = found.coordinates * found.spectrum[1 : dims + 1]
    np.testing.assert_allclose(markov @ found.coordinates, expected, atol=1e-10)
    # and they are the leading ones, found here without symmetry
    leading = np.sort(np.linalg.eigvals(markov).real)[::-1][: dims + 2]
    np.testing.assert_allclose(found.spectrum, leading, atol=1e-10)


def test_default_bandwidth_is_the_median_distance_so_scale_does_not_matter() -> None:
    points = cloud()
    distances = cdist(points, points)[np.triu_indices(40, 1)]
    np.testing.assert_array_equal(
        diffusion_map(points).coordinates, diffusion_map(points, sigma=float(np.median(distances))).coordinates
    )
    np.testing.assert_allclose(diffusion_map(points * 1000).coordinates, diffusion_map(points).coordinates, atol=1e-9)


def test_signs_are_fixed_and_the_order_of_points_does_not_matter() -> None:
    points, order = cloud(), np.random.default_rng(1).permutation(40)
    found = diffusion_map(points).coordinates
    assert (found[np.abs(found).argmax(axis=0), [0, 1]] > 0).all()
    np.testing.assert_allclose(diffusion_map(points[order]).coordinates, found[order], atol=1e-10)


def test_coinciding_points_stand_at_zero() -> None:
    for sigma in (None, 8.0):
        found = diffusion_map(np.full((6, 3), 0.1), sigma=sigma)
        assert not found.coordinates.any()
        np.testing.assert_array_equal(found.spectrum, [1, 0, 0, 0])


def test_bandwidth_looks_past_points_that_coincide() -> None:
    points = np.zeros((10, 2))
    points[0], points[1] = (3, 4), (6, 8)
    assert bandwidth(np.array([0, 0, 0, 5.0, 10.0])) == 7.5
    assert np.isfinite(diffusion_map(points).coordinates).all()


def test_the_trivial_axis_is_the_one_that_the_eigensolver_finds() -> None:
    points = cloud(60)
    kernel = np.exp(-np.sqrt(cdist(points, points) / 2.0))
    density = kernel.sum(axis=1)
    kernel = kernel / np.outer(density, density) ** 0.25
    root = np.sqrt(kernel.sum(axis=1))
    vectors = np.linalg.eigh(kernel / np.outer(root, root))[1][:, ::-1]
    expected = vectors[:, 1:4] / vectors[:, :1]
    found = diffusion_map(points, 3, sigma=2.0, alpha=0.25).coordinates
    np.testing.assert_allclose(found, expected * np.sign((found * expected).sum(axis=0)), atol=1e-10)


def outlier() -> np.ndarray:
    points = cloud(40, 16)
    points[0] *= 3000
    return points


def near_duplicates() -> np.ndarray:
    points = cloud(40, 16)
    points[:30] = points[0] + 1e-4 * points[:30]
    return points


APART = {
    "one outlier": (outlier(), None, 2),
    "near duplicates": (near_duplicates(), None, 11),
    "all apart": (cloud(), 1e-3, 40),
    "infinitely far apart": (cloud(), 1e-300, 40),
    "a simplex": (np.eye(40), 1e-3, 40),
}


@pytest.mark.parametrize("alpha", [0, 0.5, 1])
@pytest.mark.parametrize("case", APART)
def test_a_kernel_in_pieces_tells_the_pieces_apart(case: str, alpha: float) -> None:
    points, sigma, pieces = APART[case]
    found = diffusion_map(points, 3, sigma=sigma, alpha=alpha)
    assert np.isfinite(found.coordinates).all()
    assert found.spectrum == pytest.approx([1] * min(pieces, 5) + list(found.spectrum[pieces:]), abs=1e-10)
    assert (found.coordinates.std(axis=0) > 0.1).all()
    if case == "one outlier":
        assert np.ptp(found.coordinates[1:, 0]) < 1e-10 and found.coordinates[0, 0] > 1
    if case == "near duplicates":
        assert np.ptp(found.coordinates[:30], axis=0).max() < 1e-10


@pytest.mark.parametrize("case", ["one outlier", "near duplicates", "all apart"])
def test_the_order_of_points_does_not_matter_where_the_kernel_is_in_pieces(case: str) -> None:
    (points, sigma, _), order = APART[case], np.random.default_rng(1).permutation(40)
    found, moved = (diffusion_map(each, sigma=sigma).coordinates for each in (points, points[order]))
    np.testing.assert_allclose(moved, found[order], atol=1e-9)


def test_too_few_points_and_bad_parameters_are_refused() -> None:
    assert diffusion_map(cloud(4), 2).coordinates.shape == (4, 2)
    with pytest.raises(BadInput, match="at least 4 points, got 3"):
        diffusion_map(cloud(3), 2)
    for sigma in (0, -1, float("nan"), True, "8"):
        with pytest.raises(BadInput, match="sigma"):
            diffusion_map(cloud(), sigma=sigma)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="alpha"):
        diffusion_map(cloud(), alpha=2)
