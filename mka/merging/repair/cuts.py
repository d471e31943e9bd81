"""Where a merged model's residual stream should be, place by place."""

from __future__ import annotations

from dataclasses import dataclass

from mka.errors import BadInput
from mka.objects.plan import MergePlan


@dataclass(frozen=True)
class Place:
    """A layer of the merged model.

    number:   its index there
    target:   the source layer whose output should leave it: the last before the source layer of the next place
    changed:  whether source layers behind it are gone, or it is no single source layer any more
    first:    the source layer that it stands for from
    gone:     source layers from there to the target that stand nowhere
    alone:    whether it is the layer `first` as it was, and not a sum of several
    """

    number: int
    target: int
    changed: bool
    first: int
    gone: tuple[int, ...]
    alone: bool


def places_of(plan: MergePlan) -> tuple[Place, ...]:
    """Every layer of the merged model, front to back; a group stands for its first layer on.

    BadInput where the plan leaves nothing before the first layer that stays, for then no weight can be repaired.
    """
    firsts = _first_layers(plan)
    if firsts[0] != 0:
        raise BadInput(
            f"layers 0 to {firsts[0] - 1} are dropped and nothing stands before that cut that could be repaired; "
            "keep the first layer, or merge with repair none"
        )
    nexts = (*firsts[1:], plan.depth)
    return tuple(
        _place(number, first, following, plan.layer_map[number])
        for number, (first, following) in enumerate(zip(firsts, nexts, strict=True))
    )


def _place(number: int, first: int, following: int, sources: tuple[int, ...]) -> Place:
    gone = tuple(layer for layer in range(first, following) if layer not in sources)
    alone = sources == (first,)
    return Place(number, following - 1, following != first + 1 or not alone, first, gone, alone)


def _first_layers(plan: MergePlan) -> list[int]:
    """For each place, the first source layer that it stands for."""
    inner = {layer for group in plan.groups for layer in group.layers[(0 if group.method == "drop" else 1) :]}
    return [layer for layer in range(plan.depth) if layer not in inner]
