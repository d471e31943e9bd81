"""A network with modules and configs of its own that shares every tensor with another."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import chain
from types import FunctionType, NoneType
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel


def share(network: PreTrainedModel, config: PretrainedConfig) -> PreTrainedModel:
    """A copy of `network` under `config` whose modules are new and whose tensors lie in the same memory.

    What is done to the copy's modules (numbering, hooks, another dtype or device) leaves `network` as it was;
    writing into its tensors does not. Tied tensors stay tied, and what a module holds of other modules of the
    network, it holds of their copies.
    """
    copies = _Copies(network, config)
    for module, shell in copies.shells:
        vars(shell).update({name: copies.of(value) for name, value in module.__getstate__().items()})
    shared: PreTrainedModel = copies.of(network)
    return shared


class _Copies:
    """What stands in the copy for each object of the original.

    Modules, and the plain containers they keep their parts in, are copied here, since copy.deepcopy takes five times
    as long for them; it copies the rest, and the modules of classes that say themselves how they are copied.
    """

    def __init__(self, network: PreTrainedModel, config: PretrainedConfig) -> None:
        # copy.deepcopy leaves out what its memo already knows.
        self._known: dict[int, Any] = {
            id(tensor): _same_memory(tensor) for tensor in chain(_parameters(network), network.buffers())
        }
        for old, new in _configs(network.config, config):
            self._known[id(old)] = new
        plain = set(filter(_is_plain, set(map(type, network.modules()))))
        self.shells = [(module, _empty(module)) for module in network.modules() if type(module) in plain]
        for module, shell in self.shells:
            self._known[id(module)] = shell

    def of(self, value: Any) -> Any:
        """The copy of what a module holds: the same one for the same object."""
        kind = type(value)
        if kind in UNCHANGING:
            return value
        known = self._known.get(id(value))
        if known is not None:
            return known
        if kind is dict or kind is OrderedDict:
            copied = self._known[id(value)] = kind()
            for key, held in value.items():
                copied[self.of(key)] = self.of(held)
            return copied
        if kind is set:
            return self._known.setdefault(id(value), set(map(self.of, value)))
        return copy.deepcopy(value, self._known)


UNCHANGING = frozenset((NoneType, bool, int, float, str, torch.dtype, torch.device, type, FunctionType))
"""Kinds of values that are the same in a copy."""


def _is_plain(kind: type[nn.Module]) -> bool:
    """Whether copying a module of this class means copying its attributes: it says nothing else itself."""
    ways = ("__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")
    return all(getattr(kind, way, None) is getattr(nn.Module, way, None) for way in ways)


def _empty(module: nn.Module) -> nn.Module:
    kind = type(module)
    return kind.__new__(kind)


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
