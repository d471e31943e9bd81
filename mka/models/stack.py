"""Where a network keeps its decoder layers, and what its config says of each.

The one place that knows it; everything else speaks of layers 0 .. depth - 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from mka.errors import BadInput
from mka.models.depth import depth_of
from mka.models.layer_kinds import check_shared_caches, layer_types_of
from mka.models.per_layer_fields import fields_of, remap_fields

INDEX_NAMES = ("layer_idx", "layer_id", "layer_number", "block_idx")
"""What modules call the place of the layer that they belong to; caches are filled by it."""


@dataclass(frozen=True)
class DecoderStack:
    """The decoder layers of one network.

    path:              of the ModuleList from the network, as "model.layers"
    layers:            that ModuleList
    depth_key:         what the config calls depth
    text_config:       the part of the network's config that describes the decoder
    layer_types:       one text per layer, equal where the config treats two alike (see `layer_kinds.py`)
    shape_classes:     one number per layer, the same where all parameters have the same names and shapes
    per_layer_fields:  fields of the config that hang on depth
    base:              the network without its head; call with input_ids and attention_mask
    """

    path: str
    layers: nn.ModuleList
    depth: int
    depth_key: str
    text_config: PretrainedConfig
    layer_types: tuple[str, ...]
    shape_classes: tuple[int, ...]
    per_layer_fields: tuple[str, ...]
    base: nn.Module

    @classmethod
    def of(cls, network: PreTrainedModel) -> DecoderStack:
        """Find the decoder layers; BadInput with the architecture's name where they cannot be told apart."""
        text_config = network.config.get_text_config(decoder=True)
        depth_key, depth = depth_of(text_config)
        path, layers = _find_layers(network, text_config, depth)
        return cls(
            path=path,
            layers=layers,
            depth=depth,
            depth_key=depth_key,
            text_config=text_config,
            layer_types=layer_types_of(text_config, depth),
            shape_classes=shape_classes(layers),
            per_layer_fields=fields_of(text_config),
            base=network.base_model,
        )

    def remap_config(
        self, config: PretrainedConfig, layer_map: Sequence[Sequence[int]]
    ) -> tuple[PretrainedConfig, tuple[tuple[str, str, str], ...]]:
        """A copy of `config` for a network whose layer i is made of the source layers layer_map[i].

        A merged layer takes the type of its first source layer. Also returns each changed field as (name, old
        text, new text). Raises BadInput with the field's name where the config cannot say what the layers become,
        and with the layers' numbers where one stays that reads what another kept.
        """
        check_shared_caches(self.text_config, self.depth, layer_map)
        return remap_fields(config, [sources[0] for sources in layer_map])


def _find_layers(network: PreTrainedModel, text_config: PretrainedConfig, depth: int) -> tuple[str, nn.ModuleList]:
    """The one ModuleList of the decoder that is as long as it is deep and whose items are layers.

    Layers are GradientCheckpointingLayer; where no such list has none else, they are modules of one class, as long as
    there is only one list of them.
    """
    lists = [
        (path, module)
        for path, module in network.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == depth
    ]
    lists = [(path, module) for path, module in lists if not _describes_another(network, text_config, path)]
    marked = [one for one in lists if all(isinstance(layer, GradientCheckpointingLayer) for layer in one[1])]
    found = marked or [one for one in lists if len({type(layer) for layer in one[1]}) == 1]
    if len(found) != 1:
        raise BadInput(
            f"the decoder layers of {type(network).__name__} cannot be found: {len(found)} stacks of {depth} layers "
            "look like them; use a model of another architecture"
        )
    return found[0]


def _describes_another(network: PreTrainedModel, text_config: PretrainedConfig, path: str) -> bool:
    """Whether the module at `path` is of an encoder of images or sound: a module on the way has its config."""
    parts = {type(getattr(network.config, name, None)) for name in network.config.sub_configs} - {type(text_config)}
    steps = path.split(".")
    above = (network.get_submodule(".".join(steps[:length])) for length in range(1, len(steps) + 1))
    return any(
        isinstance(getattr(module, "config", None), PretrainedConfig) and type(module.config) in parts
        for module in above
    )


def shape_classes(layers: Iterable[nn.Module]) -> tuple[int, ...]:
    """One number per layer, from 0 in order of first appearance; equal where all parameter names and shapes are."""
    classes: dict[tuple[Any, ...], int] = {}
    return tuple(
        classes.setdefault(
            tuple((name, tuple(parameter.shape)) for name, parameter in layer.named_parameters()), len(classes)
        )
        for layer in layers
    )


def holds_experts(layer: nn.Module) -> bool:
    """Some families name the part that holds them `experts`, others only its class."""
    return any(
        "experts" in path.split(".") or "experts" in type(module).__name__.lower()
        for path, module in layer.named_modules()
    )


def renumber(layers: Iterable[nn.Module]) -> None:
    """Tell every submodule of layer i that it belongs to layer i. Changes the modules given."""
    for place, layer in enumerate(layers):
        for module in layer.modules():
            for name in INDEX_NAMES:
                if isinstance(vars(module).get(name), int):
                    setattr(module, name, place)
