"""NPIB as the official code of the paper estimates it, its faults included, for comparison with it.

The official code calls scikit-learn's `mutual_info_regression`, whose random jitter breaks the ties of ranks, so that
its values differ from run to run. Ours are the mean over all jitters, exactly, so they hang on the two layers alone.

Axes: L layers, n points, k map dimensions.
"""

from __future__ import annotations

import numpy as np

from mka.analysis.neighbors import Kernels, fastest
from mka.analysis.parallel import in_threads
from mka.analysis.rank_information import digammas, information, replayed_information, shares
from mka.errors import BadInput
from mka.objects.progress import Cancel, Progress, silent

Array = np.ndarray

ENTROPY_NEIGHBORS = 50
INFORMATION_NEIGHBORS = 5
MINIMUM_POINTS = ENTROPY_NEIGHBORS + 1


def ordinal_ranks(coordinates: Array) -> tuple[Array, Array]:
    """Rank each axis of (L, n, k) over the points from 0, ties in the points' order; the official code divides by n.

    Returns int32 (L, k, n) twice: the ranks, and the points in the order of their ranks.
    """
    order = np.argsort(np.ascontiguousarray(coordinates.swapaxes(1, 2)), axis=-1, kind="stable")
    ranks = np.empty(order.shape, dtype=np.int32)
    np.put_along_axis(ranks, order, np.arange(order.shape[-1], dtype=np.int32), axis=-1)
    return ranks, order.astype(np.int32)


def entropy_as_coded(ranks: Array, order: Array, kernels: Kernels) -> float:
    """-mean log(50 / (n rho^k)), rho the distance to the 50th neighbour among the ranks / n of one layer (k, n).

    Without the unit ball's volume, so it is no entropy in nats: it is negative below about 51 points per unit
    and changes its sign near n = 51. Needs n >= 51.
    """
    dims, n = ranks.shape
    distances = np.sqrt(kernels.neighbor_squares(ranks, order[0], ENTROPY_NEIGHBORS)) / n
    return float(-np.mean(np.log(ENTROPY_NEIGHBORS / (n * distances**dims))))


def npib_as_coded(
    coordinates: Array, *, progress: Progress = silent, cancel: Cancel | None = None, kernels: Kernels | None = None
) -> Array:
    """The official estimate for every pair of layers, its mean over all jitters, from unaligned coordinates (L, n, k).

    values[l, m] = information / sqrt(entropy_l entropy_m), where the information is the mean over the k x k pairs
    of single axes of the KSG estimate with 5 neighbours, each at least 0. Single axes only: a dependence that shows
    in two axes together counts nothing. kernels: None for the fastest; all give the same bits.

    Returns float64 (L, L), symmetric: unbounded (3.5 on the diagonal is usual), NaN where the two entropies differ in
    sign or one is 0. Raises BadInput for fewer than 51 points. A cell is within .005 nats of scikit-learn's mean over
    seeds before division, where the two differ only in whether they average before or after negative estimates
    become 0.
    """
    kernels = kernels or fastest()
    ranks, order = _checked_ranks(coordinates)
    layers, n = len(ranks), ranks.shape[-1]

    def row(first: int) -> tuple[float, Array]:
        digamma_sums = kernels.expected_digammas(
            ranks[first], order[first], ranks[first:], order[first:], INFORMATION_NEIGHBORS, shares(), digammas(n)
        )
        axes = information(digamma_sums, INFORMATION_NEIGHBORS).reshape(layers - first, -1)
        # Sorted, so that exchanging the two layers adds the same numbers in the same order.
        return entropy_as_coded(ranks[first], order[first], kernels), np.sort(axes, axis=1).mean(axis=1)

    entropies, found = np.empty(layers), np.empty((layers, layers))
    for first, (entropy, told) in enumerate(in_threads(row, range(layers), cancel)):
        entropies[first] = entropy
        found[first, first:] = found[first:, first] = told
        progress("npib-code", first + 1, layers)
    return _ratio(found, entropies)


def npib_of_one_run(coordinates: Array, generator: np.random.RandomState) -> Array:
    """What one run of the official code gives: like `npib_as_coded`, with the jitter that `generator` draws.

    The upper triangle is computed row by row, and for each pair scikit-learn is called for each axis of the second
    layer with all axes of the first. Checked against commit 3b60b00 of the official code (see tests/golden).
    """
    ranks, order = _checked_ranks(coordinates)
    layers, dims, n = ranks.shape
    entropies = np.array([entropy_as_coded(*layer, fastest()) for layer in zip(ranks, order, strict=True)])
    found = np.empty((layers, layers))
    for first in range(layers):
        for second in range(first, layers):
            axes = []
            for y in ranks[second]:
                of_first, of_second = generator.standard_normal((n, dims)), generator.standard_normal((n,))
                for x, jitter in zip(ranks[first], of_first.T, strict=True):
                    axes.append(replayed_information(x, y, jitter, of_second, INFORMATION_NEIGHBORS))
            found[first, second] = found[second, first] = np.mean(axes)
    return _ratio(found, entropies)


def _checked_ranks(coordinates: Array) -> tuple[Array, Array]:
    n = coordinates.shape[1]
    if n < MINIMUM_POINTS:
        raise BadInput(
            f"npib-code needs at least {MINIMUM_POINTS} points, got {n}: its entropy looks at each point's "
            f"{ENTROPY_NEIGHBORS}th neighbour; use more texts or the measure npib"
        )
    return ordinal_ranks(coordinates)


def _ratio(information_of_pairs: Array, entropies: Array) -> Array:
    under_root = np.outer(entropies, entropies)
    values = np.full(under_root.shape, np.nan)
    np.divide(information_of_pairs, np.sqrt(np.abs(under_root)), out=values, where=under_root > 0)
    return values
