from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from mka.merging.shells import share
from tests.merging.models import IDS, logits
from tests.merging.walking import Walk
from tests.tiny import FAMILIES, tiny_network


def walked(network):
    """The shared copy of a network, and the walk beside a deep copy."""
    shared = share(network, copy.deepcopy(network.config))
    walk = Walk()
    walk.along("network", network, shared, copy.deepcopy(network))
    return shared, walk


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shared_copy_is_a_deep_copy_over_the_same_memory(family):
    network = tiny_network(family, tie_word_embeddings=True).eval()
    shared, walk = walked(network)
    assert walk.wrong == [] and walk.modules == len(list(network.modules())) > 20
    assert torch.equal(logits(shared), logits(network))


def times(factor, module, given, output):
    return output * factor


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight


def test_what_modules_hold_of_each_other_they_hold_of_the_copies():
    """Parents, siblings in plain lists, bound methods, partials, hooks, and modules that are nobody's children."""
    network = tiny_network().eval()
    first, second = network.model.layers[:2]
    object.__setattr__(first.mlp, "parent", first)
    second.siblings = [first, {"attention": first.self_attn}]
    second.hidden = [nn.Dropout(0.1)]
    second.call = functools.partial(nn.Linear.forward, first.mlp.up_proj)
    second.method = first.mlp.forward
    first.mlp.register_forward_hook(functools.partial(times, 3.0))
    parametrize.register_parametrization(first.mlp.up_proj, "weight", Doubled())
    first.common = second.common = {"of both": {1, 2}}
    second.plain = torch.ones(3)
    shared, walk = walked(network)
    assert walk.wrong == []
    ours, theirs = shared.model.layers[:2]
    assert ours.mlp.parent is ours and theirs.siblings[0] is ours
    assert theirs.common is ours.common is not first.common
    assert theirs.method.__self__ is ours.mlp and theirs.call.args[0] is ours.mlp.up_proj
    assert theirs.hidden[0] is not second.hidden[0]
    assert torch.equal(logits(shared), logits(network))


def test_what_is_done_to_the_copy_leaves_the_original():
    network = tiny_network().eval()
    before = logits(network)
    shared = share(network, copy.deepcopy(network.config))
    layer = shared.model.layers[1]
    layer.register_forward_hook(functools.partial(times, 2.0))
    layer.self_attn.layer_idx = 7
    del layer.mlp.act_fn
    shared.lm_head.extra = nn.Linear(2, 2)
    shared.config.hidden_act = "gelu"
    shared.to(torch.float64)
    assert torch.equal(logits(network), before) and network.dtype == torch.float32
    assert network.model.layers[1].self_attn.layer_idx == 1 and not hasattr(network.lm_head, "extra")
    assert network.config.hidden_act == network.model.config.hidden_act == "silu"


def test_modules_read_the_new_config():
    network = tiny_network().eval()
    config = copy.deepcopy(network.config)
    shared = share(network, config)
    held = [module.config for module in shared.modules() if hasattr(module, "config")]
    assert len(held) > 4 and all(one is config for one in held)
    assert shared.generate(IDS, max_new_tokens=2).shape == (2, IDS.shape[1] + 2)


def test_what_was_compiled_for_the_original_is_not_taken_for_the_copy():
    network = tiny_network().eval()
    network.model.layers[0]._compiled_call_impl = network.model.layers[0]._call_impl
    assert share(network, copy.deepcopy(network.config)).model.layers[0]._compiled_call_impl is None
