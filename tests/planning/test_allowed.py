"""What a description allows, against what merging really does on tiny models of every kind."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from mka.errors import BadInput
from mka.merging.merge import merge
from mka.models.loaded import LoadedModel
from mka.models.summary import summarize
from mka.objects.model_summary import LayerSummary
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.similarity import Similarity
from mka.planning.allowed import NOTHING, TYPE, Allowed, Obstacle, allowed
from mka.planning.planner import plan
from mka.planning.strategies import STRATEGIES
from tests.merging.models import LAYERS, model_of
from tests.studio.builders import a_summary

EXPERTS = {"num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 8, "head_dim": 4}
MODELS = {
    "llama": ("llama", {}),
    "gemma2": ("gemma2", {}),
    "gemma3": ("gemma3", {}),
    "gpt2": ("gpt2", {}),
    "gpt2 by its number": ("gpt2", {"scale_attn_by_inverse_layer_idx": True}),
    "mixtral": ("mixtral", {"num_local_experts": 3, "num_experts_per_tok": 2}),
    "dense, then experts": ("qwen3_moe", {**EXPERTS, "mlp_only_layers": [0, 1, 2], "decoder_sparse_step": 1}),
    "experts, then dense": ("qwen3_moe", {**EXPERTS, "mlp_only_layers": [3, 4, 5], "decoder_sparse_step": 1}),
    "every second with experts": ("qwen3_moe", {**EXPERTS, "mlp_only_layers": [], "decoder_sparse_step": 2}),
}


@cache
def made(name: str) -> tuple[LoadedModel, Allowed]:
    family, config = MODELS[name]
    model = model_of(family, **config)
    return model, allowed(summarize(model))


def taken(model: LoadedModel, *groups: MergeGroup) -> bool:
    try:
        merge(model, MergePlan(LAYERS, groups))
    except BadInput:
        return False
    return True


@pytest.mark.parametrize("name", MODELS)
def test_neighbours_average_where_it_says_so(name: str):
    model, found = made(name)
    for first in range(LAYERS - 1):
        pair = MergeGroup((first, first + 1), (0.5, 0.5))
        assert found.averages(first) == taken(model, pair), first
        together = any(begin <= first < end for begin, end in found.runs)
        assert (together and first + 1 not in found.fixed) == taken(model, replace(pair, experts="by-index")), first


@pytest.mark.parametrize("name", MODELS)
def test_layers_of_one_kind_average_where_none_is_fixed(name: str):
    model, found = made(name)
    kind = {layer: layers for layers in found.alike for layer in layers}
    for first in range(LAYERS):
        for other in range(first + 2, LAYERS):
            group = MergeGroup((first, other), (0.5, 0.5), experts="by-index")
            alike = other in kind.get(first, ())
            assert (alike and other not in found.fixed) == taken(model, group), (first, other)


@pytest.mark.parametrize("name", MODELS)
def test_layers_are_deleted_where_it_says_so(name: str):
    model, found = made(name)
    for layer in range(LAYERS):
        assert (layer not in found.fixed) == taken(model, MergeGroup((layer,), method="drop")), layer
    assert found.known


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", MODELS)
def test_a_strategy_removes_at_most_what_it_says(name: str, strategy: str):
    """Over similarities of every kind, the most that a strategy's plans remove and merging takes is the figure."""
    model, found = made(name)
    reach = next(one for one in found.reaches if one.strategy == strategy)
    reached, refused = 0, False
    for seed in range(12):
        values = np.random.default_rng(seed).uniform(0.1, 0.9, (LAYERS, LAYERS))
        similarity = Similarity((values + values.T) / 2, "npib", (0.0, 1.0), True)
        for remove in range(1, LAYERS):
            try:
                merge(model, plan(model, strategy=strategy, remove=remove, similarity=similarity))
            except BadInput:
                refused |= remove <= reach.most
            else:
                reached = max(reached, remove)
    assert reached == reach.most
    assert not (reach.sure and refused), "what is sure is never refused"


def test_the_first_neighbours_that_differ_are_named_as_merging_names_them():
    model, found = made("dense, then experts")
    assert found.obstacle is not None and found.obstacle.layers == (2, 3)
    with pytest.raises(BadInput) as caught:
        merge(model, MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5)),)))
    one, other = found.obstacle.sides
    assert f"{found.obstacle.differs} is {one} in layer 2 and {other} in layer 3" in str(caught.value)
    assert NOTHING in found.obstacle.sides
    assert made("gemma3")[1].obstacle == Obstacle((1, 2), TYPE, ("sliding_attention", "full_attention"))
    assert made("llama")[1].obstacle is None


def test_by_hand():
    every = allowed(a_summary(6))
    assert every.runs == ((0, 5),) and every.alike == ((0, 1, 2, 3, 4, 5),) and not every.known
    assert [(one.strategy, one.most) for one in every.reaches] == [
        ("mka", 4), ("mka-code", 5), ("truncate", 5), ("shortgpt", 5), ("angular", 5),
    ]  # fmt: skip
    types = ("s", "s", "f", "s", "s", "s")
    layers = tuple(LayerSummary(i, kind, 100, 400, 0) for i, kind in enumerate(types))
    mixed = allowed(replace(a_summary(6), layer_types=types, per_layer=layers))
    assert mixed.runs == ((0, 1), (3, 5)) and mixed.alike == ((0, 1, 3, 4, 5),)
    assert [one.most for one in mixed.reaches] == [2, 2, 5, 5, 5]
    other = (*layers[:5], replace(layers[5], shape_class=1))
    old = allowed(replace(a_summary(6), layer_types=types, per_layer=other))
    assert old.runs == ((0, 1), (3, 4)) and [one.most for one in old.reaches] == [1, 0, 5, 5, 5]


def test_one_layer_allows_nothing():
    one = allowed(a_summary(1))
    assert (one.runs, one.obstacle, one.only_last) == ((), None, False)
    assert {reach.most for reach in one.reaches} == {0}


def test_where_the_number_counts_only_the_last_layers_go():
    found = made("gpt2 by its number")[1]
    assert found.only_last and found.fixed == (0, 1, 2, 3, 4)
    assert not made("llama")[1].only_last
