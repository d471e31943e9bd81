"""What a config calls the number of its decoder layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mka.errors import BadInput

if TYPE_CHECKING:
    from transformers import PretrainedConfig

DEPTH_KEYS = ("decoder_layers", "num_decoder_layers", "num_hidden_layers", "n_layer", "n_layers", "num_layers")
"""In order of trust: a config with layers of a decoder answers to `num_hidden_layers` with its encoder's depth."""

LISTS_AS_DEPTH = ("layers_block_type",)
"""Lists with one word per layer whose length is the depth where no number says it."""


def depth_of(text_config: PretrainedConfig) -> tuple[str, int]:
    """The field that holds the depth, and the depth; BadInput where there is none or it is no layer."""
    own = vars(text_config)
    for key in DEPTH_KEYS:
        if isinstance(own.get(key), int):
            depth = int(own[key])
            if depth < 1:
                raise BadInput(
                    f"the config of the {text_config.model_type!r} model says {key} = {depth}; "
                    "correct it to at least one layer"
                )
            return key, depth
    for key in LISTS_AS_DEPTH:
        if own.get(key):
            return key, len(own[key])
    raise BadInput(
        f"the config of {text_config.model_type!r} names no number of layers ({', '.join(DEPTH_KEYS)}); "
        "use a model of another architecture"
    )
