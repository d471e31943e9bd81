"""The repairs as facts and as what carries them out."""

from __future__ import annotations

import pytest
import torch

from mka.merging.merge import merge
from mka.merging.repair.repairs import CARRY_OUT
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.repairs import NONE, REPAIRS
from tests.merging.models import model_of, same_state
from tests.merging.repair.texts import TEXTS


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
