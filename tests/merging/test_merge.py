from __future__ import annotations

import copy
import gc
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from mka.errors import BadInput, Cancelled
from mka.merging.merge import merge
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.progress import Cancel
from mka.planning.planner import plan
from mka.planning.strategies import drop_keep_last, truncate
from tests.merging.models import IDS, LAYERS, PAIRS, arrays, hand_average, loaded, logits, model_of, same_state
from tests.tiny import FAMILIES, tiny_network


@pytest.fixture(scope="module")
def llama():
    return model_of()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_tensor_of_a_merged_layer_is_the_average_done_by_hand(family):
    model = model_of(family)
    first, second = PAIRS[family]
    before = arrays(model.network)
    group = MergeGroup((first, second), (0.3, 0.7))
    merged = merge(model, MergePlan(LAYERS, (group,))).model
    after, path = arrays(merged.network), model.stack.path
    names = [name.removeprefix(f"{path}.{first}.") for name in before if name.startswith(f"{path}.{first}.")]
    assert len(names) >= 6
    for name in names:
        old = [before[f"{path}.{layer}.{name}"] for layer in (first, second)]
        expected = hand_average(old, (0.3, 0.7)).astype(np.float32)
        np.testing.assert_array_equal(after[f"{path}.{first}.{name}"].astype(np.float32), expected, err_msg=name)


def expected_of(method, tensors):
    """A merged tensor by the formulas of the papers, in numpy."""
    if method == "rdsc":
        return tensors[0] + sum(tensor - tensors[0] for tensor in tensors[1:])
    first, second = (tensor.ravel() for tensor in tensors)
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    if abs(cosine) > 0.9995:
        return 0.4 * tensors[0] + 0.6 * tensors[1]
    angle = np.arccos(cosine)
    return (np.sin(0.4 * angle) * tensors[0] + np.sin(0.6 * angle) * tensors[1]) / np.sin(angle)


@pytest.mark.parametrize(
    "group",
    [MergeGroup((2, 3), (0.4, 0.6), method="slerp"), MergeGroup((1, 3, 4), method="rdsc")],
    ids=lambda group: group.method,
)
def test_other_methods_follow_their_papers_and_the_receipt_tells_the_coefficients(llama, group):
    before = arrays(llama.network)
    made = merge(llama, MergePlan(LAYERS, (group,)))
    after = arrays(made.model.network)
    first = group.layers[0]
    assert len(made.receipt.changes) == 9, "every tensor of a Llama layer"
    for change in made.receipt.changes:
        name = change.name.removeprefix(f"model.layers.{first}.")
        old = [before[f"model.layers.{layer}.{name}"] for layer in group.layers]
        np.testing.assert_allclose(after[change.name], expected_of(group.method, old), rtol=1e-6, atol=1e-7)
        told = sum(weight * before[source] for weight, source in zip(change.weights, change.sources, strict=True))
        np.testing.assert_array_equal(after[change.name].astype(np.float32), told.astype(np.float32))
    if group.method == "rdsc":
        assert {change.weights for change in made.receipt.changes} == {(-1.0, 1.0, 1.0)}


def test_differences_of_two_layers_leave_the_second_to_the_bit(llama):
    added = merge(llama, MergePlan(LAYERS, (MergeGroup((2, 3), method="rdsc"),)))
    kept = merge(llama, MergePlan(LAYERS, (MergeGroup((2, 3), method="keep", layer=3),)))
    assert same_state(added.model.network, kept.model.network)


def test_each_kind_of_tensor_is_merged_by_its_own_weights(llama):
    kinds = {"attention": (0.0, 1.0), "norms": (1.0, 0.0)}
    made = merge(llama, MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5), kinds=kinds),)))
    before, after = llama.network.state_dict(), made.model.network.state_dict()
    for name in (name for name in after if name.startswith("model.layers.2.")):
        other = name.replace("layers.2", "layers.3")
        if "attn" in name:
            assert torch.equal(after[name], before[other]), name
        elif "norm" in name:
            assert after[name].data_ptr() == before[name].data_ptr(), name
        else:
            assert torch.equal(after[name], ((before[name].double() + before[other].double()) / 2).float()), name


