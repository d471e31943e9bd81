"""The repairs as facts and as what carries them out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mka.errors import BadInput
from mka.merging.merge import merge
from mka.merging.repair.repairs import CARRY_OUT
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.repairs import NONE, REPAIRS
from tests.architectures.survey import tiny_network as of_any_type
from tests.merging.models import loaded, model_of, same_state
from tests.merging.repair.texts import TEXTS, explicit
from tests.tiny import tiny_network


def test_every_repair_is_told_and_carried_out() -> None:
    assert list(CARRY_OUT) == list(REPAIRS) and NONE not in REPAIRS
    assert all(name == repair.name for name, repair in REPAIRS.items())


@pytest.mark.parametrize("name", ["linear", "refit"])
def test_a_model_that_trains_is_repaired_as_one_that_does_not(name: str) -> None:
    cut = MergePlan(4, (MergeGroup((2,), method="drop"),))
    resting, training = model_of("gpt2", 4), model_of("gpt2", 4)
    training.network.train()
    torch.manual_seed(7)
    ours, theirs = (merge(model, cut, repair=name, calibration=TEXTS) for model in (training, resting))
    assert ours.receipt.repaired and ours.receipt == theirs.receipt
    assert same_state(ours.model.network, theirs.model.network)
    assert all(module.training for network in (training.network, ours.model.network) for module in network.modules())


@pytest.mark.parametrize("name", list(REPAIRS))
def test_a_device_without_float64_is_refused_with_the_way_out(name: str) -> None:
    apple = replace(model_of("llama", 4), device="mps")
    with pytest.raises(BadInput, match=r"float64, which mps does not know; use --device cpu"):
        merge(apple, MergePlan(4, (MergeGroup((2,), method="drop"),)), repair=name, calibration=TEXTS)


@pytest.mark.parametrize("name", list(REPAIRS))
def test_experts_are_refused_with_the_one_way_out_that_there_is(name: str) -> None:
    model = loaded(tiny_network("mixtral", 4, num_local_experts=3, num_experts_per_tok=2))
    with pytest.raises(BadInput, match=r"MixtralForCausalLM cannot be repaired.*merge with repair none"):
        merge(model, MergePlan(4, (MergeGroup((2,), method="drop"),)), repair=name, calibration=TEXTS)


@pytest.mark.parametrize("name", ["transplant", "refit"])
def test_a_recurrence_whose_config_knows_no_heads_is_repaired(name: str) -> None:
    model = loaded(of_any_type("mamba"))
    cut = MergePlan(6, (MergeGroup((3,), method="drop"),))
    plain, mended = merge(model, cut).model, merge(model, cut, repair=name, calibration=TEXTS).model
    wanted, found, before = (
        np.concatenate(explicit(one, one.stack.depth - 1, "mixer.out_proj")["out"]) for one in (model, mended, plain)
    )
    assert np.linalg.norm(found - wanted) < np.linalg.norm(before - wanted)
