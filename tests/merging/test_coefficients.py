from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mka.merging.averaging import PIECE, Dots, average, dots
from mka.merging.coefficients import PARALLEL, coefficients, kind_of, needs_dots
from mka.objects.plan import MergeGroup

SLERP = MergeGroup((2, 5), (0.75, 0.25), method="slerp")


def on_the_arc(first, second, share):
    """The point at `share` of the arc, by turning the first vector in the plane of both: no sine of a fraction."""
    first, second = np.asarray(first, float), np.asarray(second, float)
    unit, other = first / np.linalg.norm(first), second / np.linalg.norm(second)
    across = other - (unit @ other) * unit
    across /= np.linalg.norm(across)
    angle = share * math.atan2(other @ across, unit @ other)
    return math.cos(angle) * unit + math.sin(angle) * across


def test_differences_added_to_the_first_layer_by_hand():
    layers = [np.array([1.0, 2.0]), np.array([3.0, 5.0]), np.array([10.0, 0.0])]
    by_hand = layers[0] + (layers[1] - layers[0]) + (layers[2] - layers[0])  # [12, 3]
    found = coefficients(MergeGroup((1, 2, 3), method="rdsc"), None)
    assert by_hand.tolist() == [12, 3] == (np.array(found) @ np.array(layers)).tolist()
    assert coefficients(MergeGroup((1, 2), method="rdsc"), None) == (0, 1), "of two layers it is the second"


def test_an_average_takes_the_weights_of_the_kind():
    group = MergeGroup((1, 2), (0.5, 0.5), kinds={"norms": (1.0, 0.0)})
    assert coefficients(group, "norms") == (1, 0)
    assert coefficients(group, "attention") == coefficients(group, None) == (0.5, 0.5)
    assert not needs_dots(group) and needs_dots(SLERP)


def test_a_quarter_of_a_right_angle():
    """Between (1, 0) and (0, 2): sin(67.5 degrees) and sin(22.5 degrees), which are known by heart."""
    found = coefficients(SLERP, None, dots(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])))
    assert found == pytest.approx((math.sqrt(2 + math.sqrt(2)) / 2, math.sqrt(2 - math.sqrt(2)) / 2), rel=1e-15)


@given(st.integers(0, 99), st.floats(0.01, 0.99))
def test_unit_vectors_stay_on_the_arc(seed, share):
    first, second = np.random.default_rng(seed).normal(size=(2, 7))
    first, second = first / np.linalg.norm(first), second / np.linalg.norm(second)
    group = MergeGroup((0, 1), (1 - share, share), method="slerp")
    one, other = coefficients(group, None, dots(torch.from_numpy(first), torch.from_numpy(second)))
    if abs(first @ second) <= PARALLEL:
        np.testing.assert_allclose(one * first + other * second, on_the_arc(first, second, share), atol=1e-9)


@pytest.mark.parametrize(
    "found",
    [Dots(1, 0.9996, 1), Dots(4, -8, 16), Dots(0, 0, 1), Dots(0, 0, 0), Dots(math.inf, 1, 1), Dots(1, math.nan, 1)],
    ids=["nearly parallel", "opposed", "first zero", "both zero", "endless", "no number"],
)
def test_without_an_arc_the_weights_stand(found):
    assert coefficients(SLERP, None, found) == (0.75, 0.25)


def test_just_beside_parallel_there_is_an_arc_and_it_is_the_chord_to_within_rounding():
    one, other = coefficients(SLERP, None, Dots(1, PARALLEL, 1))
    assert (one, other) != (0.75, 0.25) and (one, other) == pytest.approx((0.75, 0.25), abs=1e-4)


@pytest.mark.parametrize(("weights", "exact"), [((1.0, 0.0), (1.0, 0.0)), ((0.0, 1.0), (0.0, 1.0))])
@given(both=st.floats(-1, 1))
def test_the_ends_of_the_arc_are_the_layers_to_the_bit(weights, exact, both):
    assert coefficients(MergeGroup((0, 1), weights, method="slerp"), None, Dots(1, both, 1)) == exact


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_inner_products_are_those_of_numpy_also_piece_by_piece(dtype):
    generator = torch.Generator().manual_seed(1)
    first, second = (torch.randn(PIECE // 4, 7, generator=generator).to(dtype) for _ in range(2))
    one, other = (tensor.double().numpy().ravel() for tensor in (first, second))
    by_hand = (one @ one, one @ other, other @ other)
    whole = dots(first, second)
    assert (whole.first, whole.both, whole.second) == pytest.approx(by_hand, rel=1e-12)
    pieces = dots(first[:1000], second[:1000]) + dots(first[1000:], second[1000:])
    assert (pieces.first, pieces.both, pieces.second) == pytest.approx(by_hand, rel=1e-12)
    assert dots(torch.zeros(0), torch.zeros(0)) == Dots(0, 0, 0)


def test_opposed_layers_do_not_lose_their_length_as_an_average_does():
    first, second = torch.tensor([1.0, 0.0], dtype=torch.float64), torch.tensor([-0.6, 0.8], dtype=torch.float64)
    half = coefficients(MergeGroup((0, 1), (0.5, 0.5), method="slerp"), None, dots(first, second))
    assert average([first, second], half).norm().item() == pytest.approx(1)
    assert average([first, second], (0.5, 0.5)).norm().item() == pytest.approx(math.sqrt(0.2))


@pytest.mark.parametrize(
    ("name", "dimensions", "kind"),
    [
        ("self_attn.q_proj.weight", 2, "attention"),
        ("mlp.down_proj.weight", 2, "mlp"),
        ("mlp.experts.gate_up_proj", 3, "mlp"),
        ("input_layernorm.weight", 1, "norms"),
        ("self_attn.q_norm.weight", 1, "norms"),
        ("layer_scalar", 1, None),
    ],
)
def test_a_tensors_kind_is_told_from_its_name(name, dimensions, kind):
    assert kind_of(name, dimensions) == kind
