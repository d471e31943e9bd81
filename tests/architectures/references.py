"""What a model must compute after a plan, worked out in the original model without any code of MKA's merging."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

Remove = Callable[[PreTrainedModel, str, Sequence[int]], PreTrainedModel]


def without(network: PreTrainedModel, path: str, layers: Sequence[int]) -> PreTrainedModel:
    """A copy whose `layers` hand on what they are given: they run, and what they put out is not used."""
    other = copy.deepcopy(network)
    for layer in layers:
        other.get_submodule(path)[layer].register_forward_hook(_hand_on, with_kwargs=True)
    return other


def deleted(network: PreTrainedModel, path: str, layers: Sequence[int]) -> PreTrainedModel:
    """A copy without `layers` in which the others keep their numbers, for layers that hand on more than one state."""
    other = copy.deepcopy(network)
    parent, _, name = path.rpartition(".")
    kept = [layer for index, layer in enumerate(other.get_submodule(path)) if index not in layers]
    setattr(other.get_submodule(parent), name, nn.ModuleList(kept))
    return other


def averaged(
    network: PreTrainedModel, path: str, layers: Sequence[int], weights: Sequence[float], remove: Remove
) -> PreTrainedModel:
    """A copy whose first layer of `layers` holds their average and whose others are removed."""
    other = remove(network, path, layers[1:])
    stack = other.get_submodule(path)
    members = [network.get_submodule(path)[layer].state_dict() for layer in layers]
    mean = {name: _mean([member[name] for member in members], weights) for name in members[0]}
    stack[layers[0]].load_state_dict(mean)
    for slices in _slices_per_layer(other, len(stack)):
        slices[layers[0]] = _mean([slices[layer] for layer in layers], weights)
    return other


def _mean(tensors: Sequence[torch.Tensor], weights: Sequence[float]) -> torch.Tensor:
    """Of numbers in float64; what counts something stays as it is."""
    if not tensors[0].is_floating_point():
        return tensors[0]
    return sum(weight * tensor.double() for tensor, weight in zip(tensors, weights, strict=True)).to(tensors[0].dtype)


def _slices_per_layer(network: PreTrainedModel, depth: int) -> Iterator[torch.Tensor]:
    """Views, with the layers first, of the tensors outside the stack that hold something for each layer."""
    for name, parameter in network.named_parameters():
        if name.endswith("embed_tokens_per_layer.weight"):
            yield parameter.detach().unflatten(1, (depth, -1)).movedim(1, 0)
        elif name.endswith("per_layer_model_projection.weight"):
            yield parameter.detach().unflatten(0, (depth, -1))


def _hand_on(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
    before = args[0] if args else kwargs["hidden_states"]
    return (before, *output[1:]) if isinstance(output, (tuple, list)) else before