@pytest.mark.parametrize("family", FAMILIES)
def test_the_rest_of_the_model_is_shared_and_moves_up(family):
    model = model_of(family)
    pair, path = PAIRS[family], model.stack.path
    made = plan(model, groups=[{"layers": [1], "method": "drop"}, pair])
    merged = merge(model, made).model
    ours, theirs = model.network.state_dict(), merged.network.state_dict()
    for name, tensor in theirs.items():
        if not name.startswith(f"{path}."):
            assert tensor.data_ptr() == ours[name].data_ptr(), name
            continue
        place, rest = name.removeprefix(f"{path}.").split(".", 1)
        sources = made.layer_map[int(place)]
        shared = tensor.data_ptr() == ours[f"{path}.{sources[0]}.{rest}"].data_ptr()
        assert shared == (len(sources) == 1), name
    assert len(theirs) == len(ours) - 2 * len(list(model.stack.layers[0].state_dict()))


def sliced(model, keep):
    """The independent reference: a deep copy whose module list and config are cut by hand."""
    network = copy.deepcopy(model.network)
    parent, _, name = model.stack.path.rpartition(".")
    layers = network.get_submodule(model.stack.path)
    setattr(network.get_submodule(parent), name, nn.ModuleList(layers[layer] for layer in keep))
    setattr(network.config, model.stack.depth_key, len(keep))
    if getattr(network.config, "layer_types", None):
        network.config.layer_types = [network.config.layer_types[layer] for layer in keep]
    return network


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("control", [truncate, drop_keep_last])
def test_deletion_is_slicing_the_model(family, control):
    model = model_of(family)
    made = control(LAYERS, 2)
    reference = sliced(model, [place[0] for place in made.layer_map])
    merged = merge(model, made).model
    assert same_state(merged.network, reference)
    assert torch.equal(logits(merged), logits(reference))


@pytest.mark.parametrize("family", FAMILIES)
def test_generation_with_a_cache_equals_generation_without(family):
    model = model_of(family)
    merged = merge(model, plan(model, groups=[{"layers": [1], "method": "drop"}, PAIRS[family]])).model
    cached, uncached = (
        merged.network.generate(IDS, max_new_tokens=12, min_new_tokens=12, do_sample=False, use_cache=use)
        for use in (True, False)
    )
    assert torch.equal(cached, uncached)
    numbers = [[getattr(part, "layer_idx", None) for part in layer.modules()] for layer in merged.stack.layers]
    for place, found in enumerate(numbers):
        assert set(found) <= {None, place} and place in found


def twins(dtype=torch.float32):
    """A model whose layer 3 is a copy of its layer 2."""
    network = tiny_network("llama", LAYERS)
    network.model.layers[3].load_state_dict(network.model.layers[2].state_dict())
    return loaded(network.to(dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.6, 0.4), (1 / 3, 2 / 3)])
def test_merging_two_identical_layers_is_deleting_one(dtype, weights):
    model = twins(dtype)
    merged = merge(model, MergePlan(LAYERS, (MergeGroup((2, 3), weights),))).model
    deleted = merge(model, MergePlan(LAYERS, (MergeGroup((3,), method="drop"),))).model
    assert same_state(merged.network, deleted.network)
    assert torch.equal(logits(merged), logits(deleted))


@pytest.mark.parametrize(("weights", "gone", "stays"), [((1.0, 0.0), 3, 2), ((0.0, 1.0), 2, 3)])
def test_the_weights_1_and_0_delete_or_keep_to_the_bit(llama, weights, gone, stays):
    merged = merge(llama, MergePlan(LAYERS, (MergeGroup((2, 3), weights),)))
    deleted = merge(llama, MergePlan(LAYERS, (MergeGroup((gone,), method="drop"),))).model
    kept = merge(llama, MergePlan(LAYERS, (MergeGroup((2, 3), method="keep", layer=stays),))).model
    assert same_state(merged.model.network, deleted.network) and same_state(kept.network, deleted.network)
    assert torch.equal(logits(merged.model), logits(deleted)) and torch.equal(logits(kept), logits(deleted))
    assert merged.receipt.shared_tensors == len(deleted.network.state_dict())


