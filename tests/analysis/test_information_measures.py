"""The information measures as `similarity` runs them: parameters, notes and input with nothing in it."""

from __future__ import annotations

import numpy as np
import pytest

from mka.analysis.copula import copula
from mka.analysis.embedding import embed
from mka.analysis.ksg import nmi_ksg
from mka.analysis.measures import similarity
from mka.analysis.permutation import permutation_null
from mka.errors import BadInput
from mka.objects.embedding import Embedding

INFORMATION = ("npib", "npib-code", "nmi-ksg", "copula")


def states(layers: int = 4, n: int = 60, d: int = 6) -> np.ndarray:
    return np.cumsum(np.random.default_rng(0).normal(size=(layers, n, d)), axis=0).astype(np.float32)


def embedding(coordinates: np.ndarray) -> Embedding:
    return Embedding(coordinates, coordinates, "pca", {}, seed=0, aligned=False)


def test_activations_go_through_the_diffusion_map() -> None:
    coordinates = embed(states(), "diffusion").unaligned
    np.testing.assert_array_equal(similarity(states(), "copula").values, copula(coordinates))
    found = similarity(states(), "nmi-ksg", k_neighbors=3)
    np.testing.assert_array_equal(found.values, nmi_ksg(coordinates, k_neighbors=3))
    assert found.parameters["k_neighbors"] == 3 and found.bounds == (0.0, 1.0) and found.note == ""
    assert similarity(embedding(coordinates), "nmi-ksg").parameters == {"k_neighbors": 5}


def test_the_plain_ratio_says_what_shuffled_points_score() -> None:
    found = similarity(states(), "npib", corrected=False, seed=5)
    assert found.note == permutation_null(embed(states()).unaligned, seed=5).sentence
    assert similarity(states(), "npib").note == ""
    still = states()
    still[1] = 0
    note = similarity(still, "npib", corrected=False).note
    assert note.startswith("all points coincide in layers 1: they tell nothing") and "; shuffled points score" in note


@pytest.mark.parametrize("measure", INFORMATION)
def test_still_layers_are_named(measure: str) -> None:
    values = states()
    values[1] = values[3] = 0.5
    found = similarity(values, measure)
    assert found.note.startswith("all points coincide in layers 1, 3: ")
    if measure != "npib-code":
        np.testing.assert_array_equal(found.values[[1, 3]], np.eye(4)[[1, 3]])


@pytest.mark.parametrize("measure", INFORMATION)
def test_all_points_equal_in_all_layers(measure: str) -> None:
    found = similarity(embedding(np.zeros((3, 60, 2))), measure).values
    if measure == "npib-code":  # by the texts' order every layer is then the same diagonal
        np.testing.assert_array_equal(found, np.full((3, 3), found[0, 0]))
        assert found[0, 0] > 1
    else:
        np.testing.assert_array_equal(found, np.eye(3))


@pytest.mark.parametrize("measure", INFORMATION)
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_equal_layers_one_layer_and_ties(measure: str, dims: int) -> None:
    coordinates = np.random.default_rng(0).normal(size=(3, 60, dims)).round(1)
    coordinates[2] = coordinates[0]
    found = similarity(embedding(coordinates), measure)
    assert np.isfinite(found.values).all() and found.note == ""
    assert found.values[0, 2] == pytest.approx(found.values[0, 0], abs=1e-12)
    assert found.values[0, 1] == pytest.approx(found.values[1, 2], abs=1e-12)
    assert found.values[0, 1] < found.values[0, 2]
    assert similarity(embedding(coordinates[:1]), measure).values.shape == (1, 1)


@pytest.mark.parametrize("measure", INFORMATION)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_one_two_and_three_points_are_refused_in_one_line(measure: str, n: int) -> None:
    with pytest.raises(BadInput, match=f"needs at least .* points, got {n}") as caught:
        similarity(embedding(np.zeros((2, n, 2))), measure)
    assert "\n" not in str(caught.value)


def test_more_neighbours_than_points_are_refused() -> None:
    with pytest.raises(BadInput, match=r"k_neighbors must be a whole number from 1 .* here 59, got 60"):
        similarity(states(), "nmi-ksg", k_neighbors=60)
    with pytest.raises(BadInput, match="no parameter 'k_neighbors'"):
        similarity(states(), "copula", k_neighbors=5)
