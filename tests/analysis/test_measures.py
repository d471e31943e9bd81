"""The table of measures, cosine and block influence, and what a result carries."""

from __future__ import annotations

import numpy as np
import pytest

from mka.analysis.embedding import embed
from mka.analysis.measures import ESTIMATORS, measured_map, similarity
from mka.analysis.npib import npib
from mka.errors import BadInput, Cancelled
from mka.merging.merge import merge
from mka.models.loaded import LoadedModel
from mka.objects.activations import Activations, Point
from mka.objects.measures import EMBEDDING, MEASURES, WEIGHTS
from mka.objects.progress import Cancel
from mka.planning.planner import plan

OF_POINTS = [name for name, measure in MEASURES.items() if measure.needs != WEIGHTS]
"""The measures that read calibration points."""


def states(layers: int = 4, n: int = 60, d: int = 6, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=(layers, n, d)), axis=0).astype(np.float32)


def test_cosine_by_hand() -> None:
    # point 0: right angle, point 1: same direction, point 2: 60 degrees
    first = [[1, 0], [2, 2], [1, 0]]
    second = [[0, 5], [1, 1], [0.5, np.sqrt(0.75)]]
    values = np.array([first, second])
    np.testing.assert_allclose(similarity(values, "cosine").values, [[1, 0.5], [0.5, 1]], atol=1e-12)
    np.testing.assert_allclose(similarity(values, "block-influence").values, [[0, 0.5], [0.5, 0]], atol=1e-12)


def test_cosine_survives_zeros_and_huge_numbers() -> None:
    zero, huge, tiny = np.zeros((1, 2)), np.array([[1e30, 0]]), np.array([[1e-30, 0]])
    found = similarity(np.stack([zero, huge, tiny, zero]).astype(np.float32), "cosine").values
    np.testing.assert_array_equal(found, [[1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 1, 0], [1, 0, 0, 1]])


def test_block_influence_is_a_distance() -> None:
    found = similarity(states(), "block-influence")
    assert found.higher_is_alike is False and found.bounds == (0.0, 2.0)
    assert (np.diagonal(found.values) == 0).all() and (found.values == found.values.T).all()


def activations_of(values: np.ndarray, token_cosine: list[float]) -> Activations:
    points = tuple(Point(str(i), "", "x", 1) for i in range(values.shape[1]))
    return Activations(values, values[0], np.array(token_cosine), points, "last", 16, "model", "key", ("a", "b"))


def test_block_influence_of_a_single_layer_is_over_all_tokens() -> None:
    values, tokens = states(4), [0.9, 0.8, 0.4, 1.0000001]
    found, plain = similarity(activations_of(values, tokens), "block-influence"), similarity(values, "block-influence")
    np.testing.assert_allclose(found.adjacent, [0.2, 0.6, 0], atol=1e-12)
    np.testing.assert_array_equal(found.values, found.values.T)
    apart = np.abs(np.subtract.outer(np.arange(4), np.arange(4))) != 1
    np.testing.assert_array_equal(found.values[apart], plain.values[apart])
    assert found.note.startswith("neighbours: over all tokens") and "NaN" not in found.note and plain.note == ""
    hole = similarity(activations_of(values, [0.9, 0.8, np.nan, 0.5]), "block-influence")
    np.testing.assert_allclose(hole.adjacent, [0.2, np.nan, 0.5])
    assert "NaN where a token's hidden states are not finite" in hole.note


def test_npib_of_activations_is_npib_of_their_diffusion_map() -> None:
    values = states()
    expected = npib(embed(values, "diffusion", sigma=None).unaligned)
    np.testing.assert_array_equal(similarity(values).values, expected)
    np.testing.assert_array_equal(similarity(embed(values)).values, expected)  # aligned for the eye, read unaligned
    plain = similarity(values, "npib", corrected=False)
    np.testing.assert_array_equal(plain.values, npib(embed(values).unaligned, corrected=False))
    assert plain.parameters == {"corrected": False, "sigma": None, "alpha": 0.5}
    wide = similarity(values, sigma=8.0).values
    np.testing.assert_array_equal(wide, npib(embed(values, sigma=8.0).unaligned))


def test_every_measure_that_is_described_is_computed() -> None:
    assert list(ESTIMATORS) == list(MEASURES)


