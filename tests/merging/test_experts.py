"""Layers that hold experts: refused unless a plan takes them by their numbers, and called doubtful then."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, MixtralConfig

from mka.errors import BadInput
from mka.merging.merge import merge
from mka.objects.plan import MergeGroup, MergePlan
from mka.planning.strategies import truncate
from tests.merging.models import LAYERS, arrays, hand_average, loaded, model_of


def mixtral():
    sizes = {"vocab_size": 259, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": LAYERS}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "num_local_experts": 3, "num_experts_per_tok": 2}
    torch.manual_seed(0)
    return loaded(AutoModelForCausalLM.from_config(MixtralConfig(**sizes, **heads), dtype=torch.float32))


def test_experts_are_refused_unless_taken_by_their_numbers():
    model = mixtral()
    with pytest.raises(BadInput, match=r"layer 2 holds experts.*by-index"):
        merge(model, MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5)),)))
    merged = merge(model, MergePlan(LAYERS, (MergeGroup((2, 3), (0.25, 0.75), experts="by-index"),))).model
    before = [arrays(model.stack.layers[layer]) for layer in (2, 3)]
    for name, tensor in arrays(merged.stack.layers[2]).items():
        expected = hand_average([one[name] for one in before], (0.25, 0.75))
        np.testing.assert_array_equal(tensor.astype(np.float32), expected.astype(np.float32), err_msg=name)
    assert merge(model, truncate(LAYERS, 2)).receipt.layers_after == LAYERS - 2


def test_experts_averaged_by_their_numbers_are_called_doubtful():
    by_number = MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5), experts="by-index"),))
    (warning,) = merge(mixtral(), by_number).receipt.warnings
    assert "layers 2, 3 were merged by their numbers" in warning and "evaluate" in warning and "\n" not in warning
    assert merge(model_of(), by_number).receipt.warnings == () == merge(mixtral(), truncate(LAYERS, 2)).receipt.warnings
