"""NPIB against scikit-learn, hand counts and its promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score

from mka.analysis.diffusion import diffusion_map
from mka.analysis.npib import bins_per_axis, cells, npib, tied_ranks
from mka.errors import BadInput
from tests.analysis.golden import golden


def path(layers: int = 5, n: int = 60, dims: int = 2, seed: int = 0) -> np.ndarray:
    """Coordinates that wander from layer to layer, so that near layers are alike."""
    return np.cumsum(np.random.default_rng(seed).normal(size=(layers, n, dims)), axis=0)


@pytest.mark.parametrize(("layers", "n", "dims"), [(5, 57, 2), (4, 96, 3), (4, 256, 2), (3, 9, 2)])
def test_equals_scikit_learn(layers: int, n: int, dims: int) -> None:
    coordinates = path(layers, n, dims)
    coordinates[1, : n // 3] = 0.0  # uneven cells
    labels = [cells(layer, bins_per_axis(n)) for layer in coordinates]
    corrected, plain = npib(coordinates), npib(coordinates, corrected=False)
    for i in range(layers):
        for j in range(i + 1, layers):
            adjusted = adjusted_mutual_info_score(labels[i], labels[j], average_method="geometric")
            assert corrected[i, j] == pytest.approx(max(0.0, adjusted), abs=1e-10)
            ratio = normalized_mutual_info_score(labels[i], labels[j], average_method="geometric")
            assert plain[i, j] == pytest.approx(ratio, abs=1e-10)


def test_plain_ratio_by_hand() -> None:
    # 4 points, 2 bins an axis, the second axis silent: cells {0,1},{2,3} against {0,2},{1,3}: independent;
    # and {0,1},{2,3} against itself turned round: identical.
    first = np.array([[0, 0], [1, 0], [2, 0], [3, 0]], dtype=float)
    crossed = np.array([[0, 0], [2, 0], [1, 0], [3, 0]], dtype=float)
    values = npib(np.stack([first, crossed, -first]), corrected=False)
    np.testing.assert_allclose(values, [[1, 0, 1], [0, 1, 0], [1, 0, 1]], atol=1e-15)
    # 8 points, 2 bins: one point of each half strays: joint counts 3, 1, 1, 3, entropy log 2 each side.
    half = np.stack([np.arange(8.0), np.zeros(8)], axis=1)
    strayed = half[[0, 1, 2, 4, 3, 5, 6, 7]]
    joint = -2 * (3 / 8) * math.log(3 / 8) - 2 * (1 / 8) * math.log(1 / 8)
    expected = (2 * math.log(2) - joint) / math.log(2)
    assert npib(np.stack([half, strayed]), corrected=False)[0, 1] == pytest.approx(expected)


@pytest.mark.parametrize("corrected", [True, False])
def test_one_on_the_diagonal_symmetric_bounded(corrected: bool) -> None:
    values = npib(path(), corrected=corrected)
    assert (np.diagonal(values) == 1).all()
    assert (values == values.T).all()
    assert (values >= 0).all() and (values <= 1).all()
    assert values[0, 1] > values[0, 4] or values[3, 4] > values[0, 4]


@pytest.mark.parametrize("n", [57, 256])
def test_independent_points_score_near_zero_only_when_corrected(n: int) -> None:
    off = ~np.eye(8, dtype=bool)
    corrected, plain = [], []
    for seed in range(10):
        coordinates = np.random.default_rng(seed).normal(size=(8, n, 2))
        corrected.append(npib(coordinates)[off].mean())
        plain.append(npib(coordinates, corrected=False)[off].mean())
    assert np.mean(corrected) < 0.05
    assert np.mean(plain) > 0.15


def test_shuffling_all_points_together_changes_nothing() -> None:
    activations = golden()["activations"].copy()
    activations[:, 20:24] = activations[:, 19:20]  # points that coincide, which rounding pulls apart
    order = np.random.default_rng(3).permutation(activations.shape[1])

    def values(points: np.ndarray) -> np.ndarray:
        return npib(np.stack([diffusion_map(layer).coordinates for layer in points]))

    np.testing.assert_allclose(values(activations[:, order]), values(activations), atol=1e-12)


def test_equal_values_share_a_bin() -> None:
    values = np.array([2.0, 1.0, 2.0, 2.0, 5.0, 2.0 + 1e-13])
    np.testing.assert_array_equal(tied_ranks(values), [3.5, 1, 3.5, 3.5, 6, 3.5])
    labels = cells(values[:, None], 2)
    assert len(set(labels[[0, 2, 3, 5]])) == 1
    np.testing.assert_array_equal(np.bincount(cells(np.random.default_rng(0).normal(size=(40, 1)), 4)), [10] * 4)


def test_bins_are_the_fourth_root() -> None:
    assert [bins_per_axis(n) for n in (4, 16, 57, 256, 625)] == [2, 2, 3, 4, 5]


def test_layers_that_tell_nothing() -> None:
    coordinates = np.stack([np.zeros((30, 2)), np.full((30, 2), 3.0), path(1, 30)[0]])
    for corrected in (True, False):
        np.testing.assert_array_equal(npib(coordinates, corrected=corrected), np.eye(3))
    np.testing.assert_array_equal(npib(path(1, 30)), [[1.0]])


def test_identical_layers_score_one() -> None:
    layer = path(1, 60)[0]
    np.testing.assert_allclose(npib(np.stack([layer, layer * 7 + 2])), 1, atol=1e-12)


def test_three_points_are_too_few() -> None:
    with pytest.raises(BadInput, match="at least 4 points, got 3"):
        npib(path(2, 3))