def test_a_kept_layer_stands_at_its_groups_first_place(llama):
    group = MergeGroup((1, 4), method="keep", layer=4)
    merged = merge(llama, MergePlan(LAYERS, (group,)))
    assert merged.plan.layer_map == ((0,), (4,), (2,), (3,), (5,))
    assert same_state(merged.model.stack.layers[1], llama.stack.layers[4])
    assert merged.receipt.changes == () and merged.receipt.removed == (1,)
    assert merged.receipt.renumbered == ((4, 1), (5, 4))


PROJECTIONS = "q_proj k_proj v_proj o_proj gate_proj up_proj down_proj".split()


def test_projections_are_averaged_and_the_rest_stays_the_first_layers(llama):
    group = MergeGroup((2, 3, 4), (0.5, 0.3, 0.2), tensors="projections")
    merged = merge(llama, MergePlan(LAYERS, (group,)))
    before = [arrays(llama.stack.layers[layer]) for layer in (2, 3, 4)]
    after = arrays(merged.model.stack.layers[2])
    averaged = {name for name in after if name.split(".")[-2] in PROJECTIONS}
    assert len(averaged) == 7 and len(after) == 9
    for name, tensor in after.items():
        expected = hand_average([one[name] for one in before], group.weights) if name in averaged else before[0][name]
        np.testing.assert_array_equal(tensor.astype(np.float32), expected.astype(np.float32))
    assert {change.name.split(".", 3)[3] for change in merged.receipt.changes} == averaged


@pytest.mark.parametrize(
    ("family", "matrices"),
    [
        ("gpt2", "attn.c_attn attn.c_proj mlp.c_fc mlp.c_proj"),
        ("gpt_neox", "attention.query_key_value attention.dense mlp.dense_h_to_4h mlp.dense_4h_to_h"),
        ("phi3", "self_attn.qkv_proj self_attn.o_proj mlp.gate_up_proj mlp.down_proj"),
        ("phi", "self_attn.q_proj self_attn.k_proj self_attn.v_proj self_attn.dense mlp.fc1 mlp.fc2"),
        ("qwen3", " ".join(f"{'self_attn' if i < 4 else 'mlp'}.{name}" for i, name in enumerate(PROJECTIONS))),
    ],
)
def test_projections_go_by_other_names_elsewhere(family, matrices):
    model = model_of(family)
    group = MergeGroup((2, 3), (0.5, 0.5), tensors="projections")
    changes = merge(model, MergePlan(LAYERS, (group,))).receipt.changes
    path = f"{model.stack.path}.2."
    assert {change.name.removeprefix(path) for change in changes} == {f"{name}.weight" for name in matrices.split()}


@pytest.mark.parametrize("family", ["llama", "gemma3", "gpt2"])
def test_the_source_stays_as_it_was(family):
    model = model_of(family)
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    config, answer = model.network.config.to_dict(), logits(model)
    merged = merge(model, plan(model, groups=[{"layers": [1], "method": "drop"}, PAIRS[family]])).model
    merged.network.generate(IDS, max_new_tokens=3)
    merged.network.to(torch.bfloat16).requires_grad_(True).train()
    merged.network.config.use_cache = False
    after = model.network.state_dict()
    assert all(
        torch.equal(tensor, after[name]) and tensor.dtype == after[name].dtype for name, tensor in before.items()
    )
    assert model.network.config.to_dict() == config and model.stack.depth == len(model.stack.layers) == LAYERS
    assert not any(parameter.requires_grad for parameter in model.network.parameters()) and not model.network.training
    for place, layer in enumerate(model.stack.layers):
        assert {vars(part).get("layer_idx", place) for part in layer.modules()} == {place}
    assert torch.equal(logits(model), answer)


