"""npib-code against the plain loop over scikit-learn: how much faster it is, and how far from it."""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.feature_selection import mutual_info_regression

from benchmarks.timing import medians
from mka.analysis.neighbors import NUMPY, fastest
from mka.analysis.npib_code import INFORMATION_NEIGHBORS, npib_as_coded, ordinal_ranks
from mka.analysis.rank_information import digammas, information, replayed_information, shares

Array = np.ndarray

POINTS = (57, 256, 1024)
LAYERS, DIMS = 32, 2
SEEDS = 64
COMPARED_LAYERS = 4
RUNS_IN_A_TURN = 5
"""Of the fastest contestant, whose single run is over within a moment's disturbance."""


def measure() -> dict[str, dict[str, float]]:
    """For each number of points, 32 layers of 2 axes: seconds, ratios, and distance from scikit-learn in nats.

    loop, numba, numpy: median seconds of scikit-learn's loop over all pairs of layers and axes (which leaves out the
    entropies) and of `npib_as_coded` (which has them), after a first run of each, side by side; numba is numpy again
    where it is not installed. loop / numba,
    loop / numpy: the ratios. replayed: largest difference from a run of scikit-learn with its own jitter; mean:
    largest difference from its mean over 64 seeds; both over the pairs of axes of 4 layers, none with itself.
    """
    return {str(n): {**_speed(n), **_agreement(n)} for n in POINTS}


def _wandering(layers: int, n: int) -> Array:
    """Layers that drift: neighbours alike, distant ones hardly."""
    return np.cumsum(np.random.default_rng(0).normal(size=(layers, n, DIMS)), axis=0)


def plain_loop(ranks: Array, generator: np.random.RandomState) -> None:
    """All pairs of layers (L, k, n) as the official code goes through them."""
    for first, layer in enumerate(ranks):
        for other in ranks[first:]:
            for axis in other:
                mutual_info_regression(layer.T, axis, n_neighbors=INFORMATION_NEIGHBORS, random_state=generator)


def _speed(n: int) -> dict[str, float]:
    coordinates = _wandering(LAYERS, n)
    loop = partial(plain_loop, ordinal_ranks(coordinates)[0] / n, np.random.RandomState(0))
    compiled, numpy_alone = (partial(npib_as_coded, coordinates, kernels=kernels) for kernels in (fastest(), NUMPY))

    def several_times() -> None:
        for _ in range(RUNS_IN_A_TURN):
            compiled()

    turns = {"loop": loop, "numba": several_times, "numpy": numpy_alone}
    seconds = medians(turns, repeats=1 if n > 256 else 3)
    seconds["numba"] /= RUNS_IN_A_TURN
    return {**seconds, **{f"loop / {name}": seconds["loop"] / seconds[name] for name in ("numba", "numpy")}}


def _agreement(n: int) -> dict[str, float]:
    ranks, order = ordinal_ranks(_wandering(COMPARED_LAYERS, n))
    replayed, mean = [], []
    for first, second in zip(*np.triu_indices(COMPARED_LAYERS, 1), strict=True):
        expected = information(
            fastest().expected_digammas(
                ranks[first],
                order[first],
                ranks[second : second + 1],
                order[second : second + 1],
                INFORMATION_NEIGHBORS,
                shares(),
                digammas(n),
            ),
            INFORMATION_NEIGHBORS,
        )[0]
        for b, y in enumerate(ranks[second]):
            runs = np.array([_run(ranks[first], y, seed) for seed in range(SEEDS)])
            mean.append(np.abs(runs.mean(axis=0) - expected[:, b]).max())
            replayed.append(np.abs(_replay(ranks[first], y, 0) - runs[0]).max())
    return {"replayed": float(max(replayed)), "mean": float(max(mean))}


def _run(layer: Array, y: Array, seed: int) -> Array:
    n = len(y)
    return np.asarray(mutual_info_regression(layer.T / n, y / n, n_neighbors=INFORMATION_NEIGHBORS, random_state=seed))


def _replay(layer: Array, y: Array, seed: int) -> Array:
    generator = np.random.RandomState(seed)
    jitter_x, jitter_y = generator.standard_normal(layer.T.shape), generator.standard_normal(y.shape)
    return np.array(
        [
            replayed_information(x, y, jitter, jitter_y, INFORMATION_NEIGHBORS)
            for x, jitter in zip(layer, jitter_x.T, strict=True)
        ]
    )


def show(found: dict[str, dict[str, float]]) -> None:
    print(f"{LAYERS} layers of {DIMS} axes; seconds, ratios, differences in nats")
    for n, row in found.items():
        print(f"n = {n}: " + ", ".join(f"{name} {value:.3g}" for name, value in row.items()))


def main() -> None:
    show(measure())


if __name__ == "__main__":
    main()
