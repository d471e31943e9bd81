"""Magnitude compensation against arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mka.errors import BadInput
from mka.merging.merge import merge
from mka.merging.repair.passes import batches_for
from mka.merging.repair.scale import lengthen
from mka.merging.repair.writers import writers_of
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.texts import Text, TextSet
from tests.merging.models import LAYERS, loaded, logits
from tests.merging.repair.texts import TEXTS, by_length, explicit
from tests.tiny import tiny_network

SET = TextSet(tuple(map(Text, TEXTS)), "texts")
CUT = MergePlan(LAYERS, (MergeGroup((3, 4), method="drop"),))


def growing(family="llama", **config):
    """A model whose layers 3 and 4 stretch the stream: each writes back more of what the layer before them wrote."""
    network = tiny_network(family, LAYERS, **config)
    layers = network.get_submodule("transformer.h" if family == "gpt2" else "model.layers")
    for layer in (3, 4):
        layers[layer].register_forward_hook(
            lambda module, args, output: output * 1.5 if torch.is_tensor(output) else (output[0] * 1.5, *output[1:])
        )
    return loaded(network)


def lengths(model, layer):
    return [np.linalg.norm(text, axis=1) for text in explicit(model, layer, "mlp")["out"]]


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_factor_is_the_mean_ratio_of_lengths(family):
    model = growing(family)
    made = merge(model, CUT, repair="scale", calibration=TEXTS)
    fitted = [number for place, number in enumerate(by_length(model)) if place % 4]
    ours, wanted = lengths(merge(model, CUT).model, 2), lengths(model, 4)
    expected = np.concatenate([wanted[i] / ours[i] for i in fitted]).mean()
    assert expected > 1.5
    assert {round(one.strength, 4) for one in made.receipt.repaired} == {round(float(expected), 4)}
    after = lengths(made.model, 2)
    np.testing.assert_allclose(np.concatenate(after), expected * np.concatenate(ours), rtol=1e-3)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", ["llama", "gpt2", "gpt_neox", "gemma"])
def test_lengthening_all_of_the_stream_changes_no_logit(family, tied):
    """Every layer reads through a norm, so a stream twice as long gives the same answers once the head is told."""
    config = {"head_dim": 4} if family == "gemma" else {}
    whole = loaded(tiny_network(family, LAYERS, tie_word_embeddings=tied, **config))
    model = merge(whole, MergePlan(LAYERS)).model
    before, batch = logits(model), batches_for(model, SET)[0]
    modules = [
        (f"{model.stack.path}.{place}.{writer.name}", writer.module)
        for place in range(LAYERS)
        for writer in writers_of(model, place, batch)
    ]
    changed = lengthen(model, 2.0, modules, batch)
    torch.testing.assert_close(logits(model), before, rtol=1e-3, atol=1e-3)
    assert len(changed) == len(set(changed))
    head, entry = model.network.get_output_embeddings(), model.network.get_input_embeddings()
    assert (head.weight is entry.weight) == tied
    torch.testing.assert_close(entry.weight, 2 * whole.network.get_input_embeddings().weight)


def test_a_factor_that_helps_no_held_out_text_is_not_used():
    model = loaded(tiny_network("llama", LAYERS))
    made = merge(model, MergePlan(LAYERS, (MergeGroup((3,), method="drop"),)), repair="scale", calibration=TEXTS)
    silent = tiny_network("llama", LAYERS)
    for name in ("self_attn.o_proj", "mlp.down_proj"):
        silent.model.layers[3].get_submodule(name).weight.data.zero_()
    nothing = merge(loaded(silent), MergePlan(LAYERS, (MergeGroup((3,), method="drop"),)), repair="scale",
                    calibration=TEXTS)  # fmt: skip
    assert nothing.receipt.repaired == () and all(one.left < 1 for one in made.receipt.repaired)


def test_a_norm_behind_the_embeddings_is_refused():
    model = loaded(tiny_network("bloom", LAYERS, n_head=4))
    with pytest.raises(BadInput, match="BloomForCausalLM cannot be scaled"):
        lengthen(model, 2.0, [], batches_for(model, SET)[0])
    untied = loaded(tiny_network("bloom", LAYERS, n_head=4, tie_word_embeddings=False))
    with pytest.raises(BadInput, match="its embeddings do not enter the first layer"):
        lengthen(untied, 2.0, [], batches_for(untied, SET)[0])


def test_a_final_norm_that_is_no_gain_is_refused():
    model = loaded(tiny_network("llama", LAYERS, tie_word_embeddings=True))
    model.network.model.norm.forward = lambda states: states * 3
    with pytest.raises(BadInput, match="its final norm is no gain and bias"):
        lengthen(model, 2.0, [], batches_for(model, SET)[0])
