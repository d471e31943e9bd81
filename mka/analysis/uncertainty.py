"""How far a similarity would move on other calibration points, from halves of those at hand.

Axes: L layers, n points, S subsamples of b = n // 2 points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.stats import kendalltau, rankdata

from mka.analysis.cosine import angles, cosines, influences
from mka.analysis.distances import distances
from mka.analysis.measures import Estimator, Run, read, settled
from mka.analysis.pointwise import OfPoint, means_over_points
from mka.analysis.sources import hidden_states
from mka.errors import BadInput
from mka.objects.activations import Activations
from mka.objects.embedding import Embedding
from mka.objects.measures import WEIGHTS
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.seeds import check_seed
from mka.objects.similarity import Uncertainty

Array = np.ndarray

MEANS: Mapping[str, OfPoint] = MappingProxyType(
    {"cosine": cosines, "angular": angles, "block-influence": influences, "euclidean": distances}
)
"""Measures that are a mean over the points: all their subsamples come out of one walk."""


def uncertainty(
    source: Activations | Embedding | Array,
    measure: str,
    *,
    subsamples: int = 32,
    seed: int = 0,
    progress: Progress = silent,
    cancel: Cancel | None = None,
    **parameters: Any,
) -> Uncertainty | None:
    """The uncertainty of `similarity(source, measure, **parameters)` over the calibration points.

    The points are split at random into halves of b = n // 2, S / 2 times (of an odd n one point sits out), and the
    measure is taken of every half, so without duplicates. Half-samples of n points scatter about the value of all n
    as that value does about the truth, up to sqrt(b / (n - b)): the delete-d jackknife (Shao and Wu, Annals of
    Statistics 17, 1989; Politis and Romano, Annals of Statistics 22, 1994).

    stderr:  sqrt(b / (n - b)) times the root mean square deviation of the halves from their mean; S / 2 splits tell
             it to about 1 / sqrt(S) of itself. With few points too large rather than too small for a measure that is no
             mean, whose variance in halves is more than twice that in all. NaN where a half has no value
    ranks:   each half's adjacent values are moved so that their mean over the halves is the value of all points (so
             what a measure reads too high in few points drops out), and their deviations multiplied as for stderr;
             the values of such a replicate are ranked, and the interval runs from the 2.5 to the 97.5 percentile
             of these ranks, further where the rank in all points lies outside
    tau:     Kendall's tau (b) between the rankings of the two halves of a split, mean over the splits. They share no
             point, so it is near 0 where the order of the pairs is noise. It is what halves agree in: all n agree
             better with another n

    The map of a measure of embeddings is made anew for each half of activations, so that its own instability counts;
    of an `Embedding`, the coordinates are drawn from as they stand. npib keeps the bins of all n points.
    Block influence: of the values over the points alone; the neighbours' mean over all tokens, which `similarity`
    shows where it knows it, moves less.

    Returns None for a measure of weights, which reads no points, and where b is less than the measure needs. Raises
    BadInput as `similarity`, and for fewer than 2 or an odd number of subsamples.
    """
    _check_subsamples(subsamples)
    seed = check_seed(seed)
    estimator, settings = settled(source, measure, parameters)
    if estimator.measure.needs == WEIGHTS:
        return None
    points = _points(source)
    n = points.shape[1]
    size = n // 2
    if size < estimator.measure.minimum_points:
        return None
    drawn = _halves(n, subsamples // 2, seed)
    run = Run(settings, None, n, seed, silent, cancel)
    if measure in MEANS:
        hidden = read(estimator, source, settings, silent, cancel).values
        taken = _means(hidden, MEANS[measure], drawn, run)
        progress("uncertainty", 1 + subsamples, 1 + subsamples)
    else:
        taken = _one_by_one(estimator, source, drawn, run, progress)
    return _summed_up(taken, n, higher_is_alike=estimator.measure.higher_is_alike, seed=seed)


def _summed_up(taken: Array, n: int, *, higher_is_alike: bool, seed: int) -> Uncertainty:
    """The scatter of a measure (1 + S, L, L) of all n points, then of S halves of them."""
    halves, size = taken[1:], n // 2
    scale = float(np.sqrt(size / (n - size)))
    adjacent = np.diagonal(taken, offset=1, axis1=1, axis2=2)
    alike = adjacent if higher_is_alike else -adjacent
    return Uncertainty(
        stderr=scale * np.sqrt(np.square(halves - halves.mean(axis=0)).mean(axis=0)),
        ranks=rank_intervals(alike[0], alike[1:], scale),
        tau=agreement(alike[1:]),
        subsamples=len(halves),
        size=size,
        seed=seed,
    )


def rank_intervals(whole: Array, halves: Array, scale: float) -> Array:
    """95 % interval of each pair's rank, 1 the highest value, ties at their mean rank: float64 (L - 1, 2).

    whole: (L - 1,), values of all points; halves: (S, L - 1), of the subsamples, whose deviations `scale` multiplies.
    NaN for a pair without a value in any of them; it takes no rank from the others.
    """
    intervals = np.full((len(whole), 2), np.nan)
    known = np.isfinite(whole) & np.isfinite(halves).all(axis=0)
    if known.any():
        replicates = whole[known] + scale * (halves[:, known] - halves[:, known].mean(axis=0))
        ranks = rankdata(-replicates, axis=1)
        own = rankdata(-whole[known])
        low, high = np.percentile(ranks, [2.5, 97.5], axis=0)
        intervals[known] = np.stack([np.minimum(low, own), np.maximum(high, own)], axis=1)
    return intervals


def agreement(halves: Array) -> float:
    """Mean over the splits of Kendall's tau between their two halves, (S, L - 1) with halves 2s and 2s + 1 of split s.

    0 for a split with a half that ranks nothing, as where all its values are equal. NaN for fewer than two pairs that
    have a value in every half.
    """
    known = halves[:, np.isfinite(halves).all(axis=0)]
    if known.shape[1] < 2:
        return float("nan")
    taus = [kendalltau(first, second).statistic for first, second in zip(known[::2], known[1::2], strict=True)]
    return float(np.mean(np.nan_to_num(taus)))


def _check_subsamples(subsamples: int) -> None:
    whole = isinstance(subsamples, (int, np.integer)) and not isinstance(subsamples, bool)
    if not whole or subsamples < 2 or subsamples % 2:
        raise BadInput(f"subsamples must be an even number of at least 2, two halves a split, got {subsamples!r}")


def _points(source: Activations | Embedding | Array) -> Array:
    """The array (L, n, d or k) that the halves are drawn from."""
    return source.unaligned if isinstance(source, Embedding) else hidden_states(source).values


def _half(source: Activations | Embedding | Array, points: Array) -> Embedding | Array:
    """These points, int64 (b,), of `source`: of an embedding as one, otherwise their hidden states."""
    if isinstance(source, Embedding):
        return replace(source, unaligned=source.unaligned[:, points])
    return _points(source)[:, points]


def _halves(n: int, splits: int, seed: int) -> list[Array]:
    """Two disjoint halves a split, one after the other: int64 (n // 2,) each.

    In the points' order, because a measure may tell equal values apart by it.
    """
    rng = np.random.default_rng(seed)
    size = n // 2
    orders = [rng.permutation(n) for _ in range(splits)]
    return [np.sort(half) for order in orders for half in (order[:size], order[size : 2 * size])]


def _means(hidden: Array, of_point: OfPoint, drawn: list[Array], run: Run) -> Array:
    """The mean over all points, then over each half: float64 (1 + S, L, L)."""
    members = np.zeros((1 + len(drawn), hidden.shape[1]), dtype=bool)
    members[0] = True
    for row, half in enumerate(drawn):
        members[1 + row, half] = True
    return means_over_points(hidden, of_point, members, run.cancel)


def _one_by_one(
    estimator: Estimator, source: Activations | Embedding | Array, drawn: list[Array], run: Run, progress: Progress
) -> Array:
    """The measure of all points, then of each half: float64 (1 + S, L, L)."""
    taken: list[Array] = []
    for half in [np.arange(run.whole), *drawn]:
        given = read(estimator, _half(source, half), run.parameters, silent, run.cancel)
        taken.append(estimator.compute(given.values, run))
        progress("uncertainty", len(taken), 1 + len(drawn))
    return np.stack(taken)
