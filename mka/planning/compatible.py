"""Which layers can be merged into one: those of one shape class and one type. Deletion is free of that rule."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mka.errors import BadInput
from mka.objects.plan import MergeGroup, MergePlan


def check_compatible(plan: MergePlan, layer_types: Sequence[str], shape_classes: Sequence[int]) -> None:
    """BadInput where a group that merges mixes layer types or shape classes (one of each per source layer).

    A sliding-window layer reads another span than one of full attention, and tensors of other shapes have
    no sum; the message names the layers that differ and how.
    """
    for group in plan.groups:
        if group.merges:
            check_types(group, layer_types)
            _check_classes(group, shape_classes)


def mergeable_pairs(layer_types: Sequence[str], shape_classes: Sequence[int]) -> tuple[int, ...]:
    """Each layer l that can be averaged with layer l + 1, being of the same type and shape class."""
    kinds = list(zip(layer_types, shape_classes, strict=True))
    return tuple(layer for layer, (kind, following) in enumerate(pairwise(kinds)) if kind == following)


def check_types(group: MergeGroup, layer_types: Sequence[str]) -> None:
    """BadInput where the group's layers are of several types."""
    first = group.layers[0]
    for layer in group.layers[1:]:
        if layer_types[layer] != layer_types[first]:
            raise BadInput(
                f"{group.cannot}: layer {first} is {layer_types[first]} and "
                f"layer {layer} is {layer_types[layer]}; group layers of one type, or drop or keep one of them"
            )


def _check_classes(group: MergeGroup, shape_classes: Sequence[int]) -> None:
    first = group.layers[0]
    for layer in group.layers[1:]:
        if shape_classes[layer] != shape_classes[first]:
            raise BadInput(
                f"{group.cannot}: layers {first} and {layer} hold tensors of "
                "other names or shapes; group layers of one kind, or drop or keep one of them"
            )
