"""The diffusion map against the official code, its defining equation and its degenerate cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from mka.analysis.diffusion import LARGE, bandwidth, diffusion_map
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
    assert found.spectrum.shape == (10,)
    assert found.spectrum[0] == pytest.approx(1)
    expected = found.coordinates * found.spectrum[1 : dims + 1]
    np.testing.assert_allclose(markov @ found.coordinates, expected, atol=1e-10)
    # and they are the leading ones, found here without symmetry
    leading = np.sort(np.linalg.eigvals(markov).real)[::-1][:10]
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
        np.testing.assert_array_equal(found.spectrum, [1, 0, 0, 0, 0, 0])


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
    assert found.spectrum == pytest.approx([1] * min(pieces, 10) + list(found.spectrum[pieces:]), abs=1e-10)
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
    for time in (-1, float("inf"), False, "1"):
        with pytest.raises(BadInput, match="time"):
            diffusion_map(cloud(), time=time)  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [40, 300])
def test_diffusion_time_is_the_power_of_the_markov_matrix(n: int) -> None:
    points = cloud(n)
    kernel = np.exp(-np.sqrt(cdist(points, points) / 3.0))
    density = kernel.sum(axis=1)
    kernel = kernel / np.sqrt(np.outer(density, density))
    markov = kernel / kernel.sum(axis=1, keepdims=True)
    start, moved = (diffusion_map(points, sigma=3.0, time=time).coordinates for time in (0, 2))
    np.testing.assert_allclose(moved, markov @ markov @ start, atol=1e-7)
    half = diffusion_map(points, sigma=3.0, time=0.5)
    np.testing.assert_allclose(half.coordinates, start * half.spectrum[1:3] ** 0.5, atol=1e-12)


def plain(points: np.ndarray, dims: int, sigma: float | None) -> tuple[np.ndarray, np.ndarray]:
    """The definition, line by line, in float64 with a dense solver: coordinates (n, dims) and eigenvalues."""
    distances = cdist(points, points)
    scale = sigma or np.median(distances[np.triu_indices(len(points), 1)])
    kernel = np.exp(-np.sqrt(distances / scale))
    density = kernel.sum(axis=1)
    kernel = kernel / np.sqrt(np.outer(density, density))
    root = np.sqrt(kernel.sum(axis=1))
    eigenvalues, vectors = np.linalg.eigh(kernel / np.outer(root, root))
    return vectors[:, ::-1][:, 1 : dims + 1] / vectors[:, -1:], eigenvalues[::-1]


def like_hidden_states(n: int = 400, d: int = 64, seed: int = 0) -> np.ndarray:
    return cloud(n, d, seed) * np.arange(1, d + 1) ** -0.7


def two_clusters() -> np.ndarray:
    points = like_hidden_states()
    points[:150, 0] += 1000
    return points


def an_outlier_of_huge_norm() -> np.ndarray:
    points = like_hidden_states()
    points[7] *= 1e4
    return points


def duplicates() -> np.ndarray:
    points = like_hidden_states()
    points[50:60], points[399] = points[3], points[0]
    return points


MANY = {
    "like hidden states": (like_hidden_states(), None),
    "absolute bandwidth": (like_hidden_states(), 8.0),
    "all directions alike": (cloud(400, 128), None),
    "one direction": (cloud(400, 1), None),
    "more features than points": (like_hidden_states(300, 700), None),
    "far from the origin": (like_hidden_states() + 1e4, None),
    "tiny": (like_hidden_states() * 1e-25, None),
    "float16": (like_hidden_states().astype(np.float16), None),
    "a close pair": (np.concatenate([like_hidden_states(), like_hidden_states()[:1] + 1e-6]), None),
    "two clusters": (two_clusters(), 1000.0),
    "an outlier": (an_outlier_of_huge_norm(), 1e4),
    "duplicates": (duplicates(), None),
    "mostly duplicates": (like_hidden_states(20)[np.arange(400) % 20], None),
}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("case", MANY)
def test_many_points_agree_with_the_plain_computation(case: str, dims: int) -> None:
    points, sigma = MANY[case]
    expected, eigenvalues = plain(points.astype(np.float64), dims, sigma)
    found = diffusion_map(points, dims, sigma=sigma)
    assert len(points) >= LARGE
    signs = np.sign((found.coordinates * expected).sum(axis=0))
    np.testing.assert_array_less(np.abs(found.coordinates * signs - expected) / expected.std(axis=0), 1e-4)
    np.testing.assert_allclose(found.spectrum, eigenvalues[:10], atol=1e-6)


def test_equal_points_have_equal_coordinates() -> None:
    for points in (duplicates(), duplicates()[:100]):
        found = diffusion_map(points).coordinates
        assert (found[50:60] == found[3]).all()
        assert len(np.unique(found, axis=0)) == len(np.unique(points, axis=0))


@pytest.mark.parametrize("sigma", [1e-3, 1e-300])
def test_many_points_all_apart_go_to_the_dense_solver(sigma: float) -> None:
    points = np.eye(300)
    found, moved = diffusion_map(points, sigma=sigma), diffusion_map(points[::-1], sigma=sigma)
    assert np.isfinite(found.coordinates).all()
    np.testing.assert_allclose(found.spectrum, 1, atol=1e-10)
    np.testing.assert_allclose(np.sort(found.coordinates, axis=0), np.sort(moved.coordinates, axis=0), atol=1e-9)


def test_many_points_in_pieces_tell_the_pieces_apart() -> None:
    points = like_hidden_states()
    points[0] *= 1e7
    found = diffusion_map(points, sigma=None)
    assert found.spectrum[1] == pytest.approx(1, abs=1e-10)
    assert np.ptp(found.coordinates[1:, 0]) < 1e-10 and found.coordinates[0, 0] > 1


def test_no_number_of_threads_and_no_order_of_calls_changes_a_bit() -> None:
    for points in (cloud(), like_hidden_states(), two_clusters()):
        found = diffusion_map(points)
        for threads in (1, 2):
            with threadpool_limits(threads, user_api="blas"):
                again = diffusion_map(points)
            np.testing.assert_array_equal(again.coordinates, found.coordinates)
            np.testing.assert_array_equal(again.spectrum, found.spectrum)
        np.testing.assert_array_equal(diffusion_map(points, share=map).coordinates, found.coordinates)


@pytest.mark.parametrize("n", [40, 300])
@pytest.mark.parametrize("factor", [1e200, 1e-200, 5e-324])
def test_huge_and_tiny_numbers_are_numbers(n: int, factor: float) -> None:
    points = np.random.default_rng(0).normal(size=(n, 8))
    found = diffusion_map(points * factor).coordinates
    assert np.isfinite(found).all()
    if factor > 1e-300:  # the smallest numbers keep no digits to compare
        np.testing.assert_allclose(found, diffusion_map(points).coordinates, atol=1e-5)
