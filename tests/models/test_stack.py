"""Where the layers are, and what is left of a model when one of them goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedModel, XLMConfig, XLMWithLMHeadModel

from mka.errors import BadInput
from mka.models.stack import DecoderStack, renumber, shape_classes
from tests.architectures.tiny_configs import tiny_config
from tests.tiny import FAMILIES, tiny_network

FULL, SLIDING = "full_attention", "sliding_attention"
PLACES = {"gpt2": ("transformer.h", "n_layer"), "gpt_neox": ("gpt_neox.layers", "num_hidden_layers")}
TYPES = {"gemma2": (SLIDING, FULL, SLIDING, FULL, SLIDING), "gemma3": (SLIDING, SLIDING, FULL, SLIDING, SLIDING)}
WINDOWED = {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 2}
NETWORKS = {
    **{family: (family, {}) for family in FAMILIES},
    "qwen2 windowed": ("qwen2", WINDOWED),
    "qwen3 windowed": ("qwen3", WINDOWED),
    "phi3 windowed": ("phi3", {"sliding_window": 8}),
}
KEPT = ((0,), (2, 3), (4,))
TOKENS = torch.arange(3, 27)[None]  # longer than the windows of 8


@pytest.mark.parametrize("family", FAMILIES)
def test_finds_the_layers(family: str) -> None:
    network = tiny_network(family, layers=5)
    stack = DecoderStack.of(network)
    assert (stack.path, stack.depth_key) == PLACES.get(family, ("model.layers", "num_hidden_layers"))
    assert stack.layers is network.get_submodule(stack.path)
    assert (stack.depth, len(stack.layers)) == (5, 5)
    assert stack.layer_types == TYPES.get(family, (FULL,) * 5)
    assert stack.shape_classes == (0,) * 5
    assert stack.text_config is network.config


@pytest.mark.parametrize("family", FAMILIES)
def test_the_base_is_the_network_without_its_head(family: str) -> None:
    network = tiny_network(family)
    stack = DecoderStack.of(network)
    calls: list[int] = []
    network.get_output_embeddings().register_forward_hook(lambda *_: calls.append(1))
    hidden = stack.base(input_ids=TOKENS, attention_mask=torch.ones_like(TOKENS)).last_hidden_state
    assert hidden.shape == (1, 24, 16) and calls == []


@pytest.mark.parametrize("depth", [1, 2])
def test_one_layer_is_a_stack_too(depth: int) -> None:
    assert DecoderStack.of(tiny_network(layers=depth)).depth == depth


def skipping(network: PreTrainedModel, layers: tuple[int, ...], tokens: torch.Tensor) -> torch.Tensor:
    """Logits with these layers handing their input on: what deletion must compute."""
    stack = DecoderStack.of(network)
    hooks = [stack.layers[layer].register_forward_hook(hand_on, with_kwargs=True) for layer in layers]
    with torch.no_grad():
        logits = network(input_ids=tokens, use_cache=False).logits
    for hook in hooks:
        hook.remove()
    return logits


def hand_on(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
    before = args[0] if args else kwargs["hidden_states"]
    return (before, *output[1:]) if isinstance(output, tuple) else before


def delete(network: PreTrainedModel) -> PreTrainedModel:
    """Keep the first source layer of each place of KEPT, in the network itself."""
    stack = DecoderStack.of(network)
    config, _ = stack.remap_config(network.config, KEPT)
    parent, _, name = stack.path.rpartition(".")
    kept = nn.ModuleList(stack.layers[sources[0]] for sources in KEPT)
    renumber(kept)
    setattr(network.get_submodule(parent), name, kept)
    for module in network.modules():
        if getattr(module, "config", None) is not None:
            module.config = config
    return network


@pytest.mark.parametrize("name", NETWORKS)
def test_a_config_for_the_layers_that_stay(name: str, tmp_path: Path) -> None:
    family, fields = NETWORKS[name]
    network = tiny_network(family, layers=5, **fields)
    expected = skipping(network, (1, 3), TOKENS)
    delete(network).save_pretrained(tmp_path)
    loaded, info = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert DecoderStack.of(loaded).depth == 3
    assert DecoderStack.of(loaded).layer_types == DecoderStack.of(network).layer_types
    with torch.no_grad():
        torch.testing.assert_close(loaded(input_ids=TOKENS).logits, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_renumbered_layers_fill_the_cache_in_order(name: str) -> None:
    family, fields = NETWORKS[name]
    network = delete(tiny_network(family, layers=5, **fields))
    with torch.no_grad():
        begun = network(input_ids=TOKENS[:, :20], use_cache=True)
        rest = network(input_ids=TOKENS[:, 20:], past_key_values=begun.past_key_values, use_cache=True).logits
        whole = network(input_ids=TOKENS, use_cache=False).logits
    torch.testing.assert_close(rest, whole[:, 20:], rtol=0, atol=1e-5)


def test_the_config_given_stays_as_it_was() -> None:
    network = tiny_network("gemma2", layers=5)
    before = network.config.to_dict()
    config, changes = DecoderStack.of(network).remap_config(network.config, KEPT)
    assert network.config.to_dict() == before
    assert (config.num_hidden_layers, config.layer_types) == (3, [SLIDING, SLIDING, SLIDING])
    assert changes == (
        ("layer_types", str(list(TYPES["gemma2"])), str([SLIDING] * 3)),
        ("num_hidden_layers", "5", "3"),
    )


def test_the_window_threshold_moves() -> None:
    network = tiny_network("qwen2", layers=5, **WINDOWED)
    stack = DecoderStack.of(network)
    assert stack.per_layer_fields == ("layer_types", "max_window_layers")
    config, _ = stack.remap_config(network.config, ((0,), (2, 3), (4,)))
    assert (config.max_window_layers, config.layer_types) == (1, [FULL, SLIDING, SLIDING])


def test_shape_classes_by_name_and_shape() -> None:
    same, wide = nn.Linear(2, 3), nn.Linear(2, 4)
    bare = nn.Linear(2, 3, bias=False)
    renamed = nn.ParameterDict({"scale": torch.ones(3, 2), "shift": torch.ones(3)})
    assert shape_classes([same, wide, nn.Linear(2, 3), bare, wide, renamed]) == (0, 1, 0, 2, 1, 3)


def test_another_stack_does_not_confuse_it_unless_it_is_as_deep() -> None:
    network = tiny_network(layers=3)
    network.model.draft = nn.ModuleList(tiny_network(layers=2).model.layers)
    assert DecoderStack.of(network).path == "model.layers"
    network.model.draft = nn.ModuleList(tiny_network(layers=3, seed=1).model.layers)
    with pytest.raises(BadInput, match="2 stacks of 3 layers"):
        DecoderStack.of(network)


@pytest.mark.parametrize(
    ("model_type", "path"), [("gemma3", "model.language_model.layers"), ("git", "git.encoder.layer")]
)
def test_an_encoder_of_images_as_deep_as_the_decoder_is_no_decoder(model_type: str, path: str) -> None:
    config = tiny_config(model_type)
    assert config.vision_config.num_hidden_layers == config.get_text_config(decoder=True).num_hidden_layers
    assert DecoderStack.of(AutoModelForCausalLM.from_config(config)).path == path


@pytest.mark.parametrize(("model_type", "path"), [("ctrl", "transformer.h"), ("xlnet", "transformer.layer")])
def test_layers_of_a_plain_class_are_found_where_one_stack_has_them(model_type: str, path: str) -> None:
    assert DecoderStack.of(AutoModelForCausalLM.from_config(tiny_config(model_type))).path == path


def test_layers_that_read_what_goes_are_refused() -> None:
    stack = DecoderStack.of(AutoModelForCausalLM.from_config(tiny_config("gemma4_text")))
    with pytest.raises(BadInput, match="layer 6 reads the keys and values of layer 5"):
        stack.remap_config(stack.text_config, [(0,), (1,), (2,), (3,), (4,), (6,), (7,)])


def test_refuses_what_it_cannot_find() -> None:
    network = XLMWithLMHeadModel(XLMConfig(vocab_size=50, emb_dim=16, n_layers=3, n_heads=4))
    with pytest.raises(BadInput, match="XLMWithLMHeadModel cannot be found") as caught:
        DecoderStack.of(network)
    assert "\n" not in str(caught.value)
