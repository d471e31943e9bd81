"""The estimate between two axes of ranks against scikit-learn, simulation and its promises."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_regression

from mka.analysis.neighbors import NUMPY, fastest, neighbor_squares
from mka.analysis.rank_information import (
    ABOVE,
    ABSENT,
    BELOW,
    FAR,
    NEAR,
    configuration,
    digammas,
    information,
    replayed_information,
    shares,
)

KERNELS = [
    pytest.param(kernels, id=kernels.name) for kernels in {NUMPY.name: NUMPY, fastest().name: fastest()}.values()
]


def ranks_of(n: int, correlation: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    x, noise = np.random.default_rng(seed).normal(size=(2, n))
    y = correlation * x + np.sqrt(1 - correlation**2) * noise
    return tuple(np.argsort(np.argsort(axis)).astype(np.int32) for axis in (x, y))


def expected_information(x: np.ndarray, y: np.ndarray, neighbors: int, kernels=NUMPY) -> float:
    orders = [np.argsort(axis).astype(np.int32) for axis in (x, y)]
    summed = kernels.expected_digammas(
        x[None], orders[0][None], y[None, None], orders[1][None, None], neighbors, shares(), digammas(len(x))
    )
    return float(information(summed, neighbors)[0, 0, 0])


def scikit_learn(x: np.ndarray, y: np.ndarray, neighbors: int, seed: int) -> float:
    n = len(x)
    return float(mutual_info_regression((x / n)[:, None], y / n, n_neighbors=neighbors, random_state=seed)[0])


def replayed(x: np.ndarray, y: np.ndarray, neighbors: int, seed: int) -> float:
    generator = np.random.RandomState(seed)
    jitter_x, jitter_y = generator.standard_normal((len(x), 1))[:, 0], generator.standard_normal(len(x))
    return replayed_information(x, y, jitter_x, jitter_y, neighbors)


@pytest.mark.parametrize(
    ("n", "correlation", "neighbors"),
    [
        (2, 0, 1),
        (6, 0, 5),
        (8, 0.5, 3),
        (57, 0, 5),
        (57, 1, 5),
        (57, -1, 5),
        (200, 0.9, 5),
        (256, 0.5, 3),
        (300, 0.1, 40),
    ],
)
def test_replays_scikit_learn(n: int, correlation: float, neighbors: int) -> None:
    for seed in range(12):
        x, y = ranks_of(n, correlation, seed)
        assert replayed(x, y, neighbors, seed) == pytest.approx(scikit_learn(x, y, neighbors, seed), abs=1e-12)


@pytest.mark.parametrize("correlation", [0, 0.6, 0.97, -1])
def test_is_scikit_learns_mean_over_seeds(correlation: float) -> None:
    x, y = ranks_of(256, correlation)
    mean = np.mean([scikit_learn(x, y, 5, seed) for seed in range(64)])
    assert expected_information(x, y, 5) == pytest.approx(mean, abs=0.005)


@pytest.mark.parametrize(("n", "correlation"), [(40, 0.9), (57, 0.7), (256, 0.8)])
def test_is_the_mean_of_its_own_replays_within_their_error(n: int, correlation: float) -> None:
    x, y = ranks_of(n, correlation)
    runs = [replayed(x, y, 5, seed) for seed in range(600)]
    assert min(runs) > 0  # else the order of clipping and averaging shows
    error = np.std(runs) / np.sqrt(len(runs))
    assert abs(expected_information(x, y, 5) - np.mean(runs)) < 4 * error < 0.002


def test_shares_of_every_configuration_against_simulated_jitter() -> None:
    above, below, right, left, here_x, here_y = np.random.default_rng(0).normal(size=(6, 40_000))
    distance = np.array([above - here_x, here_x - below, right - here_y, here_y - left])
    seen = 0
    for states in itertools.product(range(5), range(5), range(3), range(3)):
        corners = [side for side in (0, 1) if states[side] in (ABOVE, BELOW)]
        partners = [2 if states[side] == ABOVE else 3 for side in corners]
        if len(set(partners)) < len(corners) or any(states[side] != FAR for side in partners):
            continue  # a corner's candidate in y exists and is counted with the one in x
        joint = [distance[side] for side in range(4) if states[side] == NEAR]
        joint += [np.maximum(distance[x], distance[y]) for x, y in zip(corners, partners, strict=True)]
        for rank, radius in enumerate(np.sort(joint, axis=0) if joint else (), start=1):
            row = shares()[configuration(*(np.array(state) for state in states), np.array(rank))]
            for begin, sides in ((0, (0, 1)), (3, (2, 3))):
                nearer = sum((distance[side] < radius).astype(int) * (states[side] != ABSENT) for side in sides)
                simulated = np.bincount(nearer, minlength=3) / len(radius)
                np.testing.assert_allclose(row[begin : begin + 3], simulated, atol=0.012)
            seen += 1
    assert seen == 172


@pytest.mark.parametrize("kernels", KERNELS)
def test_exchanging_the_axes_changes_no_bit(kernels) -> None:
    for n, correlation in ((6, 0), (33, 1), (100, 0.8), (256, 0)):
        x, y = ranks_of(n, correlation, seed=n)
        assert expected_information(x, y, 5, kernels) == expected_information(y, x, 5, kernels)
        mirrored = expected_information(n - 1 - x, y, 5, kernels)
        assert expected_information(x, y, 5, kernels) == pytest.approx(mirrored, abs=1e-13)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize(("n", "neighbors"), [(6, 5), (57, 5), (300, 1), (300, 70)])
def test_numba_and_numpy_agree_to_the_bit(n: int, neighbors: int, dims: int) -> None:
    values = np.cumsum(np.random.default_rng(n).normal(size=(4, dims, n)), axis=0)
    values[2] = np.arange(n)  # all axes the same line
    order = np.argsort(values, axis=-1).astype(np.int32)
    ranks = np.argsort(order, axis=-1).astype(np.int32)
    arguments = (ranks[0], order[0], ranks, order, neighbors, shares(), digammas(n))
    np.testing.assert_array_equal(fastest().expected_digammas(*arguments), NUMPY.expected_digammas(*arguments))
    for layer, sorted_points in zip(ranks, order, strict=True):
        squares = fastest().neighbor_squares(layer, sorted_points[0], neighbors)
        np.testing.assert_array_equal(squares, neighbor_squares(layer, sorted_points[0], neighbors))


@pytest.mark.parametrize("kernels", KERNELS)
def test_squared_distance_of_the_neighbour_by_sorting_all(kernels) -> None:
    ranks = np.stack([np.random.default_rng(axis).permutation(80) for axis in range(2)]).astype(np.int32)
    apart = ((ranks[:, :, None] - ranks[:, None, :]) ** 2).sum(axis=0)
    found = kernels.neighbor_squares(ranks, np.argsort(ranks[0]).astype(np.int32), 7)
    np.testing.assert_array_equal(found, np.sort(apart, axis=1)[:, 7])


def test_compiles_also_where_nothing_can_be_kept_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    caching = pytest.importorskip("numba.core.caching")
    from mka.analysis.neighbors_numba import compiled

    monkeypatch.setattr(caching.CompileResultCacheImpl, "_locator_classes", [])
    with pytest.raises(RuntimeError, match="cannot cache"):
        pytest.importorskip("numba").njit(cache=True)(lambda x: x)
    assert compiled(lambda x: x + 1)(2) == 3
