"""One group of a plan made into another: split, joined, weighted or treated otherwise.

Each function returns new groups and raises BadInput, in words, where the group takes no such change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from mka.errors import BadInput
from mka.objects.plan import KINDS, WEIGHTED, MergeGroup
from mka.studio.selection.naming import named

SAME = 1e-9
"""Weights that differ by less are the same."""


def equal_group(layers: tuple[int, ...]) -> MergeGroup:
    """A group that averages its layers with equal weights."""
    return MergeGroup(layers, _equal(len(layers)))


def split(group: MergeGroup, at: int) -> tuple[MergeGroup, ...]:
    """The layers before `at` and those from `at` on. Weights keep their ratios. A part of one layer is no group any
    more, unless it is dropped; a part without the survivor of `keep` keeps its first layer."""
    if at not in group.layers[1:]:
        places = ", ".join(map(str, group.layers[1:])) or "none of its layers"
        raise BadInput(f"the group {named(group.layers)} cannot be split at layer {at}; it can be split at {places}")
    place = group.layers.index(at)
    parts = (slice(None, place), slice(place, None))
    least = 1 if group.method == "drop" else 2
    return tuple(
        replace(
            group,
            layers=group.layers[part],
            weights=_scaled(group.weights[part]) if group.method in WEIGHTED else (),
            kinds=tuple((kind, _scaled(weights[part])) for kind, weights in group.kinds),
            layer=_survivor(group, group.layers[part]),
        )
        for part in parts
        if len(group.layers[part]) >= least
    )


def join(first: MergeGroup, second: MergeGroup) -> MergeGroup:
    """Both as one group; each brings weight by its number of layers, differences are added to the first layer of all,
    and the survivor of `keep` is the first's."""
    for of, one, other in (
        ("method", first.method, second.method),
        ("tensors", first.tensors, second.tensors),
        ("experts", first.experts, second.experts),
    ):
        if one != other:
            raise BadInput(
                f"the groups {named(first.layers)} and {named(second.layers)} cannot be joined: "
                f"{of} is {one} in one and {other} in the other; make them the same first"
            )
    layers = first.layers + second.layers
    kinds = [kind for kind in KINDS if kind in dict(first.kinds) or kind in dict(second.kinds)]
    return replace(
        first,
        layers=layers,
        weights=_joined(first, second, None) if first.method in WEIGHTED else (),
        kinds=tuple((kind, _joined(first, second, kind)) for kind in kinds),
    )


def _joined(first: MergeGroup, second: MergeGroup, kind: str | None) -> tuple[float, ...]:
    count = len(first.layers) + len(second.layers)
    both = (first, second)
    return tuple(weight * len(group.layers) / count for group in both for weight in group.weights_of(kind))


def weight_one(group: MergeGroup, layer: int, weight: float) -> MergeGroup:
    """`weight` in [0, 1] for `layer`; the others share the rest in their old ratios, equally where they had none."""
    _check_averaged(group)
    if layer not in group.layers:
        raise BadInput(f"the group {named(group.layers)} has no layer {layer}; weigh one of its own")
    if not 0 <= weight <= 1:
        raise BadInput(f"a weight of {weight:g} for layer {layer} is no share; choose one from 0 to 1")
    place = group.layers.index(layer)
    others = iter(_scaled(group.weights[:place] + group.weights[place + 1 :]))
    return _reweighted(group, [weight if one == layer else (1 - weight) * next(others) for one in group.layers])


def weight_all(group: MergeGroup, weights: Sequence[float]) -> MergeGroup:
    """New weights, one per layer, scaled here to sum to 1."""
    _check_averaged(group)
    if len(weights) != len(group.layers):
        raise BadInput(f"the group {named(group.layers)} takes {len(group.layers)} weights, not {len(weights)}")
    if not math.isfinite(sum(weights)) or min(weights) < 0 or max(weights) == 0:
        raise BadInput("weights must not be negative, nor endless, and at least one must be above 0")
    return _reweighted(group, _scaled(weights))


def treat(group: MergeGroup, method: str, survivor: int | None = None) -> MergeGroup:
    """The same layers by another method of METHODS: weights stay where both methods have them and are equal where only
    the new one has, and `keep` keeps `survivor`, else the first."""
    if method == group.method and survivor in (None, group.layer):
        return group
    kept = group.layers[0] if method == "keep" and survivor is None else survivor
    if method not in WEIGHTED:
        return replace(group, method=method, weights=(), kinds=(), layer=kept)
    weights = group.weights if group.method in WEIGHTED else _equal(len(group.layers))
    return replace(group, method=method, weights=weights, layer=kept)


def _check_averaged(group: MergeGroup) -> None:
    if group.method not in WEIGHTED:
        raise BadInput(
            f"the group {named(group.layers)} takes no weights: its layers are not averaged; average them first"
        )


def _reweighted(group: MergeGroup, weights: Sequence[float]) -> MergeGroup:
    """The group itself where the weights are the old ones but for rounding."""
    change = max(abs(new - old) for new, old in zip(weights, group.weights, strict=True))
    return group if change < SAME else replace(group, weights=tuple(weights))


def _survivor(group: MergeGroup, part: tuple[int, ...]) -> int | None:
    if group.method != "keep":
        return None
    return group.layer if group.layer in part else part[0]


def _scaled(weights: Sequence[float]) -> tuple[float, ...]:
    """Scaled to sum to 1; equal where all are 0."""
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights) if total > 0 else _equal(len(weights))


def _equal(count: int) -> tuple[float, ...]:
    return (1 / count,) * count
