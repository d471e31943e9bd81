from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mka.merging.averaging import PIECE, average, relative_change
from mka.planning.strategies import chained

HALVES = [torch.bfloat16, torch.float16]
DTYPES = [*HALVES, torch.float32, torch.float64]


def random(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3,), (5, 7), (2, 3, 4), (0,), (PIECE + 7,)])
def test_the_average_is_that_of_numpy_rounded_once(dtype, shape):
    weights = (0.2, 0.5, 0.3)
    tensors = [random(*shape, seed=seed, dtype=dtype) for seed in range(3)]
    wide = np.float32 if dtype in HALVES else np.float64
    summed = sum(
        tensor.to(torch.float64).numpy().astype(wide) * wide(w) for tensor, w in zip(tensors, weights, strict=True)
    )
    expected = torch.from_numpy(np.asarray(summed)).to(dtype)
    found = average(tensors, weights)
    assert found.dtype == dtype and found.shape == tensors[0].shape
    assert torch.equal(found, expected)


def test_float32_is_summed_in_float64():
    tensors = [torch.tensor([value]) for value in (1e8, 1.0, -1e8)]
    assert average(tensors, (0.25, 0.5, 0.25)).item() == 0.5


@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_is_summed_in_float32(dtype):
    # In float16 or bfloat16 each further 1/1024 would be lost beside 1.
    tensors = [torch.ones(1, dtype=dtype)] * 2 + [torch.full((1,), 2.0**-8, dtype=dtype)] * 2
    found = average(tensors, (0.25, 0.25, 0.25, 0.25))
    assert found.item() == torch.tensor((2 + 2 * 2.0**-8) / 4).to(dtype).item()


def test_layouts_do_not_matter():
    turned, plain = random(6, 4).T, random(4, 6, seed=1)
    expected = 0.5 * turned.double() + 0.5 * plain.double()
    assert torch.equal(average([turned, plain], (0.5, 0.5)), expected.float())
    assert average([turned, plain], (0.5, 0.5)).is_contiguous()


def test_a_zero_weight_keeps_nan_out():
    bad = torch.full((4,), math.nan)
    found = average([bad, random(4), random(4, seed=1)], (0.0, 0.5, 0.5))
    assert torch.equal(found, (0.5 * random(4).double() + 0.5 * random(4, seed=1).double()).float())


def test_the_only_tensor_with_a_weight_is_returned_as_it_is():
    tensors = [random(4), random(4, seed=1)]
    assert average(tensors, (0.0, 1.0)) is tensors[1]
    assert average(tensors, (1.0, 0.0)) is tensors[0]


@given(st.sampled_from(DTYPES[:3]), st.lists(st.floats(0, 1), min_size=1, max_size=6), st.integers(0, 99))
def test_equal_tensors_average_to_themselves(dtype, ratios, seed):
    tensor = random(50, seed=seed, dtype=dtype)
    weights = chained(ratios)
    assert torch.equal(average([tensor.clone() for _ in weights], weights), tensor)


def test_the_operands_stay_as_they_were():
    tensors = [random(9), random(9, seed=1)]
    average(tensors, (0.5, 0.5))
    assert torch.equal(tensors[0], random(9)) and torch.equal(tensors[1], random(9, seed=1))


def test_relative_change_is_the_norm_of_the_difference():
    old, new = random(3, PIECE), random(3, PIECE, seed=1)
    by_hand = np.linalg.norm(new.double().numpy() - old.double().numpy()) / np.linalg.norm(old.double().numpy())
    assert relative_change(new, old) == pytest.approx(by_hand, rel=1e-12)
    assert relative_change(torch.tensor([3.0, 4.0]), torch.tensor([0.0, 5.0])) == pytest.approx(math.sqrt(10) / 5)


def test_relative_change_of_zeros():
    zero, one = torch.zeros(3), torch.ones(3)
    assert relative_change(zero, zero) == 0
    assert relative_change(one, zero) == math.inf
    assert relative_change(torch.zeros(0), torch.zeros(0)) == 0


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("share", [0.1, 0.4, 0.5, 0.9])
def test_two_halves_are_rounded_once(dtype, share):
    one, other = random(1000, seed=1, dtype=dtype), random(1000, seed=2, dtype=dtype)
    expected = (1 - share) * one.double() + share * other.double()
    off = (average([one, other], (1 - share, share)).double() - expected).abs()
    # Half a unit in the last place, and what float32 lost before.
    assert bool((off <= expected.abs() * torch.finfo(dtype).eps / 2 + 1e-6).all())


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_a_relative_change_of_very_small_and_large_numbers(scale):
    old = random(PIECE + 5, dtype=torch.float64) * scale
    new, old = (old * 1.5).to(torch.bfloat16), old.to(torch.bfloat16)
    expected = float((new.double() - old.double()).norm() / old.double().norm())
    assert relative_change(new, old) == pytest.approx(expected, rel=1e-6)
