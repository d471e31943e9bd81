"""A network with modules and configs of its own that shares every tensor with another."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel


def share(network: PreTrainedModel, config: PretrainedConfig) -> PreTrainedModel:
    """A copy of `network` under `config` whose modules are new and whose tensors lie in the same memory.

    What is done to the copy's modules (numbering, hooks, another dtype or device) leaves `network` as it was;
    writing into its tensors does not. Tied tensors stay tied.
    """
    # A deep copy leaves out what its memo already knows: here every tensor and every config.
    memo: dict[int, Any] = {
        id(tensor): _same_memory(tensor) for tensor in chain(_parameters(network), network.buffers())
    }
    for old, new in _configs(network.config, config):
        memo[id(old)] = new
    return copy.deepcopy(network, memo)


def _parameters(network: nn.Module) -> Iterator[nn.Parameter]:
    return (parameter for _, parameter in network.named_parameters(remove_duplicate=False))


def _same_memory(tensor: Tensor) -> Tensor:
    """A parameter of its own over the same memory, since `Module.to` swaps a parameter's content in place."""
    if type(tensor) is nn.Parameter:
        return nn.Parameter(tensor.detach(), requires_grad=tensor.requires_grad)
    return tensor


def _configs(old: PretrainedConfig, new: PretrainedConfig) -> Iterator[tuple[PretrainedConfig, PretrainedConfig]]:
    """A config and the parts of it that modules hold, beside those of its replacement."""
    yield old, new
    yield old.get_text_config(decoder=True), new.get_text_config(decoder=True)
    for name in old.sub_configs:
        if isinstance(getattr(old, name, None), PretrainedConfig):
            yield getattr(old, name), getattr(new, name)


def replace_layers(network: PreTrainedModel, path: str, layers: Sequence[nn.Module]) -> None:
    """Let `layers` stand in the ModuleList at the dotted `path`."""
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, nn.ModuleList(layers))


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Name -> tensor, of all parameters and of those buffers that are saved."""
    found: dict[str, Tensor] = dict(module.named_parameters(remove_duplicate=False))
    for path, part in module.named_modules():
        for name, buffer in part.named_buffers(recurse=False):
            if name not in part._non_persistent_buffers_set:
                found[f"{path}.{name}" if path else name] = buffer
    return found


def set_tensor(module: nn.Module, name: str, tensor: Tensor) -> None:
    """Put `tensor` in the place of the parameter or buffer called `name`; a parameter keeps `requires_grad`."""
    path, _, leaf = name.rpartition(".")
    owner = module.get_submodule(path)
    old = owner._parameters.get(leaf)
    if old is None:
        owner._buffers[leaf] = tensor
    else:
        owner._parameters[leaf] = nn.Parameter(tensor.detach(), requires_grad=old.requires_grad)
