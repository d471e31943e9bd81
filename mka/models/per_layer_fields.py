"""Config fields that say something of single layers, and what becomes of them when layers go.

The table FIELDS says which rule of `field_rules.py` each field follows; NUMBERED names the architectures that no
field can save. `origin` is the list of source layers, in increasing order, whose places the layers of the new
model take.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mka.errors import BadInput
from mka.models.depth import LISTS_AS_DEPTH, depth_of
from mka.models.field_rules import (
    Rule,
    by_position,
    counted_out,
    cycle,
    depth_again,
    every_first,
    first_layers,
    index_keys,
    indices,
    last_index,
    last_layers,
    over_root_of_depth,
    patterns,
    rescaled_weights,
    stays,
    switched,
)
from mka.models.files import first_line

if TYPE_CHECKING:
    from transformers import PretrainedConfig

OVERRIDES = "per_layer_config"
"""Settings of single layers; a config keeps them out of its plain fields and answers with a view of whole configs."""

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
            "num_experts",
            "moe_topk",
            "moe_intermediate_size",
        ),
        by_position,
    ),
    **dict.fromkeys(
        (
            "moe_layers",
            "mlp_only_layers",
            "full_attn_idxs",
            "cross_attention_layers",
            "hybrid_layer_ids",
            "attn_layer_indices",
            "local_layer_ids",
            "ple_layer_ids",
        ),
        indices,
    ),
    OVERRIDES: index_keys,
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
            "moe_layer_interval",
        ),
        counted_out,
    ),
    "n_layers_per_attn_res_block": every_first,
    "attention_types": patterns,
    "scale_attn_by_inverse_layer_idx": switched,
    "num_blocks": depth_again,
    "scale_depth": over_root_of_depth,
    "rescale_every": rescaled_weights,
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
    "longcat_flash": "each layer fills two places of the cache, counted from its number",
    "zamba2": "hybrid layers share one block, which holds an adapter for each of their numbers",
}
"""Model types whose layers depend on their number in a way that no field of the config says."""


def settings_of(text_config: PretrainedConfig) -> dict[str, Any]:
    """The fields of a config that are its own, none of them worked out when asked for; OVERRIDES where it has any."""
    overrides = {int(layer): said for layer, said in (text_config.to_dict().get(OVERRIDES) or {}).items()}
    return {name: value for name, value in vars(text_config).items() if name != OVERRIDES} | {
        OVERRIDES: overrides or None
    }


def fields_of(text_config: PretrainedConfig) -> tuple[str, ...]:
    """The fields of this config that hang on depth, in the table's order."""
    own = settings_of(text_config)
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
    if text.model_type in NUMBERED and not stays(origin):
        raise BadInput(
            f"in {text.model_type} models {NUMBERED[text.model_type]}, so one with layers taken out of its middle "
            "would be another model; remove only the last layers or use a model of another architecture"
        )
    old, named = settings_of(text), fields_of(text)
    spelled = old if stays(origin) else {**old, **_spelled(old, depth)}
    values = {name: FIELDS[name](name, spelled[name], origin, depth) for name in named}
    if key not in LISTS_AS_DEPTH:
        values[key] = len(origin)
    changes = tuple((name, str(old[name]), str(value)) for name, value in values.items() if old[name] != value)
    # Overrides are checked against the depth when they are set, so they come last.
    for name, value in sorted(values.items(), key=lambda item: item[0] == OVERRIDES):
        setattr(text, name, value)
    _check_reloads(new, values)
    return new, changes


def _check_reloads(config: PretrainedConfig, values: Mapping[str, Any]) -> None:
    """What is edited must be read again as it was written: classes check fields, and correct some in silence."""
    try:
        again = settings_of(type(config).from_dict(config.to_dict()).get_text_config(decoder=True))
    except Exception as error:  # config classes raise whatever their fields' checks raise
        raise BadInput(
            f"the config of {config.model_type!r} cannot describe the layers that stay ({first_line(error)}); "
            "use a model of another architecture"
        ) from error
    for name, value in values.items():
        if _plain(again.get(name)) != _plain(value):
            raise BadInput(
                f"the config of {config.model_type!r} cannot describe the layers that stay: it takes {name} = {value} "
                f"for {again.get(name)}; leave other layers or use a model of another architecture"
            )


def _plain(value: Any) -> Any:
    """Without the differences that JSON does not know."""
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()} or None
    return value


def _spelled(fields: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """What `fields` become when each period that a list can say instead is said by it."""
    said: dict[str, Any] = {}
    for period, (listed, numbers) in SPELLED.items():
        step, layers = fields.get(period), fields.get(listed)
        if step and layers is not None:
            said |= {period: 1, listed: sorted({*layers, *numbers(step, depth)})}
    return said
