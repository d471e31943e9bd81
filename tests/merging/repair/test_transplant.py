"""Heads and neurons that change places: which outputs belong to which, and a layer that moves as a whole."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from mka.errors import BadInput, RunFailed
from mka.merging.merge import merge
from mka.merging.repair import parts
from mka.merging.repair.cuts import places_of
from mka.merging.repair.grafts import graft_of
from mka.merging.repair.parts import part_of
from mka.merging.repair.passes import batches_for, run_up_to, watching
from mka.merging.repair.work import Work
from mka.merging.repair.writers import matrix_of, writers_of
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.texts import Text, TextSet
from tests.merging.models import LAYERS, loaded, logits, model_of
from tests.merging.repair.test_linear import missing_at_the_end
from tests.merging.repair.texts import TEXTS
from tests.tiny import tiny_network

MORE = [f"{text} {text[::-1]}" for text in TEXTS] + TEXTS
SET = TextSet(tuple(map(Text, TEXTS)), "texts")
FULL = {"llama": {"num_key_value_heads": 4}, "gpt2": {}, "gpt_neox": {}, "phi3": {"num_key_value_heads": 4}}
CUT = MergePlan(LAYERS, (MergeGroup((3,), method="drop"),))


def part(model, which):
    batch = batches_for(model, SET)[0]
    writer = writers_of(model, 2, batch)[which]
    return part_of(model.stack.layers[2], writer, which == -1, 4), batch


@pytest.mark.parametrize("family", FULL)
@pytest.mark.parametrize("which", [0, -1])
def test_a_units_outputs_move_its_own_inputs_of_the_writer_alone(family, which):
    model = model_of(family, **FULL[family])
    if family == "phi3" and which == -1:
        assert part(model, which)[0] is None  # gate and up in one matrix
        return
    found, batch = part(model, which)
    layer = model.stack.layers[2]

    def said():
        with watching({"writer": found.writer.module}) as seen:
            run_up_to(model, batch, layer)
        return seen["writer"].input.reshape(*batch.ids.shape, -1)[batch.mask.bool()]

    before = said()
    for unit in (0, 3):
        for path, outputs in found.readers.items():
            matrix = matrix_of(layer.get_submodule(path))
            kept = matrix.clone()
            matrix[:, outputs[unit]] *= -1.5
            moved = (said() != before).any(dim=0).nonzero()[:, 0]
            matrix.copy_(kept)
            assert set(moved.tolist()) <= set(found.inputs[unit].tolist()) and len(moved)
    assert len(found.inputs) == (4 if which == 0 else found.writer.matrix.shape[0])


@pytest.mark.parametrize(("family", "config"), [("llama", {}), ("qwen3", {"num_key_value_heads": 4}), ("phi", {})])
def test_shared_keys_and_norms_of_heads_stay(family, config):
    model = model_of(family, **config)
    attention, _ = part(model, 0)
    assert (attention is None) == (family != "phi")
    assert part(model, -1)[0] is not None


def test_heads_that_do_not_share_the_width_evenly_stay():
    model = model_of("llama", num_key_value_heads=4)
    attention = writers_of(model, 2, batches_for(model, SET)[0])[0]
    assert part_of(model.stack.layers[2], attention, False, 5) is None


def silenced(family, **config):
    """A model whose layer 2 adds nothing, so that layer 3, which is to go, could stand in its place as it is."""
    network = tiny_network(family, LAYERS, **config)
    model = loaded(network)
    for writer in writers_of(model, 2, batches_for(model, SET)[0]):
        for parameter in writer.module.parameters():
            parameter.data.zero_()
    return model


@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox"])
def test_a_layer_that_could_move_as_it_is_moves(family):
    model = silenced(family, **FULL[family])
    made = merge(model, CUT, repair="transplant", calibration=MORE)
    bare = merge(model, CUT)
    path = f"{model.stack.path}.2."
    assert len([one for one in made.receipt.repaired if one.name.startswith(path)]) >= 5
    off, without = ((logits(one.model) - logits(model)).norm() for one in (made, bare))
    assert off < 0.1 * without
    if family == "llama":  # with biases, other neurons may say the same
        after, other = (
            matrix_of(one.stack.layers[layer].mlp.down_proj) for one, layer in ((made.model, 2), (model, 3))
        )
        assert (after - other).norm() < 0.1 * other.norm()


def given(made, layer):
    """By tensor of a layer, what gone layers gave to it, as the receipt says."""
    path = f"{made.model.stack.path}.{layer}."
    return {one.name.removeprefix(path): one.given for one in made.receipt.repaired if one.name.startswith(path)}


@pytest.mark.parametrize("repair", ["transplant", "refit"])
def test_the_receipt_names_the_layers_that_gave(repair):
    made = merge(silenced("llama", **FULL["llama"]), CUT, repair=repair, calibration=MORE)
    heads, neurons = (
        (f"self_attn.{one}_proj.weight" for one in "qkvo"),
        (f"mlp.{n}_proj.weight" for n in ("gate", "up", "down")),
    )
    assert given(made, 2) == dict.fromkeys(heads, ((3, 4),)) | dict.fromkeys(neurons, ((3, 32),)), "all of layer 3"
    assert not any(one.given for one in merge(made.source, CUT, repair="linear", calibration=MORE).receipt.repaired)


def test_it_counts_the_neurons_that_came():
    model = model_of("llama", num_key_value_heads=4)
    made = merge(model, MergePlan(LAYERS, (MergeGroup((3, 4), method="drop"),)), repair="transplant", calibration=MORE)
    read = [model.stack.layers[layer].mlp.up_proj.weight for layer in (2, 3, 4)]
    alike = torch.cosine_similarity(
        made.model.stack.layers[2].mlp.up_proj.weight[:, None], torch.cat(read)[None], dim=2
    )
    came = Counter((alike.argmax(dim=1) // len(read[0]) + 2).tolist())
    assert given(made, 2)["mlp.up_proj.weight"] == ((3, came[3]), (4, came[4])) and came[2] + came[3] + came[4] == 32


def test_the_bias_of_what_reads_is_of_units_and_that_of_a_writer_is_not():
    made = given(merge(silenced("gpt2"), CUT, repair="transplant", calibration=MORE), 2)
    assert made["mlp.c_fc.bias"] == made["mlp.c_fc.weight"] == made["mlp.c_proj.weight"] != ()
    assert made["mlp.c_proj.bias"] == ()


def test_more_comes_back_than_by_maps_alone():
    model = model_of("llama", num_key_value_heads=4)
    cut = MergePlan(LAYERS, (MergeGroup((3, 4), method="drop"),))
    linear, moved = (merge(model, cut, repair=name, calibration=MORE).model for name in ("linear", "transplant"))
    assert missing_at_the_end(model, moved) < missing_at_the_end(model, linear)


def test_a_layer_of_another_shape_gives_nothing():
    network, wide = tiny_network("llama", LAYERS), tiny_network("llama", LAYERS, intermediate_size=64)
    network.model.layers[3].mlp = wide.model.layers[3].mlp
    assert donors(loaded(network)) == {None: 1, (): 1}
    assert donors(model_of("llama", num_key_value_heads=4)) == {(3,): 2}


def donors(model):
    """How many parts before the cut can take units of which layers; None where no unit can change."""
    work = Work(model, merge(model, CUT).model, places_of(CUT), batches_for(model, SET), lambda *_: None, None)
    grafts = [graft_of(work, work.places[2], writer) for writer in work.writers(work.places[2])]
    return Counter(graft and graft.donors for graft in grafts)


def test_units_that_are_laid_out_otherwise_are_found_out(monkeypatch):
    monkeypatch.setattr(parts, "FUSED", {"query_key_value": parts.BY_KIND})
    with pytest.raises(BadInput, match="the units of attention of GPTNeoXForCausalLM are laid out otherwise"):
        merge(model_of("gpt_neox"), CUT, repair="transplant", calibration=MORE)


def test_the_source_keeps_its_heads():
    model = model_of("gpt_neox")
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    made = merge(model, CUT, repair="transplant", calibration=TEXTS)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.network.state_dict().items())
    assert made.model.network.config.num_hidden_layers == LAYERS - 1
    shapes = {name: tensor.shape for name, tensor in merge(model, CUT).model.network.state_dict().items()}
    assert {name: tensor.shape for name, tensor in made.model.network.state_dict().items()} == shapes


def test_where_nothing_is_missing_nothing_but_rounding_is_repaired():
    model = silenced("llama", **FULL["llama"])
    for repair in ("transplant", "refit"):
        made = merge(model, MergePlan(LAYERS, (MergeGroup((2,), method="drop"),)), repair=repair, calibration=TEXTS[:4])
        torch.testing.assert_close(logits(made.model), logits(model), rtol=1e-4, atol=1e-5)


def test_a_wrong_layout_is_found_out_in_few_digits_too(monkeypatch):
    monkeypatch.setattr(parts, "FUSED", {"query_key_value": parts.BY_KIND})
    with pytest.raises(BadInput, match="laid out otherwise"):
        merge(loaded(tiny_network("gpt_neox", LAYERS).bfloat16()), CUT, repair="transplant", calibration=MORE)


@pytest.mark.parametrize("repair", ["transplant", "refit"])
def test_a_layer_of_another_class_that_is_gone_gives_nothing(repair):
    config = {"mlp_only_layers": [0, 2, 4, 5], "num_key_value_heads": 4}
    model = model_of("qwen2_moe", **config)
    plan = MergePlan(LAYERS, (MergeGroup((1,), method="drop"), MergeGroup((3,), method="drop")))
    made = merge(model, plan, repair=repair, calibration=TEXTS)
    assert made.receipt.repaired and logits(made.model).isfinite().all()


def test_what_float16_cannot_hold_is_not_written():
    network = tiny_network("llama", LAYERS)
    with torch.no_grad():
        mlp = network.model.layers[3].mlp
        for part, factor in ((mlp.up_proj, 1e-5), (mlp.gate_proj, 1e-2), (mlp.down_proj, 1e3)):
            part.weight *= factor
    plan = MergePlan(LAYERS, (MergeGroup((4, 5), method="drop"),))
    with pytest.raises(RunFailed, match="that float16 cannot hold; use --dtype float32"):
        merge(loaded(network.half()), plan, repair="linear", calibration=TEXTS)
