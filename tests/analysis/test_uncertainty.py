"""Uncertainty over the calibration points: against theory, on noise and on structure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau

from mka.analysis import npib as npib_module
from mka.analysis.embedding import embed
from mka.analysis.measures import similarity
from mka.analysis.npib import npib
from mka.analysis.uncertainty import agreement, rank_intervals, uncertainty
from mka.errors import BadInput, Cancelled
from mka.objects.activations import Activations, Point
from mka.objects.measures import MEASURES, WEIGHTS
from mka.objects.progress import Cancel

Array = np.ndarray
OF_POINTS = [name for name, measure in MEASURES.items() if measure.needs != WEIGHTS]


def states(layers: int = 5, n: int = 104, d: int = 6, seed: int = 0) -> Array:
    return np.cumsum(np.random.default_rng(seed).normal(size=(layers, n, d)), axis=0).astype(np.float32)


def of_cosines(cosines: Array) -> Array:
    """Hidden states (L, n, 2) whose neighbouring layers l, l + 1 have these cosines (L - 1, n), point by point."""
    turns = np.concatenate([np.zeros((1, cosines.shape[1])), np.cumsum(np.arccos(cosines), axis=0)])
    return np.stack([np.cos(turns), np.sin(turns)], axis=-1)


@pytest.mark.parametrize("n", [400, 401])
def test_standard_error_of_a_mean_is_sd_over_root_n(n: int) -> None:
    cosines = np.random.default_rng(0).uniform(-0.5, 1, size=(3, n))
    found = uncertainty(of_cosines(cosines), "cosine", subsamples=400)
    assert found is not None and (found.size, found.subsamples, found.seed) == (200, 400, 0)
    expected = cosines.std(axis=1, ddof=1) / np.sqrt(n)
    # 200 splits tell a standard deviation to 1 / sqrt(400) = 5 %.
    np.testing.assert_allclose(np.diagonal(found.stderr, offset=1), expected, rtol=0.15)
    np.testing.assert_array_equal(np.diagonal(found.stderr), 0)


@pytest.mark.parametrize("measure", ["cosine", "cka"])
def test_standard_error_is_the_scatter_over_fresh_texts(measure: str) -> None:
    fresh = [similarity(states(3, 200, seed=seed), measure).values for seed in range(100)]
    told = [uncertainty(states(3, 200, seed=seed), measure, seed=seed) for seed in range(20)]
    mean = np.mean([one.stderr for one in told if one is not None], axis=0)
    upper = np.triu_indices(3, 1)
    np.testing.assert_allclose(mean[upper], np.std(fresh, axis=0)[upper], rtol=0.35)


def test_noise_agrees_with_nothing_and_structure_with_itself() -> None:
    rng = np.random.default_rng(3)
    noise = [uncertainty(of_cosines(rng.uniform(-1, 1, size=(9, 300))), "cosine", seed=seed) for seed in range(12)]
    assert abs(np.mean([one.tau for one in noise if one is not None])) < 0.15
    wide = [one.ranks[:, 1] - one.ranks[:, 0] for one in noise if one is not None]
    assert np.mean(wide) > 4
    clear = uncertainty(of_cosines(np.linspace(-0.8, 0.8, 9)[:, None] + rng.uniform(-0.1, 0.1, (9, 300))), "cosine")
    assert clear is not None and clear.tau > 0.999
    np.testing.assert_array_equal(clear.ranks, np.repeat(np.arange(9, 0, -1)[:, None], 2, axis=1))


def test_the_interval_of_a_rank_holds_the_truth() -> None:
    truth, rng, held = np.array([0.0, 0.04, 0.08, 0.12]), np.random.default_rng(5), []
    for seed in range(60):
        found = uncertainty(of_cosines(truth[:, None] + rng.uniform(-0.8, 0.8, (4, 100))), "cosine", seed=seed)
        assert found is not None
        held.append((found.ranks[:, 0] <= [4, 3, 2, 1]) & (found.ranks[:, 1] >= [4, 3, 2, 1]))
    assert np.mean(held) > 0.9


def test_rank_one_is_most_alike_for_distances_too() -> None:
    cosines = np.linspace(-0.8, 0.8, 5)[:, None] + np.zeros((5, 50))
    for measure in ("cosine", "angular", "block-influence", "euclidean"):
        found = uncertainty(of_cosines(cosines), measure)
        assert found is not None
        np.testing.assert_array_equal(found.ranks[:, 0], [5, 4, 3, 2, 1])


def test_ranks_by_hand() -> None:
    whole, halves = np.array([0.9, 0.5, 0.5, np.nan]), np.array([[1.9, 1.5, 1.5, 0], [1.9, 1.5, 1.5, 0]])
    np.testing.assert_array_equal(
        rank_intervals(whole, halves, 1.0), [[1, 1], [2.5, 2.5], [2.5, 2.5], [np.nan, np.nan]]
    )
    swung = np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(rank_intervals(np.array([0.5, 0.4]), swung, 1.0), [[1, 2], [1, 2]], atol=0.06)
    np.testing.assert_allclose(rank_intervals(np.array([0.5, 0.4]), swung, 0.01), [[1, 1], [2, 2]])


def test_agreement_by_hand() -> None:
    halves = np.array([[1.0, 2, 3], [1, 2, 3], [1, 2, 3], [3, 2, 1], [1, 2, 3], [1, 3, 2], [1, 2, 3], [5, 5, 5]])
    assert agreement(halves) == pytest.approx((1 - 1 + 1 / 3 + 0) / 4)
    assert np.isnan(agreement(halves[:, :1])) and np.isnan(agreement(np.full((2, 3), np.nan)))


@pytest.mark.parametrize("measure", OF_POINTS)
def test_every_measure_has_an_uncertainty(measure: str) -> None:
    found = uncertainty(states(), measure, subsamples=4, seed=7)
    again = uncertainty(states(), measure, subsamples=4, seed=7)
    assert found is not None and again is not None
    assert found.stderr.shape == (5, 5) and found.ranks.shape == (4, 2) and -1 <= found.tau <= 1
    np.testing.assert_array_equal(found.stderr, again.stderr)
    np.testing.assert_array_equal(found.stderr, found.stderr.T)
    assert (found.stderr[~np.eye(5, dtype=bool)] > 0).all()
    assert (found.ranks >= 1).all() and (found.ranks <= 4).all() and (found.ranks[:, 0] <= found.ranks[:, 1]).all()


def test_one_walk_gives_what_one_by_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    values = states()
    for measure in ("cosine", "angular", "euclidean"):
        found = uncertainty(values, measure, subsamples=6)
        monkeypatch.setattr("mka.analysis.uncertainty.MEANS", {})
        plain = uncertainty(values, measure, subsamples=6)
        monkeypatch.undo()
        assert found is not None and plain is not None
        np.testing.assert_allclose(found.stderr, plain.stderr, rtol=1e-9, atol=1e-13)
        np.testing.assert_array_equal(found.ranks, plain.ranks)


def activations_of(values: Array) -> Activations:
    points = tuple(Point(str(i), "", "x", 1) for i in range(values.shape[1]))
    return Activations(values, values[0], np.linspace(0, 1, len(values)), points, "last", 9, "model", "key", ("a",))


def test_block_influence_is_of_the_points_alone() -> None:
    values = states()
    found, plain = uncertainty(activations_of(values), "block-influence"), uncertainty(values, "cosine")
    assert found is not None and plain is not None
    np.testing.assert_allclose(found.stderr, plain.stderr, rtol=1e-9, atol=1e-15)
    assert (np.diagonal(found.stderr, offset=1) > 0).all()


def test_the_map_is_made_anew_for_each_half_and_a_finished_one_is_drawn_from() -> None:
    values = states()
    anew, finished = uncertainty(values, "npib"), uncertainty(embed(values), "npib")
    assert anew is not None and finished is not None
    assert (anew.stderr != finished.stderr).any()
    embedding = embed(values)
    moved = uncertainty(replace(embedding, coordinates=0 * embedding.coordinates), "npib")
    assert moved is not None
    np.testing.assert_array_equal(moved.stderr, finished.stderr)  # the aligned coordinates are not read


def test_npib_keeps_the_bins_of_all_points(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    cells = npib_module.cells
    monkeypatch.setattr(npib_module, "cells", lambda points, bins: asked.append(bins) or cells(points, bins))
    uncertainty(states(n=160), "npib", subsamples=2)  # round(160^(1/4)) = 4, of 80 points it would be 3
    assert set(asked) == {4}
    map_ = embed(states(n=80)).unaligned
    assert (npib(map_, bins=4) != npib(map_)).any()


def test_one_and_two_layers() -> None:
    for layers in (1, 2):
        found = uncertainty(states(layers), "cosine")
        assert found is not None
        assert found.ranks.shape == (layers - 1, 2) and np.isnan(found.tau)
        np.testing.assert_array_equal(found.ranks, np.ones((layers - 1, 2)))


@pytest.mark.parametrize("measure", list(MEASURES))
def test_too_few_points_for_halves_have_none(measure: str) -> None:
    needed = MEASURES[measure].minimum_points
    if needed > 1:
        assert uncertainty(states(n=2 * needed - 1), measure) is None
        assert uncertainty(states(n=2 * needed), measure, subsamples=2) is not None
    if MEASURES[measure].needs == WEIGHTS:
        assert uncertainty(states(), measure) is None


def test_is_quiet_about_a_measure_without_value() -> None:
    values = np.repeat(states(3, 1), 8, axis=1)
    found = uncertainty(values, "mahalanobis")
    assert found is not None and np.isnan(found.stderr[0, 1]) and np.isnan(found.ranks).all() and np.isnan(found.tau)


def test_refuses_what_it_cannot_do() -> None:
    values = states()
    for call, words in (
        (lambda: uncertainty(values, "cosine", subsamples=3), "even number"),
        (lambda: uncertainty(values, "cosine", subsamples=0), "even number of at least 2"),
        (lambda: uncertainty(values, "cosine", subsamples=True), "got True"),
        (lambda: uncertainty(values, "cosine", seed=-1), "seed"),
        (lambda: uncertainty(values, "kca"), "unknown"),
        (lambda: uncertainty(values, "cka", sigma=3), "no parameter 'sigma'"),
        (lambda: uncertainty(embed(values), "cosine"), "give it activations"),
        (lambda: uncertainty("demo", "cosine"), "a model by itself"),
        (lambda: uncertainty(np.full((2, 8, 2), np.nan), "cosine"), "activations of layer 0 hold NaN"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_reports_and_stops_when_asked() -> None:
    told: list[tuple[str, int, int]] = []
    uncertainty(states(), "cka", subsamples=2, progress=lambda *words: told.append(words))
    assert told == [("uncertainty", done, 3) for done in (1, 2, 3)]
    cancel = Cancel()
    cancel.request()
    for measure in ("cosine", "cka"):
        with pytest.raises(Cancelled):
            uncertainty(states(), measure, cancel=cancel)


def test_scipys_tau_is_what_is_meant() -> None:
    assert kendalltau([1, 2, 3, 4], [1, 2, 4, 3]).statistic == pytest.approx(4 / 6)
