"""One group of layers: whether they can be merged, and what their tensors become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mka.errors import BadInput
from mka.merging.averaging import FLOATS, dots
from mka.merging.coefficients import coefficients, kind_of, needs_dots
from mka.merging.shells import tensors_of
from mka.models.stack import holds_experts
from mka.objects.plan import MergeGroup
from mka.planning.compatible import check_types

MATRIX = 2
"""Dimensions from which a weight counts as a projection: matrices, and experts stacked into blocks of matrices."""


@dataclass(frozen=True)
class Sum:
    """What becomes of a tensor of the merged layer that is no longer the first layer's own.

    name:     in the layer
    before:   the first layer's own
    tensors:  what it is the sum of, those of weight 0 left out; where it is one alone, that very tensor
    sources:  their layers
    weights:  the coefficients of the sum, which of an average alone are shares
    """

    name: str
    before: Tensor
    tensors: tuple[Tensor, ...]
    sources: tuple[int, ...]
    weights: tuple[float, ...]


def check_group(group: MergeGroup, layers: Sequence[nn.Module], layer_types: Sequence[str]) -> None:
    """BadInput where a group that merges cannot be merged; the message names the layers and how they differ.

    The layers must be of one type and hold tensors of the same names and shapes. Layers with experts are refused
    unless the group says `by-index`, since expert 3 of one layer need not do what expert 3 of another does.
    """
    if not group.merges:
        return
    check_types(group, layer_types)
    first = group.layers[0]
    for layer in group.layers[1:]:
        _check_same_shapes(group, first, tensors_of(layers[first]), layer, tensors_of(layers[layer]))
    holding = [layer for layer in group.layers if holds_experts(layers[layer])]
    if holding and group.experts == "refuse":
        raise BadInput(
            f"{group.cannot}: layer {holding[0]} holds experts, which are "
            'numbered anew in each layer; set "experts" to "by-index" to merge them by their numbers, or drop or keep '
            "a layer"
        )


def doubt(group: MergeGroup, layers: Sequence[nn.Module]) -> str:
    """Why the merge that `group` asks for may mean nothing; "" where its layers hold no experts."""
    if not group.merges or not any(holds_experts(layers[layer]) for layer in group.layers):
        return ""
    return (
        f"the experts of layers {', '.join(map(str, group.layers))} were merged by their numbers: each layer numbers "
        "its experts anew, so those merged need not do the same work, and the router chooses among them as before; "
        "evaluate the model before you trust it"
    )


def sums(group: MergeGroup, layers: Sequence[nn.Module]) -> Iterator[Sum]:
    """The tensors of a group that merges that differ from its first layer's own, one after the other.

    All parameters and saved buffers are merged, or with tensors="projections" the weight matrices alone.
    BadInput for a tensor that cannot be merged because it holds codes and not numbers.
    """
    members = [tensors_of(layers[layer]) for layer in group.layers]
    for name, before in members[0].items():
        if group.tensors == "projections" and before.dim() < MATRIX:
            continue
        tensors = [member[name] for member in members]
        if all(tensor is before for tensor in tensors) or not _numbers(group, name, tensors):
            continue
        found = dots(*tensors) if needs_dots(group) else None
        weights = coefficients(group, kind_of(name, before.dim()), found)
        used = [one for one in zip(tensors, group.layers, weights, strict=True) if one[-1] != 0]
        if len(used) > 1 or used[0][0] is not before:
            yield Sum(name, before, *zip(*used, strict=True))


def _numbers(group: MergeGroup, name: str, tensors: Sequence[Tensor]) -> bool:
    """Whether the tensors can be added up; BadInput where they hold codes that differ between layers."""
    if all(tensor.dtype in FLOATS for tensor in tensors):
        return True
    for layer, tensor in zip(group.layers[1:], tensors[1:], strict=True):
        if not torch.equal(tensor, tensors[0]):
            raise BadInput(
                f"{group.cannot}: {name} holds {_kind(tensor)} and "
                f"differs between layers {group.layers[0]} and {layer}; use unquantised weights, or drop or keep a "
                "layer"
            )
    return False


def _check_same_shapes(
    group: MergeGroup, first: int, ours: dict[str, Tensor], layer: int, theirs: dict[str, Tensor]
) -> None:
    for name in dict.fromkeys((*ours, *theirs)):
        shapes = [tuple(held[name].shape) if name in held else None for held in (ours, theirs)]
        if shapes[0] != shapes[1]:
            one, other = ("nothing" if shape is None else str(shape) for shape in shapes)
            raise BadInput(
                f"{group.cannot}: {name} is {one} in layer {first} and {other} "
                f"in layer {layer}; group layers of one shape, or drop or keep one of them"
            )


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
