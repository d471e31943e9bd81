"""Embeddings: each method's own promise, alignment, quality, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation
from sklearn.decomposition import PCA

from mka.analysis.diffusion import diffusion_map
from mka.analysis.embedding import EMBEDDERS, embed
from mka.analysis.procrustes import align_layers
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
