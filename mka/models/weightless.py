"""A network without weights: what a config describes, and what its files are to hold, for a few megabytes."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from mka.errors import BadInput
from mka.models.files import first_line


def weightless(config: PretrainedConfig, dtype: torch.dtype) -> PreTrainedModel:
    """The network of `config` on the meta device: names, shapes and modules, and not a byte of weights.

    BadInput where its class cannot be built so.
    """
    try:
        with torch.device("meta"):
            network = AutoModelForCausalLM.from_config(config, dtype=dtype)
    except Exception as error:  # model classes raise whatever a config they cannot build leads to
        raise BadInput(
            f"the {config.model_type!r} model cannot be built without its weights ({first_line(error)}); "
            "check its config, or merge in memory (without --stream)"
        ) from error
    assert isinstance(network, PreTrainedModel)
    return network.eval()


def stored_form(network: PreTrainedModel) -> dict[str, Tensor]:
    """The tensors of a network as transformers would store them, in its order: name -> tensor.

    Of tied ones the first alone, and under the names of the family's files.
    """
    (stored,) = stored_forms(network, ("",))
    return stored


def stored_forms(network: PreTrainedModel, beginnings: Iterable[str]) -> list[dict[str, Tensor]]:
    """For each beginning, `stored_form` of those tensors alone whose names in the network begin with it."""
    from transformers.core_model_loading import dot_natural_key, revert_weight_conversion

    left_out = {*(network.all_tied_weights_keys or {}), *(network._keys_to_ignore_on_save or ())}
    state = network.state_dict()
    # So are the tensors of a network ordered that was loaded before it is saved.
    names = sorted((name for name in state if name not in left_out), key=dot_natural_key)
    return [
        revert_weight_conversion(network, {name: state[name] for name in names if name.startswith(beginning)})
        for beginning in beginnings
    ]
