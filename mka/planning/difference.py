"""Where two plans for one model part."""

from __future__ import annotations

from collections.abc import Sequence

from mka.errors import BadInput
from mka.objects.plan import KINDS, WEIGHT_TOLERANCE, MergeGroup, MergePlan


def differing_layers(first: MergePlan, second: MergePlan) -> tuple[int, ...]:
    """The source layers of which the two plans make something else: they stand in another group, by another method,
    or with another weight. BadInput for plans of two depths."""
    if first.depth != second.depth:
        raise BadInput(f"plans for {first.depth} and {second.depth} layers have no layers in common; choose one depth")
    fates = [{layer: group for group in plan.groups for layer in group.layers} for plan in (first, second)]
    return tuple(layer for layer in range(first.depth) if not _same_fate(layer, *(fate.get(layer) for fate in fates)))


def _same_fate(layer: int, one: MergeGroup | None, other: MergeGroup | None) -> bool:
    if one is None or other is None:
        return one is other
    ways = [(group.layers, group.method, group.layer, group.tensors, group.experts) for group in (one, other)]
    if ways[0] != ways[1]:
        return False
    place = one.layers.index(layer)
    return all(_same_share(place, one.weights_of(kind), other.weights_of(kind)) for kind in (None, *KINDS))


def _same_share(place: int, one: Sequence[float], other: Sequence[float]) -> bool:
    if not one or not other:
        return not one and not other
    return abs(one[place] - other[place]) <= WEIGHT_TOLERANCE
