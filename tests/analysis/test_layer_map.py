"""Layer maps: known places come back, every measure has distances, edge cases are defined."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

from mka.analysis.layer_map import classical_scaling, layer_distances, layer_map, stress
from mka.errors import BadInput
from mka.objects.layer_map import LayerMap
from mka.objects.measures import MEASURES
from mka.objects.similarity import Similarity


def similarity(
    values: np.ndarray,
    measure: str = "euclidean",
    bounds: tuple[float | None, float | None] = (0.0, None),
    higher_is_alike: bool = False,
) -> Similarity:
    return Similarity(np.asarray(values, dtype=np.float64), measure, bounds, higher_is_alike)


LINE = np.stack([np.array([0.0, 1, 3, 4, 8, 9]), np.zeros(6)], axis=1)
ANGLES = np.linspace(0.3, 5.5, 9)
ARC = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1) * 0.02


@pytest.mark.parametrize("places", [LINE, ARC, ARC[:2], ARC[:3]])
def test_distances_in_a_plane_come_back(places: np.ndarray) -> None:
    distances = cdist(places, places)
    found = layer_map(similarity(distances))
    np.testing.assert_allclose(cdist(found.coordinates, found.coordinates), distances, atol=1e-6 * distances.max())
    assert found.stress < 1e-6
    np.testing.assert_allclose(found.coordinates.mean(axis=0), 0, atol=1e-12)
    assert found.coordinates[0, 0] < found.coordinates[-1, 0]
    assert (found.measure, found.method) == ("euclidean", "mds")


def test_a_line_lies_flat_and_begins_at_the_left() -> None:
    for places in (LINE, LINE[::-1], LINE * -1):
        found = layer_map(similarity(cdist(places, places))).coordinates
        along = np.abs(places[:, 0] - places[0, 0])
        np.testing.assert_allclose(found[:, 0], along - along.mean(), atol=1e-6)
        np.testing.assert_allclose(found[:, 1], 0, atol=1e-6)
        assert (np.diff(found[:, 0]) > 0).all()


def test_classical_scaling_is_pca_of_the_places() -> None:
    places = np.random.default_rng(0).normal(size=(12, 5))
    expected = PCA(2, svd_solver="full").fit_transform(places)
    found = classical_scaling(cdist(places, places))
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, atol=1e-10)


def test_scaling_by_majorisation_fits_better_than_the_classical_start() -> None:
    places = np.random.default_rng(0).normal(size=(12, 5))
    distances = cdist(places, places)
    found = layer_map(similarity(distances))
    assert found.stress == pytest.approx(stress(found.coordinates, distances))
    assert 0 < found.stress < stress(classical_scaling(distances), distances)


def test_stress_by_hand() -> None:
    # Three layers at mutual distance 1 drawn at 0, 1, 2 on a line: (0 + 0 + 1) over (1 + 1 + 4).
    drawn = np.array([[0.0, 0], [1, 0], [2, 0]])
    assert stress(drawn, 1 - np.eye(3)) == pytest.approx(np.sqrt(1 / 6))


def test_every_measure_has_distances() -> None:
    alike = np.array([[9, 0.5, -0.5], [0.5, 9, 0.25], [-0.5, 0.25, 9]])
    off = np.array([[0, 0.5, 0.75], [0.5, 0, 0.25], [0.75, 0.25, 0]])
    unbounded = layer_distances(similarity(alike, "npib-code", (None, None), True))
    np.testing.assert_allclose(unbounded, [[0, 0, 1], [0, 0, 0.25], [1, 0.25, 0]])
    bounded = layer_distances(similarity(alike, "npib", (0.0, 1.0), True))
    np.testing.assert_allclose(bounded, [[0, 0.5, 1.5], [0.5, 0, 0.75], [1.5, 0.75, 0]])
    np.testing.assert_array_equal(layer_distances(similarity(off + 5 * np.eye(3))), off)
    for measure in MEASURES.values():
        found = layer_distances(similarity(off, measure.name, measure.bounds, measure.higher_is_alike))
        assert (found >= 0).all() and not np.diagonal(found).any()


def test_a_cosine_becomes_the_distance_of_unit_vectors() -> None:
    vectors = np.random.default_rng(0).normal(size=(6, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = layer_distances(similarity(vectors @ vectors.T, "cosine", (-1.0, 1.0), True))
    np.testing.assert_allclose(found, cdist(vectors, vectors), atol=1e-12)


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 12])
def test_identical_layers_stand_at_one_place(layers: int) -> None:
    found = layer_map(similarity(np.zeros((layers, layers))))
    np.testing.assert_array_equal(found.coordinates, np.zeros((layers, 2)))
    assert found.stress == 0


def test_two_identical_layers_among_others_share_a_place() -> None:
    places = np.concatenate([ARC, ARC[4:5]])
    found = layer_map(similarity(cdist(places, places))).coordinates
    np.testing.assert_allclose(found[4], found[9], atol=1e-8)


def test_umap_keeps_two_groups_of_layers_apart_and_repeats_itself() -> None:
    rng = np.random.default_rng(0)
    places = rng.normal(size=(20, 3)) + np.where(np.arange(20) < 10, 0, 60)[:, None]
    distances = cdist(places, places)
    found, again = (layer_map(similarity(distances), "umap", seed=3) for _ in range(2))
    np.testing.assert_array_equal(found.coordinates, again.coordinates)
    drawn = cdist(found.coordinates, found.coordinates)
    assert drawn[:10, 10:].min() > drawn[:10, :10].max() > 0
    assert found.stress == pytest.approx(stress(found.coordinates, distances))
    # In the measure's own unit: no other scale fits better.
    assert all(((drawn * factor - distances) ** 2).sum() >= ((drawn - distances) ** 2).sum() for factor in (0.99, 1.01))
    assert (found.method, found.seed) == ("umap", 3)


def test_few_layers_by_umap() -> None:
    for layers in (4, 5):
        distances = cdist(ARC[:layers], ARC[:layers])
        assert np.isfinite(layer_map(similarity(distances), "umap").coordinates).all()
    with pytest.raises(BadInput, match="at least 4 of them, got 3; use mds"):
        layer_map(similarity(1 - np.eye(3)), "umap")


def test_refuses_what_it_cannot_draw() -> None:
    hole = np.ones((4, 4))
    hole[1, 3] = hole[3, 1] = np.nan
    for call, words in (
        (lambda: layer_map(similarity(hole, "npib-code", (None, None), True)), "npib-code has no value for layers 1"),
        (lambda: layer_map(similarity(np.where(hole == 1, 1, np.inf))), "layers 1 and 3"),
        (lambda: layer_map(similarity(np.ones((3, 3))), "tsne"), "use mds or umap"),
        (lambda: layer_map(similarity(np.ones((3, 3))), seed=-1), "seed"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
    # A layer's value with itself is no distance, so a hole there does no harm.
    assert isinstance(layer_map(similarity(np.where(np.eye(3) == 1, np.nan, 1.0))), LayerMap)
