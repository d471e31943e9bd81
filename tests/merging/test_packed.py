"""Slices that lie outside the layers: cut with them, and averaged where they are."""

from __future__ import annotations

import numpy as np
import pytest

from mka.merging.merge import merge
from mka.models.summary import summarize
from mka.objects.plan import MergeGroup, MergePlan
from mka.planning.savings import savings
from tests.merging.models import arrays, loaded, logits
from tests.tiny import tiny_network

LAYERS, WIDTH = 6, 4
SLIDING, FULL = "sliding_attention", "full_attention"
EMBEDDING, PROJECTION = "model.embed_tokens_per_layer.weight", "model.per_layer_model_projection.weight"


@pytest.fixture(scope="module")
def model():
    types = [SLIDING] * (LAYERS - 1) + [FULL]
    heads = {"head_dim": 4, "global_head_dim": 4, "sliding_window": 8}
    packed = {"vocab_size_per_layer_input": 259, "hidden_size_per_layer_input": WIDTH}
    return loaded(tiny_network("gemma4_text", LAYERS, layer_types=types, **heads, **packed))


def layers_first(state):
    """Each packed tensor as (layers, rows, columns)."""
    embedding, projection = state[EMBEDDING], state[PROJECTION]
    return (
        embedding.reshape(len(embedding), -1, WIDTH).transpose(1, 0, 2),
        projection.reshape(-1, WIDTH, projection.shape[1]),
    )


@pytest.mark.parametrize("tensors", ["all", "projections"])
def test_slices_go_where_their_layers_go(model, tensors):
    group = MergeGroup((2, 3), (0.25, 0.75), tensors=tensors)
    merged = merge(model, MergePlan(LAYERS, (MergeGroup((1,), method="drop"), group)))
    for before, after in zip(
        layers_first(arrays(model.network)), layers_first(arrays(merged.model.network)), strict=True
    ):
        averaged = 0.25 * before[2] + 0.75 * before[3] if tensors == "all" else before[2]
        expected = np.stack([before[0], averaged, before[4], before[5]])
        np.testing.assert_array_equal(after, expected.astype(np.float32))
    assert merged.model.network.model.embed_tokens_per_layer.embedding_dim == 4 * WIDTH
    assert merged.model.network.model.per_layer_model_projection.out_features == 4 * WIDTH
    assert model.network.model.embed_tokens_per_layer.embedding_dim == LAYERS * WIDTH
    assert logits(merged.model).isfinite().all()


def test_the_receipt_names_them(model):
    merged = merge(model, MergePlan(LAYERS, (MergeGroup((1,), method="drop"),)))
    told = {change.name: (change.sources, change.weights, change.relative_change) for change in merged.receipt.changes}
    assert told == {name: ((name,), (1.0,), 0.0) for name in (EMBEDDING, PROJECTION)}


def test_an_empty_plan_leaves_them_alone(model):
    merged = merge(model, MergePlan(LAYERS))
    assert merged.receipt.changes == ()
    ours, theirs = model.network.state_dict(), merged.model.network.state_dict()
    assert all(ours[name].data_ptr() == theirs[name].data_ptr() for name in (EMBEDDING, PROJECTION))


def test_as_much_is_gone_as_was_counted_before(model):
    plan = MergePlan(LAYERS, (MergeGroup((1,), method="drop"), MergeGroup((2, 3), (0.5, 0.5))))
    receipt, counted = merge(model, plan).receipt, savings(summarize(model), plan)
    assert counted.parameters == (receipt.parameters_before, receipt.parameters_after)
    assert counted.bytes == (receipt.bytes_before, receipt.bytes_after)
