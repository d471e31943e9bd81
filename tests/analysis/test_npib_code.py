"""The official estimator against the official figures."""

from __future__ import annotations

import numpy as np
import pytest

from mka.analysis.measures import similarity
from mka.analysis.npib_code import entropy_as_coded, normalised_ranks, npib_as_coded
from mka.errors import BadInput
from mka.objects.embedding import Embedding
from tests.analysis.golden import golden


def test_ranks_agree_exactly() -> None:
    reference = golden()
    np.testing.assert_array_equal(normalised_ranks(reference["diffusion"]), reference["ranks"])


def test_entropies_agree() -> None:
    reference = golden()
    found = [entropy_as_coded(ranks) for ranks in reference["ranks"]]
    np.testing.assert_allclose(found, reference["entropy"], atol=1e-12)


def test_values_agree_from_its_own_coordinates() -> None:
    reference = golden()
    # Seeded with 1 and computed in the same order, even the jitter is the same.
    np.testing.assert_allclose(npib_as_coded(reference["diffusion"], seed=1), reference["npib"], rtol=1e-9)


def test_values_agree_from_activations() -> None:
    reference = golden()
    found = similarity(reference["activations"], "npib-code", seed=1)
    # Axes may be mirrored, which reverses ranks, so ties break otherwise: a few per cent where values are small.
    error = np.abs(found.values / reference["npib"] - 1)
    assert error.mean() < 0.02
    assert error.max() < 0.1
    assert found.parameters == {"sigma": 8.0, "alpha": 0.5}
    assert found.bounds == (None, None)


def test_single_axes_miss_a_joint_dependence() -> None:
    first = np.random.default_rng(0).random((300, 2))
    joint = np.stack([first.sum(axis=1) % 1, np.random.default_rng(1).random(300)], axis=1)
    values = npib_as_coded(np.stack([first, joint]))
    assert abs(values[0, 1]) < 0.05


def test_nan_where_entropies_differ_in_sign_is_explained() -> None:
    # Of 51 points the 50th neighbour is the farthest point. On the diagonal of the square that is 0.7 to 1.4
    # away, and the estimate crosses zero; points all over the square lie nearer.
    line = np.repeat(np.arange(51.0)[:, None], 2, axis=1)
    coordinates = np.stack([line, np.random.default_rng(0).normal(size=(51, 2)), line])
    entropies = [entropy_as_coded(ranks) for ranks in normalised_ranks(coordinates)]
    assert entropies[1] < 0 < entropies[0]
    embedding = Embedding(coordinates, coordinates, "pca", {}, seed=0, aligned=False)
    found = similarity(embedding, "npib-code")
    np.testing.assert_array_equal(np.isnan(found.values), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    assert "NaN" in found.note


def test_needs_51_points() -> None:
    with pytest.raises(BadInput, match="at least 51 points, got 50"):
        npib_as_coded(np.random.default_rng(0).normal(size=(2, 50, 2)))
    with pytest.raises(BadInput, match="at least 51 points, got 50"):
        similarity(np.random.default_rng(0).normal(size=(2, 50, 8)), "npib-code")