@pytest.mark.parametrize("measure", OF_POINTS)
def test_every_measure_keeps_its_word(measure: str) -> None:
    found, entry = similarity(states(), measure, seed=4), MEASURES[measure]
    assert found.values.shape == (4, 4) and found.values.dtype == np.float64
    np.testing.assert_array_equal(found.values, found.values.T)
    low, high = entry.bounds
    assert low is None or (found.values >= low).all()
    assert high is None or (found.values <= high).all()
    assert (found.measure, found.bounds, found.seed) == (measure, entry.bounds, 4)
    np.testing.assert_array_equal(similarity(states(), measure, seed=4).values, found.values)
    assert similarity(states(1), measure).values.shape == (1, 1)


def test_carries_where_it_came_from() -> None:
    activations = activations_of(states(2, 8), [1, 1])
    for source in (activations, embed(activations)):
        found = similarity(source)
        assert (found.model, found.calibration_key, found.text_hashes) == ("model", "key", ("a", "b"))


def test_a_layer_that_tells_nothing_is_named() -> None:
    values = states(3)
    values[1] = 0.1
    found = similarity(values)
    assert found.note.startswith("all points coincide in layers 1:")
    np.testing.assert_array_equal(found.values[1], [0, 1, 0])
    assert similarity(states()).note == ""


def test_too_few_points_are_said_to_be() -> None:
    assert similarity(states(n=11)).note.startswith("only 11 points: too few to tell layers apart")
    assert similarity(states(n=12)).note == similarity(states(n=4), "cosine").note == ""


def test_a_text_far_from_all_others_leaves_no_hole_in_the_matrix() -> None:
    values = states()
    values[:, 0] *= 3000
    for measure in ("npib", "npib-code"):
        found = similarity(values, measure)
        assert np.isfinite(found.values).all() and found.note == ""


def test_refuses_what_it_cannot_measure() -> None:
    values = states()
    for call, words in (
        (lambda: similarity(values, "kca"), "use one of npib, npib-code, nmi-ksg, .*, weights-distance"),
        (lambda: similarity(values, "weights"), "compares parameters: give it a model .*, not ndarray"),
        (lambda: similarity(embed(values), "weights-distance"), "not Embedding"),
        (lambda: similarity("demo", "weights", sigma=3), "no parameter 'sigma'; it takes none"),
        (lambda: similarity(values, "cosine", sigma=3), "no parameter 'sigma'; it takes none"),
        (lambda: similarity(values, corected=True), "it takes corrected, sigma, alpha"),
        (lambda: similarity(embed(values), sigma=3), "on a finished embedding"),
        (lambda: similarity(values, corrected="no"), "corrected must be True or False"),
        (lambda: similarity(values, sigma=-1), "sigma"),
        (lambda: similarity(embed(values), "cosine"), "give it activations"),
        (lambda: similarity(values[:, :1]), "at least 4 points, got 1"),
        (lambda: similarity(np.full((2, 5, 3), np.inf), "cosine"), "NaN or infinity"),
        (lambda: similarity("demo"), r"got str; a model by itself has no texts .* mka\.collect\(model, texts\)"),
        (lambda: similarity(values, "npib-code", seed=-1), "seed must be a whole number from 0 to 4294967295, got -1"),
        (lambda: similarity(values, seed=2**32), "seed must be a whole number"),
        (lambda: similarity(values, seed=True), "seed must be a whole number"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("measure", OF_POINTS)
def test_a_model_by_itself_is_not_measured(measure: str, tiny_llama: LoadedModel) -> None:
    merged = merge(tiny_llama, plan(tiny_llama, groups=[[1, 2]]))
    for model in (tiny_llama, merged):
        with pytest.raises(BadInput, match=rf"got {type(model).__name__}; a model by itself .* mka\.collect") as caught:
            similarity(model, measure)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)


def test_the_largest_seed_is_taken() -> None:
    assert similarity(states(2), "npib-code", seed=np.uint32(2**32 - 1)).seed == 2**32 - 1


def test_stops_when_asked() -> None:
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        similarity(states(), "npib", cancel=cancel)


@pytest.mark.parametrize("measure", [name for name, one in MEASURES.items() if one.needs == EMBEDDING])
def test_a_map_made_for_a_measure_stands_for_the_activations(measure: str) -> None:
    activations = activations_of(states(3, 60), [1, 1, 1])
    shared = similarity(measured_map(activations, measure, alpha=0.25), measure)
    alone = similarity(activations, measure, alpha=0.25)
    np.testing.assert_array_equal(shared.values, alone.values)
    assert (shared.parameters, shared.model, shared.calibration_key) == (alone.parameters, "model", "key")
    assert shared.parameters["alpha"] == 0.25
