"""The official estimator against the official figures."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_regression

from mka.analysis.measures import similarity
from mka.analysis.neighbors import NUMPY, fastest
from mka.analysis.npib_code import entropy_as_coded, npib_as_coded, npib_of_one_run, ordinal_ranks
from mka.errors import BadInput, Cancelled
from mka.objects.embedding import Embedding
from mka.objects.progress import Cancel
from tests.analysis.golden import golden


def entropies(coordinates: np.ndarray) -> list[float]:
    return [entropy_as_coded(*layer, fastest()) for layer in zip(*ordinal_ranks(coordinates), strict=True)]


def wandering(layers: int, n: int, dims: int = 2) -> np.ndarray:
    return np.cumsum(np.random.default_rng(n).normal(size=(layers, n, dims)), axis=0)


def test_ranks_agree_exactly() -> None:
    reference = golden()
    ranks, _ = ordinal_ranks(reference["diffusion"])
    np.testing.assert_array_equal(ranks.swapaxes(1, 2) / ranks.shape[-1], reference["ranks"])


def test_equal_values_are_ranked_in_the_points_order() -> None:
    ranks, order = ordinal_ranks(np.array([[[2.0], [1.0], [2.0], [0.0], [1.0]]]))
    np.testing.assert_array_equal(ranks, [[[3, 1, 4, 0, 2]]])
    np.testing.assert_array_equal(order, [[[3, 1, 4, 0, 2]]])


def test_entropies_agree() -> None:
    reference = golden()
    np.testing.assert_allclose(entropies(reference["diffusion"]), reference["entropy"], atol=1e-12)


def test_one_run_agrees_from_its_own_coordinates() -> None:
    reference = golden()
    # Seeded with 1 and computed in the same order, even the jitter is the same.
    found = npib_of_one_run(reference["diffusion"], np.random.RandomState(1))
    np.testing.assert_allclose(found, reference["npib"], rtol=1e-9)


def test_the_mean_over_jitters_is_near_the_official_run() -> None:
    reference = golden()
    runs = [npib_of_one_run(reference["diffusion"], np.random.RandomState(seed)) for seed in range(30)]
    found = npib_as_coded(reference["diffusion"])
    # What is near 0 is clipped run by run there and on average here.
    np.testing.assert_allclose(found, np.mean(runs, axis=0), atol=5 * np.std(runs, axis=0).max() / np.sqrt(30))
    np.testing.assert_allclose(found, reference["npib"], atol=5 * np.std(runs, axis=0).max())


def test_values_agree_from_activations() -> None:
    reference = golden()
    found = similarity(reference["activations"], "npib-code")
    # Another jitter, and axes may be mirrored, which reverses ranks, so ties break otherwise.
    error = np.abs(found.values / reference["npib"] - 1)
    assert error.mean() < 0.02
    assert error.max() < 0.15
    assert found.parameters == {"sigma": 8.0, "alpha": 0.5}
    assert found.bounds == (None, None)


def test_values_against_a_plain_loop_over_scikit_learn() -> None:
    coordinates = wandering(3, 256)
    ranks = ordinal_ranks(coordinates)[0].swapaxes(1, 2) / 256
    roots = np.sqrt(np.outer(entropies(coordinates), entropies(coordinates)))
    found = npib_as_coded(coordinates) * roots
    for first, second in ((0, 0), (0, 1), (0, 2), (1, 2)):
        runs = [
            np.mean(
                [mutual_info_regression(ranks[first], y, n_neighbors=5, random_state=seed) for y in ranks[second].T]
            )
            for seed in range(16)
        ]
        assert found[first, second] == pytest.approx(np.mean(runs), abs=0.005)


def test_a_pair_hangs_on_its_two_layers_alone() -> None:
    coordinates = wandering(8, 80, 3)
    values = npib_as_coded(coordinates)
    np.testing.assert_array_equal(values, values.T)
    order = [6, 4, 0, 5, 1, 3]
    np.testing.assert_array_equal(npib_as_coded(coordinates[order]), values[np.ix_(order, order)])


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_numpy_alone_gives_the_same_bits(dims: int) -> None:
    coordinates = wandering(4, 130, dims)
    coordinates[1, 20:60] = 0  # ties
    coordinates[2] = 5
    coordinates[3] = coordinates[0]
    found = npib_as_coded(coordinates)
    np.testing.assert_array_equal(found, npib_as_coded(coordinates, kernels=NUMPY))
    assert found.shape == (4, 4) and np.isfinite(found).all()
    assert found[0, 0] == found[0, 3] == found[3, 3]


def test_without_numba_the_same_bits() -> None:
    script = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np\n"
        "from mka.analysis.npib_code import npib_as_coded\n"
        "from mka.analysis.neighbors import fastest\n"
        "x = np.cumsum(np.random.default_rng(60).normal(size=(3, 60, 2)), axis=0)\n"
        "print(fastest().name, npib_as_coded(x).tobytes().hex())"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert told == ["numpy", npib_as_coded(wandering(3, 60)).tobytes().hex()]


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
    estimates = entropies(coordinates)
    assert estimates[1] < 0 < estimates[0]
    embedding = Embedding(coordinates, coordinates, "pca", {}, seed=0, aligned=False)
    found = similarity(embedding, "npib-code")
    np.testing.assert_array_equal(np.isnan(found.values), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    assert "NaN" in found.note


def test_needs_51_points() -> None:
    for n in (1, 2, 3, 50):
        with pytest.raises(BadInput, match=f"at least 51 points, got {n}"):
            npib_as_coded(np.zeros((2, n, 2)))
    with pytest.raises(BadInput, match="at least 51 points, got 50"):
        npib_as_coded(np.random.default_rng(0).normal(size=(2, 50, 2)))
    with pytest.raises(BadInput, match="at least 51 points, got 50"):
        similarity(np.random.default_rng(0).normal(size=(2, 50, 8)), "npib-code")


def test_stops_between_layers_when_asked() -> None:
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        npib_as_coded(wandering(3, 60), cancel=cancel)
