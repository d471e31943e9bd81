"""Embeddings: each method's own promise, alignment, quality, refusals."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from umap import layouts

from mka.analysis import umap_map as umap_module
from mka.analysis.diffusion import PointMap, diffusion_map
from mka.analysis.embedding import EMBEDDERS, embed
from mka.analysis.pca import principal_components
from mka.analysis.procrustes import align_layers
from mka.analysis.quality import map_trustworthiness
from mka.analysis.umap_map import aligned_umap_maps, umap_map, warm_up
from mka.errors import BadInput, Cancelled
from mka.objects.activations import Activations, Point
from mka.objects.methods import METHODS
from mka.objects.progress import Cancel


def states(layers: int = 3, n: int = 30, d: int = 6, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=(layers, n, d)), axis=0).astype(np.float32)


@pytest.mark.parametrize("dims", [2, 3])
def test_diffusion_is_the_map_of_each_layer(dims: int) -> None:
    values = states()
    found = embed(values, "diffusion", dims=dims, sigma=5.0, alpha=0.25)
    for layer in range(3):
        expected = diffusion_map(values[layer], dims, sigma=5.0, alpha=0.25)
        np.testing.assert_array_equal(found.unaligned[layer], expected.coordinates)
        np.testing.assert_array_equal(found.spectrum[layer], expected.spectrum)
    assert found.parameters == {"sigma": 5.0, "alpha": 0.25, "time": 0.0}
    gaps = found.spectrum[:, dims] - found.spectrum[:, dims + 1]
    np.testing.assert_array_equal(found.quality["spectral_gap"], gaps)


def test_pca_equals_scikit_learn() -> None:
    values = states()
    found = embed(values, "pca")
    for layer in range(3):
        reference = PCA(2, svd_solver="full").fit(values[layer].astype(np.float64))
        expected = reference.transform(values[layer].astype(np.float64))
        signs = np.sign((expected * found.unaligned[layer]).sum(axis=0))
        np.testing.assert_allclose(found.unaligned[layer] * signs, expected, atol=1e-10)
        np.testing.assert_allclose(found.spectrum[layer], reference.explained_variance_ratio_, atol=1e-12)
    largest = np.abs(found.unaligned).argmax(axis=1)
    assert (np.take_along_axis(found.unaligned, largest[:, None], axis=1) > 0).all()


def test_pca_of_a_line_is_a_line_and_a_perfect_map() -> None:
    line = np.outer(np.arange(9.0), [3.0, 4.0])[None]
    found = embed(line, "pca")
    np.testing.assert_allclose(np.sort(found.unaligned[0, :, 0]), np.arange(-4, 5) * 5.0, atol=1e-12)
    np.testing.assert_allclose(found.spectrum[0], [1, 0], atol=1e-12)
    assert found.quality["trustworthiness"] == (1.0,)


def test_umap_repeats_itself_and_keeps_two_clusters_apart() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(size=(1, 15, 5)), rng.normal(size=(1, 15, 5)) + 50], axis=1)
    first, second = embed(values, "umap", seed=3, n_neighbors=5), embed(values, "umap", seed=3, n_neighbors=5)
    np.testing.assert_array_equal(first.coordinates, second.coordinates)
    left, right = first.coordinates[0, :15], first.coordinates[0, 15:]
    between = np.linalg.norm(left.mean(axis=0) - right.mean(axis=0))
    assert between > 2 * max(pdist(left).mean(), pdist(right).mean())
    assert first.spectrum.shape == (1, 0)
    few = embed(values[:, 11:19], "umap")
    assert few.parameters["n_neighbors"] == 7
    assert "15 cut to 7" in str(few.parameters["note"])


def test_alignment_undoes_a_turn_a_mirror_and_a_move_but_not_a_scale() -> None:
    layer = np.random.default_rng(0).normal(size=(20, 3))
    turn = Rotation.from_euler("xyz", [1, 2, 3]).as_matrix()
    aligned = align_layers(np.stack([layer, layer @ turn + 5, -layer @ turn, 2 * layer]))
    np.testing.assert_allclose(aligned[1], layer, atol=1e-10)
    np.testing.assert_allclose(aligned[2], layer, atol=1e-10)
    np.testing.assert_allclose(pdist(aligned[3]), 2 * pdist(layer), atol=1e-10)


def test_alignment_keeps_distances_and_can_be_left_out() -> None:
    values = states()
    found, plain = embed(values), embed(values, align=False)
    np.testing.assert_array_equal(plain.coordinates, plain.unaligned)
    np.testing.assert_array_equal(found.unaligned, plain.unaligned)
    np.testing.assert_array_equal(found.coordinates[0], found.unaligned[0])
    for aligned, unaligned in zip(found.coordinates, found.unaligned, strict=True):
        np.testing.assert_allclose(pdist(aligned), pdist(unaligned), atol=1e-10)
    moved = np.linalg.norm(np.diff(found.coordinates, axis=0))
    assert moved <= np.linalg.norm(np.diff(found.unaligned, axis=0)) + 1e-12


def test_every_method_that_is_described_is_computed() -> None:
    assert list(EMBEDDERS) == list(METHODS)


@pytest.mark.parametrize("method", list(EMBEDDERS))
def test_points_that_coincide_stand_at_zero(method: str) -> None:
    found = embed(np.full((2, 6, 4), 0.1, dtype=np.float32), method)
    assert not found.coordinates.any()
    assert np.isnan(found.quality["trustworthiness"]).all()


def test_carries_where_it_came_from() -> None:
    values = states(2, 8)
    points = tuple(Point(str(i), "", "x", 1) for i in range(8))
    activations = Activations(values, values[0], np.ones(2), points, "last", 16, "model", "key", ("a", "b"))
    found = embed(activations, "pca", seed=9)
    assert (found.points, found.model, found.calibration_key) == (points, "model", "key")
    assert (found.text_hashes, found.seed, found.method, found.aligned) == (("a", "b"), 9, "pca", True)


def test_refuses_what_it_cannot_embed() -> None:
    values = states()
    for call, words in (
        (lambda: embed(values, "tsne"), "use one of diffusion, umap, aligned-umap, pca"),
        (lambda: embed(values, dims=4), "dims must be 2 or 3"),
        (lambda: embed(values, dims=2.0), "dims must be 2 or 3"),  # type: ignore[arg-type]
        (lambda: embed(values, "pca", sigma=3), "no parameter 'sigma'; it takes none"),
        (lambda: embed(values, "diffusion", sgima=3), "it takes sigma, alpha, time"),
        (lambda: embed(values, "umap", n_neighbors=1), "n_neighbors"),
        (lambda: embed(values, "umap", min_dist=3), "min_dist"),
        (lambda: embed(values, "umap", seed=-1), "seed must be a whole number from 0 to 4294967295"),
        (lambda: embed(values, seed=2**32), "seed must be a whole number"),
        (lambda: embed(values[:, :3]), "at least 4 points, got 3"),
        (lambda: embed(values[0]), "shape"),
        (lambda: embed(values[:0]), "shape"),
        (lambda: embed([1, 2]), "float array"),
        (lambda: embed(values.astype(str)), "real numbers"),
        (lambda: embed(np.where(np.arange(3)[:, None, None] == 1, np.nan, values)), "layer 1 hold NaN"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_reports_each_layer_and_stops_when_asked() -> None:
    seen: list[tuple[str, int, int]] = []
    embed(states(), "pca", progress=lambda *step: seen.append(step))
    assert seen == [("embed (pca)", done, 3) for done in (1, 2, 3)]
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        embed(states(), cancel=cancel)


@pytest.mark.parametrize("shape", [(40, 9), (9, 40), (40, 1), (3, 2)])
def test_pca_of_every_shape_equals_scikit_learn(shape: tuple[int, int]) -> None:
    points = np.random.default_rng(0).normal(size=shape) * np.arange(1, shape[1] + 1) ** -1.0 + 7
    found = principal_components(points, 2)
    kept = min(2, *shape)
    expected = PCA(kept, svd_solver="full").fit(points)
    signs = np.sign((expected.transform(points) * found.coordinates[:, :kept]).sum(axis=0))
    np.testing.assert_allclose(found.coordinates[:, :kept] * signs, expected.transform(points), atol=1e-12)
    np.testing.assert_allclose(found.spectrum[:kept], expected.explained_variance_ratio_, atol=1e-12)
    assert not found.coordinates[:, kept:].any()


def test_pca_finds_an_axis_a_billion_times_fainter() -> None:
    rng = np.random.default_rng(0)
    expected = np.linalg.qr(np.column_stack([np.ones(30), rng.normal(size=(30, 2))]))[0][:, 1:] * [1, 1e-9]
    found = principal_components(np.pad(expected, ((0, 0), (0, 4))), 2).coordinates
    np.testing.assert_allclose(np.abs(found[:, 1]), np.abs(expected[:, 1]), rtol=1e-5)


@pytest.mark.parametrize("n", [7, 40, 300])
def test_trustworthiness_equals_scikit_learn(n: int) -> None:
    rng = np.random.default_rng(0)
    points, coordinates = rng.normal(size=(n, 6)) + 100, rng.normal(size=(n, 2))
    for drawn in (coordinates, points[:, :2] + 0.1 * coordinates):
        expected = trustworthiness(points, drawn, n_neighbors=min(10, (n - 1) // 2))
        assert map_trustworthiness(points, drawn) == pytest.approx(expected, abs=1e-12)


def test_trustworthiness_prefers_none_of_equally_near_points() -> None:
    # Twenty points at each of two places: on a map that keeps the places no neighbour is a false one, in any order.
    points = np.repeat([[0.1, 0.7, 0.3], [5.0, 5, 5]], 20, axis=0)
    for order in (np.arange(40), np.random.default_rng(0).permutation(40)):
        assert map_trustworthiness(points[order], points[order][:, :2]) == 1
    assert map_trustworthiness(points, np.arange(80.0).reshape(40, 2) % 7) < 1


def test_aligned_umap_holds_points_nearer_to_their_places_than_procrustes_does() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1, 40, 5)) + 0.3 * rng.normal(size=(4, 40, 5))
    aligned, plain = embed(values, "aligned-umap", n_neighbors=6), embed(values, "umap", n_neighbors=6)

    def moved(coordinates: np.ndarray) -> float:
        return float(np.linalg.norm(np.diff(coordinates, axis=0), axis=-1).mean() / coordinates.std())

    assert moved(aligned.coordinates) < moved(plain.coordinates)
    np.testing.assert_array_equal(embed(values, "aligned-umap", n_neighbors=6).coordinates, aligned.coordinates)
    other = embed(values, "aligned-umap", n_neighbors=6, seed=1)
    assert (other.coordinates != aligned.coordinates).any()
    assert aligned.spectrum.shape == (4, 0)


def test_aligned_umap_of_one_layer_is_its_umap_and_a_layer_without_spread_stands_at_zero() -> None:
    values = states(3, 20)
    one = embed(values[:1], "aligned-umap", align=False).unaligned
    np.testing.assert_array_equal(one, embed(values[:1], "umap", align=False).unaligned)
    values[1] = 3
    found = embed(values, "aligned-umap", align=False).unaligned
    assert not found[1].any()
    assert found[0].any() and found[2].any()


@pytest.mark.parametrize("method", ["umap", "aligned-umap"])
def test_no_number_of_threads_changes_a_bit_of_a_umap(method: str) -> None:
    import numba

    values = states(2, 40)
    found = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        try:
            found.append(embed(values, method).unaligned)
        finally:
            numba.set_num_threads(before)
    np.testing.assert_array_equal(*found)


def test_umap_can_be_warmed_up_beside_other_work() -> None:
    values = states(2, 20)
    expected = embed(values, "umap").coordinates
    with ThreadPoolExecutor(2) as pool:
        warming = [pool.submit(warm_up, method) for method in ("umap", "aligned-umap")]
        np.testing.assert_array_equal(embed(values, "umap").coordinates, expected)
        for each in warming:
            each.result()


def maps_together(cancel: Cancel | None) -> list[PointMap]:
    return aligned_umap_maps(states(2, 20), n_neighbors=5, cancel=cancel)


def flat(maps: object) -> list[PointMap]:
    return maps if isinstance(maps, list) else [maps]


class StoppedAt(Cancel):
    """Asked to stop at the check of this number, counted from 1; 0 for never."""

    def __init__(self, number: int = 0) -> None:
        super().__init__()
        self.number, self.checks = number, 0

    def check(self) -> None:
        self.checks += 1
        if self.checks == self.number:
            self.request()
        super().check()


@pytest.mark.parametrize("make", [lambda cancel: umap_map(states()[0], cancel=cancel), maps_together])
def test_a_umap_stops_between_two_epochs_and_the_next_one_is_whole(make: Callable[[Cancel | None], object]) -> None:
    own = layouts.tqdm
    whole = StoppedAt()
    expected = make(whole)
    assert whole.checks >= 200, "one in each epoch"
    for at in (1, whole.checks // 2, whole.checks):
        stopped = StoppedAt(at)
        with pytest.raises(Cancelled):
            make(stopped)
        assert stopped.checks == at and layouts.tqdm is own
    for mine, other in zip(flat(make(None)), flat(expected), strict=True):
        np.testing.assert_array_equal(mine.coordinates, other.coordinates)


def test_who_waits_for_another_umap_can_be_stopped() -> None:
    cancel = Cancel()
    cancel.request()
    with umap_module._one_at_a_time, pytest.raises(Cancelled):
        umap_map(states()[0], cancel=cancel)
    assert umap_map(states()[0]).coordinates.any()


def degenerate() -> dict[str, np.ndarray]:
    clusters = states(2, 12)
    clusters[:, :6] += 1e4
    twice = states(2, 12)
    twice[:, 6:] = twice[:, :6]
    return {
        "two clusters far apart": clusters,
        "every point twice": twice,
        "one feature": states(2, 12, 1),
        "one feature with ties": np.round(states(2, 12, 1)),
        "one layer": states(1, 12),
        "float16": states(2, 12).astype(np.float16),
        "whole numbers": np.round(states(2, 12) * 9).astype(np.int64),
        "as few points as can be": states(2, 4),
        "one layer without spread": np.concatenate([states(1, 12), np.ones((1, 12, 6), dtype=np.float32)]),
        "all but one point equal": np.where(np.arange(12)[:, None] == 5, 1.0, np.zeros((2, 12, 3))),
    }


@pytest.mark.parametrize("method", list(EMBEDDERS))
@pytest.mark.parametrize("case", list(degenerate()))
def test_degenerate_points_have_finite_places_that_repeat(case: str, method: str) -> None:
    values = degenerate()[case]
    found = embed(values, method)
    assert found.coordinates.shape == (*values.shape[:2], 2)
    assert found.coordinates.dtype == np.float64
    assert np.isfinite(found.coordinates).all()
    if method != "aligned-umap":  # which compiles anew at each call, and has its own test that it repeats itself
        np.testing.assert_array_equal(embed(values, method).coordinates, found.coordinates)
    trust = np.array(found.quality["trustworthiness"])
    assert ((trust >= 0) & (trust <= 1) | np.isnan(trust)).all()


@pytest.mark.parametrize("method", list(EMBEDDERS))
@pytest.mark.parametrize("n", [1, 2, 3])
def test_fewer_points_than_a_plane_needs_are_refused(n: int, method: str) -> None:
    with pytest.raises(BadInput, match=f"at least 4 points, got {n}; use more texts"):
        embed(states(2, n), method)


def test_a_path_over_layers_does_not_flip() -> None:
    # Each layer the one before with little noise, so no point may jump: unaligned, an axis can change its sign.
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1, 60, 8)) * np.arange(1, 9) ** -1.0 + 0.02 * rng.normal(size=(6, 60, 8))
    values[::2] *= -1
    for method in ("diffusion", "pca"):
        found = embed(values, method)
        steps = np.linalg.norm(np.diff(found.coordinates, axis=0), axis=-1)
        assert steps.max() < 0.3 * found.coordinates.std()
