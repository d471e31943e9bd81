"""What a config says of each layer: its type, in one word, and whatever else sets it apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mka.errors import BadInput
from mka.models.field_rules import by_position
from mka.models.per_layer_fields import FIELDS, OVERRIDES, settings_of

if TYPE_CHECKING:
    from transformers import PretrainedConfig

FULL, RECURRENT = "full_attention", "recurrent"
"""The type of all layers where the config names none: the second where it names no attention heads either."""
SHARES = "reads the keys and values of another layer"
SHARING = "num_kv_shared_layers"
"""The last so many layers have no keys and values: they read those of the last layer of their type before them."""

TYPE_LISTS = ("layer_types", "layers_block_type", "attention_layers", "attn_layers")
"""Lists that name each layer's type, the usual one first."""


def layer_types_of(text_config: PretrainedConfig, depth: int) -> tuple[str, ...]:
    """One text per layer, equal where the config treats two layers alike.

    It is the word of the first list of types that the config has, or FULL or RECURRENT. Where other
    fields set layers of one word apart, what they say follows after commas: "full_attention, no_rope_layers 0".
    """
    words = base_types_of(text_config, depth)
    traits = [
        trait
        for trait in _traits(settings_of(text_config), depth)
        if any(len({said for said, kind in zip(trait, words, strict=True) if kind == word}) > 1 for word in set(words))
    ]
    return tuple(
        ", ".join((word, *(trait[layer] for trait in traits if trait[layer]))) for layer, word in enumerate(words)
    )


def base_types_of(text_config: PretrainedConfig, depth: int) -> tuple[str, ...]:
    """The words of the list of types alone."""
    for name in TYPE_LISTS:
        types = getattr(text_config, name, None)
        if isinstance(types, (list, tuple)) and len(types) == depth:
            return tuple(str(one) for one in types)
    heads = {"num_attention_heads", text_config.attribute_map.get("num_attention_heads")}
    return (FULL if heads & set(vars(text_config)) else RECURRENT,) * depth


def check_shared_caches(text_config: PretrainedConfig, depth: int, layer_map: Sequence[Sequence[int]]) -> None:
    """BadInput where layers stay that read the keys and values of a layer whose place goes.

    layer_map: of each layer of the new model, the source layers that it is made of, that of its place first
    """
    types = base_types_of(text_config, depth)
    shared = depth - (settings_of(text_config).get(SHARING) or 0)
    left = [sources[0] for sources in layer_map]
    for reader in (layer for layer in left if layer >= shared):
        read = max((layer for layer in range(shared) if types[layer] == types[reader]), default=reader)
        if read not in left:
            raise BadInput(
                f"layer {reader} reads the keys and values of layer {read}, whose place the plan takes away; "
                f"leave layer {read} alone, or remove the layers that read it too"
            )


def _traits(own: Mapping[str, Any], depth: int) -> Iterator[list[str]]:
    """What each field with something to say of single layers says of every layer; "" for nothing."""
    for name, rule in FIELDS.items():
        values = own.get(name)
        if rule is by_position and name not in TYPE_LISTS and isinstance(values, (list, tuple)):
            yield [_said(name, value) for value in values]
    overrides = own[OVERRIDES] or {}
    for name in sorted({name for one in overrides.values() for name in one}):
        yield [
            _said(name, overrides[layer][name]) if name in overrides.get(layer, ()) else "" for layer in range(depth)
        ]
    shared = depth - (own.get(SHARING) or 0)
    yield [SHARES if layer >= shared else "" for layer in range(depth)]


def _said(name: str, value: Any) -> str:
    return value if isinstance(value, str) else f"{name} {value}"
