"""Every measure on input that has little to say: a defined value, or a refusal in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from mka.analysis.measures import similarity
from mka.errors import BadInput
from mka.objects.measures import MEASURES, WEIGHTS
from mka.objects.similarity import Similarity

Array = np.ndarray
OF_POINTS = [name for name, measure in MEASURES.items() if measure.needs != WEIGHTS]
OWN: Mapping[str, float] = {name: 1.0 if MEASURES[name].higher_is_alike else 0.0 for name in OF_POINTS}
"""What a layer scores with itself; npib-code, without an upper bound, scores more."""
N = 60


def states(layers: int = 3, n: int = N, d: int = 5, seed: int = 0) -> Array:
    return np.cumsum(np.random.default_rng(seed).normal(size=(layers, n, d)), axis=0)


def sound(found: Similarity) -> Similarity:
    """The same, once checked: float64, symmetric to the bit, exact on the diagonal, within bounds, NaN explained."""
    values, (low, high) = found.values, found.bounds
    assert values.dtype == np.float64 and not np.isinf(values).any()
    np.testing.assert_array_equal(values, values.T)
    if found.measure != "npib-code":
        np.testing.assert_array_equal(np.diagonal(values), OWN[found.measure])
    finite = values[np.isfinite(values)]
    assert low is None or (finite >= low).all()
    assert high is None or (finite <= high).all()
    assert np.isfinite(values).all() or "NaN" in found.note
    return found


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("measure", OF_POINTS)
def test_few_points(measure: str, n: int) -> None:
    if n >= MEASURES[measure].minimum_points:
        sound(similarity(states(n=n), measure))
    else:
        with pytest.raises(BadInput, match=rf"at least {MEASURES[measure].minimum_points} points, got {n}") as caught:
            similarity(states(n=n), measure)
        assert "\n" not in str(caught.value)


def _ties(values: Array) -> Array:
    values[:, 1::3] = values[:, ::3]
    return np.round(values)


def _put(layer: int, what: float | Array) -> Callable[[Array], Array]:
    def change(values: Array) -> Array:
        values[layer] = what
        return values

    return change


CASES: Mapping[str, Callable[[Array], Array]] = {
    "all points equal in every layer": lambda values: np.repeat(values[:, :1], N, axis=1),
    "all points equal in one layer": _put(1, 0.1),
    "a layer of zeros": _put(1, 0.0),
    "all layers zeros": lambda values: 0 * values,
    "one layer": lambda values: values[:1],
    "one feature": lambda values: values[:, :, :1].copy(),
    "one feature of zeros and ones": lambda values: (values[:, :, :1] > 0).astype(float),
    "duplicates and ties": _ties,
    "one point far from all others": lambda values: np.concatenate([values[:, :1] * 1e6, values[:, 1:]], axis=1),
    "one point against all others": lambda values: np.concatenate([values[:, :1], 0 * values[:, 1:]], axis=1),
    "float16": lambda values: values.astype(np.float16),
    "whole numbers": lambda values: np.round(values * 9).astype(np.int64),
    "huge": lambda values: values * 1e30,
    "tiny": lambda values: values * 1e-30,
    "more features than points": lambda values: np.repeat(values, 40, axis=2),
}


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("measure", OF_POINTS)
def test_input_that_says_little(measure: str, case: str) -> None:
    values = CASES[case](states())
    before = values.copy()
    sound(similarity(values, measure))
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("measure", OF_POINTS)
def test_equal_layers_are_as_alike_as_a_layer_and_itself(measure: str) -> None:
    values = states(4, d=70)
    values[3] = values[1]
    found = sound(similarity(values, measure)).values
    tolerance = 1e-12 if measure == "procrustes" else 0
    assert abs(found[1, 3] - found[1, 1]) <= tolerance
    np.testing.assert_allclose(found[0, 3], found[0, 1], rtol=tolerance)


@pytest.mark.parametrize("measure", OF_POINTS)
def test_a_float16_array_is_read_as_its_numbers(measure: str) -> None:
    halves = states().astype(np.float16)
    found = similarity(halves, measure).values
    np.testing.assert_allclose(found, similarity(halves.astype(np.float64), measure).values, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("measure", OF_POINTS)
def test_a_hole_is_refused_by_its_layer(measure: str, hole: float) -> None:
    values = states()
    values[1, 3, 2] = hole
    with pytest.raises(BadInput, match="activations of layer 1 hold NaN or infinity"):
        similarity(values, measure)