def test_every_part_of_the_merged_model_reads_its_config():
    model = model_of("gemma3")
    merged = merge(model, drop_keep_last(LAYERS, 1)).model
    held = [vars(part)["config"] for part in merged.network.modules() if "config" in vars(part)]
    assert len(held) > LAYERS and all(config is merged.network.config for config in held)
    assert not set(merged.network.modules()) & set(model.network.modules())
    assert merged.network.config is not model.network.config


def test_memory_grows_by_the_merged_layers_alone(llama):
    merged = merge(llama, plan(llama, groups=[[1, 2], [3, 4, 5]])).model
    known = {tensor.untyped_storage().data_ptr() for tensor in llama.network.state_dict().values()}
    new = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in merged.network.state_dict().values()}
    layer = sum(tensor.numel() * tensor.element_size() for tensor in llama.stack.layers[0].parameters())
    assert sum(size for place, size in new.items() if place not in known) == 2 * layer


def test_a_merged_model_can_be_merged_again(llama):
    once = merge(llama, MergePlan(LAYERS, (MergeGroup((2, 3), (0.25, 0.75)),)))
    twice = merge(once.model, MergePlan(LAYERS - 1, (MergeGroup((2, 3), (0.5, 0.5)),)))
    before, after = arrays(llama.network), arrays(twice.model.network)
    for name in arrays(llama.stack.layers[0]):
        inner = hand_average([before[f"model.layers.{layer}.{name}"] for layer in (2, 3)], (0.25, 0.75))
        inner = inner.astype(np.float32).astype(np.float64)
        expected = hand_average([inner, before[f"model.layers.4.{name}"]], (0.5, 0.5))
        np.testing.assert_array_equal(after[f"model.layers.2.{name}"], expected.astype(np.float32))
    assert twice.source is once.model and twice.receipt.layers_before == LAYERS - 1
    at_once = merge(llama, MergePlan(LAYERS, (MergeGroup((2, 3, 4), (0.125, 0.375, 0.5)),))).model
    torch.testing.assert_close(logits(twice.model), logits(at_once), rtol=1e-5, atol=1e-5)


def test_tied_embeddings_stay_tied():
    merged = merge(model_of("llama", tie_word_embeddings=True), truncate(LAYERS, 1)).model.network
    assert merged.get_output_embeddings().weight is merged.get_input_embeddings().weight


def test_an_empty_plan_is_the_same_model(llama):
    merged = merge(llama, MergePlan(LAYERS))
    assert same_state(merged.model.network, llama.network) and merged.receipt.changes == ()
    assert merged.receipt.shared_tensors == len(llama.network.state_dict())


def test_layers_of_two_types_are_named():
    model = model_of("gemma2")
    made = MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5)),))
    with pytest.raises(BadInput, match="layer 2 is sliding_attention and layer 3 is full_attention"):
        merge(model, made)


def test_layers_of_two_shapes_are_named():
    network = tiny_network("llama", LAYERS)
    wide = tiny_network("llama", LAYERS, intermediate_size=64)
    network.model.layers[3].mlp = wide.model.layers[3].mlp
    model = loaded(network)
    made = MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5)),))
    with pytest.raises(BadInput, match=r"mlp.gate_proj.weight is \(32, 16\) in layer 2 and \(64, 16\) in layer 3"):
        merge(model, made)
    assert merge(model, MergePlan(LAYERS, (MergeGroup((2, 3), method="keep", layer=3),))).receipt.layers_after == 5


def test_layers_of_other_tensors_are_named():
    network = tiny_network("llama", LAYERS)
    network.model.layers[4].self_attn.q_proj.bias = nn.Parameter(torch.zeros(16))
    made = MergePlan(LAYERS, (MergeGroup((3, 4), (0.5, 0.5)),))
    with pytest.raises(BadInput, match=r"q_proj.bias is nothing in layer 3"):
        merge(loaded(network), made)


