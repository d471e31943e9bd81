"""Config fields that say something of single layers, and what becomes of them when layers go.

Each field follows one of a few rules; the table FIELDS says which. `origin` is the list of source layers, in
increasing order, whose places the layers of the new model take.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mka.errors import BadInput
from mka.models.depth import LISTS_AS_DEPTH, depth_of
from mka.models.files import first_line

if TYPE_CHECKING:
    from transformers import PretrainedConfig

Rule = Callable[[str, Any, Sequence[int], int], Any]
"""rule(name, old value, origin, old depth) -> new value; BadInput where there is none."""

DEFAULT_TYPE = "full_attention"

TYPE_LISTS = ("layer_types", "layers_block_type", "attention_layers", "attn_layers")
"""Lists that name each layer's type, the usual one first."""


def _refuse(name: str, why: str) -> BadInput:
    return BadInput(
        f"the config field {name!r} {why}, so a model with layers taken out of its middle cannot be described by it; "
        "remove only the last layers or use a model of another architecture"
    )


def by_position(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """A list with one entry per layer: keep the entries of the layers that stay. Anything else is no such list."""
    if not isinstance(value, (list, tuple)):
        return value
    if len(value) != depth:
        raise BadInput(f"the config field {name!r} has {len(value)} entries for {depth} layers; correct the config")
    return type(value)(value[layer] for layer in origin)


def indices(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """A list of layer numbers: their new places."""
    return type(value)(place for place, layer in enumerate(origin) if layer in value)


def index_keys(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """A map from layer number (int, or text in files) to settings: under the new places."""
    kept = {place: layer for place, layer in enumerate(origin)}
    written = {int(layer): layer for layer in value}
    return {type(written[layer])(place): value[written[layer]] for place, layer in kept.items() if layer in written}


def first_layers(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """The first `value` layers differ: how many of them stay. A threshold that no layer reaches stays out of reach."""
    return value if value > depth else sum(layer < value for layer in origin)


def last_layers(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """The last `value` layers differ: how many of them stay."""
    return sum(layer >= depth - value for layer in origin)


def last_index(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """The last layer of a kind: its new place, or that of the one before it. Negative means the last of all."""
    if value < 0 or value >= depth:
        return value
    place = sum(layer <= value for layer in origin) - 1
    if place < 0:
        raise _refuse(name, "would name no layer")
    return place


def cycle(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """A list repeated over the layers: written out, one entry per layer."""
    return type(value)(value[layer % len(value)] for layer in origin)


def patterns(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """[[types, times], ...], each list of types repeated so many times: written out as one list, once."""
    types = [one for repeated, times in value for one in list(repeated) * times]
    return [[[types[layer] for layer in origin], 1]]


def counted_out(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """Layers differ in a period that nothing else writes out: fine only if all that stay keep their places."""
    if value in (None, 0, 1) or _stays(origin):
        return value
    raise _refuse(name, f"({value}) makes layers differ by their number")


def switched(name: str, value: Any, origin: Sequence[int], depth: int) -> Any:
    """A switch that makes every layer compute with its own number."""
    if not value or _stays(origin):
        return value
    raise _refuse(name, "makes every layer compute with its own number")


def _stays(origin: Sequence[int]) -> bool:
    return list(origin) == list(range(len(origin)))


FIELDS: Mapping[str, Rule] = {
    **dict.fromkeys(
        (
            "layer_types",
            "layers_block_type",
            "mlp_layer_types",
            "attention_layers",
            "attn_layers",
            "no_rope_layers",
            "kv_sharing_modes",
            "indexer_types",
            "layer_rope_theta",
            "num_attention_heads_per_layer",
            "activation_sparsity_pattern",
            "intermediate_size",
            "layers_num_experts",
        ),
        by_position,
    ),
    **dict.fromkeys(
        ("moe_layers", "mlp_only_layers", "full_attn_idxs", "cross_attention_layers", "hybrid_layer_ids"), indices
    ),
    "per_layer_config": index_keys,
    **dict.fromkeys(
        ("first_k_dense_replace", "num_dense_layers", "max_window_layers", "moe_layer_start_index"), first_layers
    ),
    "num_kv_shared_layers": last_layers,
    "moe_layer_end_index": last_index,
    "block_types": cycle,
    **dict.fromkeys(
        (
            "sliding_window_pattern",
            "global_attn_every_n_layers",
            "attn_layer_period",
            "expert_layer_period",
            "interleave_moe_layer_step",
            "no_rope_layer_interval",
            "decoder_sparse_step",
        ),
        counted_out,
    ),
    "attention_types": patterns,
    "scale_attn_by_inverse_layer_idx": switched,
}
"""Every known field and its rule."""

WRITTEN_OUT: Mapping[str, str] = {
    "sliding_window_pattern": "layer_types",
    "global_attn_every_n_layers": "layer_types",
    "attn_layer_period": "layers_block_type",
    "interleave_moe_layer_step": "moe_layers",
    "no_rope_layer_interval": "no_rope_layers",
}
"""Periods that only fill a list where the config gives none: with the list written, they say nothing."""

SPELLED: Mapping[str, tuple[str, Callable[[int, int], list[int]]]] = {
    "decoder_sparse_step": ("mlp_only_layers", lambda step, depth: [i for i in range(depth) if (i + 1) % step]),
}
"""Periods that a list of layer numbers can say instead: its field, and (period, depth) -> those numbers."""

NUMBERED: Mapping[str, str] = {
    "diffllama": "each layer computes lambda_init from its number",
    "beam": "layers read what layers of other numbers computed",
}
"""Model types whose layers depend on their number in a way that no field of the config says."""


def layer_types_of(text_config: PretrainedConfig, depth: int) -> tuple[str, ...]:
    """One word per layer, from the first list of types that the config has."""
    for name in TYPE_LISTS:
        types = getattr(text_config, name, None)
        if isinstance(types, (list, tuple)) and len(types) == depth:
            return tuple(str(one) for one in types)
    return (DEFAULT_TYPE,) * depth


def fields_of(text_config: PretrainedConfig) -> tuple[str, ...]:
    """The fields of this config that hang on depth, in the table's order."""
    own = vars(text_config)
    return tuple(name for name in FIELDS if _hangs_on_depth(name, own))


def _hangs_on_depth(name: str, own: Mapping[str, Any]) -> bool:
    value = own.get(name)
    if FIELDS[name] is by_position:
        return isinstance(value, (list, tuple))
    if name in WRITTEN_OUT and own.get(WRITTEN_OUT[name]) is not None:
        return False
    return value is not None and value is not False


def remap_fields(
    config: PretrainedConfig, origin: Sequence[int]
) -> tuple[PretrainedConfig, tuple[tuple[str, str, str], ...]]:
    """A copy of `config` for the layers `origin` alone, and its changes as (field, old text, new text).

    Raises BadInput where the config cannot say it; see the rules above.
    """
    new = copy.deepcopy(config)
    text = new.get_text_config(decoder=True)
    key, depth = depth_of(text)
    if text.model_type in NUMBERED and not _stays(origin):
        raise _refuse("model_type", f"({text.model_type}) means that {NUMBERED[text.model_type]}")
    old = {name: getattr(text, name) for name in (*fields_of(text), key)}
    spelled = old if _stays(origin) else {**old, **_spelled(old, depth)}
    values = {name: FIELDS[name](name, spelled[name], origin, depth) for name in fields_of(text)}
    if key not in LISTS_AS_DEPTH:
        values[key] = len(origin)
    changes = tuple((name, str(old[name]), str(value)) for name, value in values.items() if old[name] != value)
    for name, value in values.items():
        setattr(text, name, value)
    _check_reloads(new)
    return new, changes


def _check_reloads(config: PretrainedConfig) -> None:
    """What is edited must also be read again: a class may check fields that the table above does not know."""
    try:
        type(config).from_dict(config.to_dict())
    except Exception as error:  # config classes raise whatever their fields' checks raise
        raise BadInput(
            f"the config of {config.model_type!r} cannot describe the layers that stay ({first_line(error)}); "
            "use a model of another architecture"
        ) from error


def _spelled(fields: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """What `fields` become when each period that a list can say instead is said by it."""
    said: dict[str, Any] = {}
    for period, (listed, numbers) in SPELLED.items():
        step, layers = fields.get(period), fields.get(listed)
        if step and layers is not None:
            said |= {period: 1, listed: sorted({*layers, *numbers(step, depth)})}
    return said
