from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mka.errors import BadInput
from mka.models.loading import load
from mka.models.summary import summarize
from mka.objects.model_summary import EMBEDDING, NORMS, OTHER, TensorSummary
from mka.planning.planner import plan
from mka.planning.savings import savings
from tests.planning.builders import summary_of

SUMMARY = summary_of([10, 20, 30, 40, 50])


def saved(*groups):
    return savings(SUMMARY, plan(5, groups=groups))


def test_a_dropped_layer_takes_its_parameters_along():
    found = saved({"layers": [1, 3], "method": "drop"})
    assert found.layers == (5, 3)
    assert found.parameters == (1150, 1150 - 20 - 40)
    assert found.bytes == (2300, 2 * (1150 - 20 - 40))
    assert found.cache_bytes_per_token == (320, 192)
    assert found.compression_ratio == pytest.approx(2 / 5)
    assert found.parameter_ratio == pytest.approx(60 / 1150)


def test_an_average_weighs_one_of_its_layers_and_a_survivor_what_it_weighed():
    assert saved([1, 2, 3]).parameters[1] == 1150 - 30 - 40
    assert saved({"layers": [1, 2], "method": "keep", "layer": 2}).parameters[1] == 1150 - 20


def test_a_token_meets_each_weight_of_the_layers_and_the_head_twice():
    tied = saved({"layers": [1, 3], "method": "drop"})
    assert tied.flops_per_token == (2 * (150 + 800), 2 * (150 - 20 - 40 + 800)), "the head is the embedding matrix"
    apart = replace(SUMMARY, tied_embeddings=False, head_parameters=700)
    assert savings(apart, plan(5, groups=[[1, 2, 3]])).flops_per_token == (2 * (150 + 700), 2 * (10 + 20 + 50 + 700))


def test_the_demo_models_flops_are_those_of_its_matrix_products():
    """By hand: 4 attention matrices of 128 x 128 and 3 of 128 x 352 in each of 12 layers, and a head of 1536 x 128;
    the norms, 2 x 128 in each layer, come on top. And as PyTorch counts the products, attention included."""
    model = load("demo")
    matrices = 12 * (4 * 128 * 128 + 3 * 128 * 352) + 1536 * 128
    counted = savings(summarize(model), plan(12, groups=[])).flops_per_token[0]
    assert counted == 2 * (matrices + 12 * 2 * 128)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.network(torch.ones(1, 1, dtype=torch.long))
    products = counter.get_total_flops()
    assert products >= 2 * matrices and counted == pytest.approx(products, rel=0.002)


def test_a_plan_of_no_groups_saves_nothing():
    found = saved()
    assert found.parameters[0] == found.parameters[1] and found.compression_ratio == 0 == found.parameter_ratio


def test_a_plan_for_another_depth_is_refused():
    with pytest.raises(BadInput, match="for 4 layers, but the model has 5"):
        savings(SUMMARY, plan(4, groups=[[1, 2]]))


def test_what_holds_a_slice_per_layer_loses_one_with_each():
    """By hand: slices of 5 x 4 and 5 x 6 parameters, two bytes each; a tensor of another name stays as it is."""
    outside = (
        TensorSummary("model.embed_tokens_per_layer.weight", (4, 5), EMBEDDING),
        TensorSummary("model.per_layer_model_projection.weight", (5, 6), OTHER),
        TensorSummary("model.norm.weight", (7,), NORMS),
    )
    found = savings(replace(SUMMARY, outside=outside), plan(5, groups=[{"layers": [1, 3], "method": "drop"}]))
    gone = 20 + 40 + 2 * (4 + 6)
    assert found.parameters == (1150, 1150 - gone) and found.bytes == (2300, 2300 - 2 * gone)