def buffered(codes):
    """Layers with a saved float buffer, an unsaved one and a saved one of whole numbers, `codes[layer]`."""
    network = tiny_network("llama", LAYERS)
    for number, layer in enumerate(network.model.layers):
        layer.mlp.register_buffer("scale", torch.full((2,), float(number)))
        layer.mlp.register_buffer("scratch", torch.full((2,), float(number)), persistent=False)
        layer.mlp.register_buffer("codes", torch.tensor([codes[number]]))
    return loaded(network)


def test_saved_buffers_are_averaged_and_others_stay():
    model = buffered([7] * LAYERS)
    mlp = merge(model, MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5)),))).model.stack.layers[2].mlp
    assert mlp.scale.tolist() == [2.5, 2.5] and mlp.scratch.tolist() == [2.0, 2.0] and mlp.codes.tolist() == [7]
    assert model.stack.layers[2].mlp.scale.tolist() == [2.0, 2.0]


def test_whole_numbers_that_differ_are_refused():
    made = MergePlan(LAYERS, (MergeGroup((2, 3), (0.5, 0.5)),))
    with pytest.raises(BadInput, match=r"mlp.codes holds int64 and differs between layers 2 and 3"):
        merge(buffered(range(LAYERS)), made)


def test_what_two_layers_share_stays_shared():
    network = tiny_network(layers=LAYERS)
    network.model.layers[3].mlp = network.model.layers[2].mlp
    merged = merge(loaded(network), MergePlan(LAYERS, (MergeGroup((2, 3), (0.3, 0.7)),)))
    ours, theirs = network.model.layers[2].mlp, merged.model.stack.layers[2].mlp
    assert ours.up_proj.weight.data_ptr() == theirs.up_proj.weight.data_ptr()
    assert not any(".mlp." in change.name for change in merged.receipt.changes)


def test_a_plan_must_fit_the_model(llama):
    with pytest.raises(BadInput, match="for 5 layers, but the model has 6"):
        merge(llama, truncate(5, 1), any_model=True)
    other = MergePlan(LAYERS, truncate(LAYERS, 1).groups, fingerprint="0" * 16)
    with pytest.raises(BadInput, match="another model"):
        merge(llama, other)
    assert merge(llama, other, any_model=True).receipt.layers_after == LAYERS - 1


def test_merging_can_be_stopped_and_tells_how_far_it_is(llama):
    made, cancel, told = plan(llama, groups=[[1, 2], [3, 4]]), Cancel(), []

    def progress(stage, done, total):
        told.append((stage, done, total))
        if done == 5:
            cancel.request()

    with pytest.raises(Cancelled):
        merge(llama, made, progress=progress, cancel=cancel)
    assert told == [("merge", done, 18) for done in range(6)]


def test_a_merge_in_inference_mode_is_the_same_merge(llama):
    made = plan(llama, groups=[[1, 2], [3, 4]])
    with torch.inference_mode():
        inside = merge(llama, made)
    outside = merge(llama, made)
    assert same_state(inside.model.network, outside.model.network)
    assert (inside.receipt.changes, inside.receipt.hash) == (outside.receipt.changes, outside.receipt.hash)


def test_a_hundred_merges_leave_memory_flat(llama):
    """Each dropped merge goes with the tensors it made; what it shares stays the source's."""
    made = plan(llama, groups=[[1, 2], {"layers": [4], "method": "drop"}])
    alive = []
    for _ in range(100):
        merged = merge(llama, made)
        alive.append(weakref.ref(merged.model.network))
        alive.append(weakref.ref(next(merged.model.stack.layers[1].parameters())))
        del merged
        gc.collect()
        assert all(reference() is None for reference in alive)


def test_plans_are_tried_and_taken_back(llama):
    answer = logits(llama)
    for groups in ([[1, 2]], [{"layers": [0], "method": "drop"}], [[3, 4, 5]]):
        assert not torch.equal(logits(merge(llama, plan(llama, groups=groups)).model), answer)
        assert torch.equal(logits(llama), answer)
