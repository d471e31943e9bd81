"""Which plans a model allows, told from its description alone, as merging would judge them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from mka.objects.model_summary import ModelSummary, TensorSummary
from mka.planning.compatible import mergeable_pairs
from mka.planning.strategies import STRATEGIES, runs

TYPE = "type"
NOTHING = "nothing"


@dataclass(frozen=True)
class Obstacle:
    """Two neighbours that cannot be averaged, and how they differ.

    differs: TYPE, else the name of the first tensor that does; "" where the description does not tell it
    sides:   what it is in each layer: a type, or a shape, or NOTHING where the layer has no such tensor
    """

    layers: tuple[int, int]
    differs: str
    sides: tuple[str, str]


@dataclass(frozen=True)
class Reach:
    """How many layers a strategy can remove.

    most: 0 where it can remove none
    sure: False where it may pick layers that merging refuses, so that fewer than `most` may be refused too
    """

    strategy: str
    most: int
    sure: bool


@dataclass(frozen=True)
class Allowed:
    """What can be averaged and removed, each pair or layer judged by itself.

    runs:     (first, last) of each longest run of two or more neighbours of one type and one shape class
    alike:    all layers of one type and shape class, wherever they stand, where there are two or more
    obstacle: the first two neighbours that cannot be averaged; None where all can
    experts:  the layers that hold experts, which are averaged only where a plan says "by-index"
    fixed:    the layers that no plan can remove alone, whether it averages or deletes
    reaches:  one per strategy
    known:    False where the description, being an old one, does not tell of experts and fixed layers
    """

    depth: int
    runs: tuple[tuple[int, int], ...]
    alike: tuple[tuple[int, ...], ...]
    obstacle: Obstacle | None
    experts: tuple[int, ...]
    fixed: tuple[int, ...]
    reaches: tuple[Reach, ...]
    known: bool

    def averages(self, first: int) -> bool:
        """Whether merging takes the average of layers `first` and `first` + 1, unless a plan says "by-index"."""
        together = any(begin <= first < end for begin, end in self.runs)
        return together and first not in self.experts and first + 1 not in self.fixed

    @property
    def only_last(self) -> bool:
        """Whether layers can go from the end alone, the last one first."""
        return self.depth > 1 and self.fixed == tuple(range(self.depth - 1))


def allowed(summary: ModelSummary) -> Allowed:
    """What `mka.merge` would take of plans for the model that `summary` describes."""
    pairs = mergeable_pairs(summary.layer_types, summary.shape_classes)
    kinds: dict[tuple[str, int], list[int]] = {}
    for layer in summary.per_layer:
        kinds.setdefault((layer.type, layer.shape_class), []).append(layer.index)
    experts = tuple(layer.index for layer in summary.per_layer if layer.experts)
    fixed = tuple(sorted({layer for refusal in summary.refusals for layer in refusal.layers}))
    apart = (layer for layer in range(summary.layers - 1) if layer not in pairs)
    return Allowed(
        depth=summary.layers,
        runs=tuple((first, last + 1) for first, last in runs(pairs)),
        alike=tuple(tuple(layers) for layers in kinds.values() if len(layers) > 1),
        obstacle=next((_obstacle(summary, layer) for layer in apart), None),
        experts=experts,
        fixed=fixed,
        reaches=_reaches(summary.layers, pairs, set(experts), set(fixed)),
        known=bool(summary.layer_tensors),
    )


def _obstacle(summary: ModelSummary, layer: int) -> Obstacle:
    """How `layer` and its follower differ, in the order in which merging looks."""
    sides = summary.per_layer[layer], summary.per_layer[layer + 1]
    both = (layer, layer + 1)
    if sides[0].type != sides[1].type:
        return Obstacle(both, TYPE, (sides[0].type, sides[1].type))
    if not summary.layer_tensors:
        return Obstacle(both, "", ("", ""))
    ours, theirs = (_shapes(summary.layer_tensors[side.shape_class]) for side in sides)
    name = next(name for name in (*ours, *theirs) if ours.get(name) != theirs.get(name))
    return Obstacle(both, name, (ours.get(name, NOTHING), theirs.get(name, NOTHING)))


def _shapes(tensors: Sequence[TensorSummary]) -> dict[str, str]:
    return {tensor.name: str(tensor.shape) for tensor in tensors}


def _reaches(depth: int, pairs: Sequence[int], experts: Set[int], fixed: Set[int]) -> tuple[Reach, ...]:
    """By the rules of `strategies.py`: which pairs each may choose, and what it never removes."""
    tail = _tail(depth, pairs, experts, fixed)
    end = 0 if depth - 1 in fixed else depth - 1
    free = [layer for layer in range(1, depth) if layer not in fixed]
    taken = [pair for pair in pairs if pair >= 1 and pair not in experts and pair + 1 not in fixed]
    chosen_from = [pair for pair in pairs if pair >= 1]
    most = {
        "mka": max(len(taken), min(tail, depth - 2)),
        "mka-code": tail,
        "truncate": end,
        "shortgpt": end or len(free),
        "angular": end or max((last - first + 1 for first, last in runs(free)), default=0),
    }
    anywhere = len(free) == depth - 1
    sure = {"mka": taken == chosen_from, "shortgpt": anywhere, "angular": anywhere}
    return tuple(Reach(name, most[name], sure.get(name, True)) for name in STRATEGIES)


def _tail(depth: int, pairs: Sequence[int], experts: Set[int], fixed: Set[int]) -> int:
    """How many of the last layers can be averaged into the one before them."""
    if depth - 1 in fixed:
        return 0
    first = depth - 1
    while first - 1 in pairs and first - 1 not in experts:
        first -= 1
    return depth - 1 - first
