"""Strategies propose which layers merge, from the depth and, where they need one, a similarity.

Pure functions of numbers; the sources of each are named where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from mka.errors import BadInput
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.objects.similarity import Similarity

Groups = tuple[MergeGroup, ...]


@dataclass(frozen=True)
class Strategy:
    """A way to choose layers.

    sentence:         what it does, for a person who chooses
    needs_similarity: whether `propose` reads a similarity
    spared:           how many of the model's layers it can never remove
    propose:          (depth, remove, similarity) -> groups that remove exactly `remove` layers
    """

    name: str
    sentence: str
    needs_similarity: bool
    spared: int
    propose: Callable[[int, int, Similarity | None], Groups]


def chained(ratios: Sequence[float]) -> tuple[float, ...]:
    """Weights of a chain of pairwise merges from the back to the front, in closed form.

    ratios[i] is the share a_i of layer i when it takes in what its followers became, so k ratios give the
    k + 1 weights a_0, (1 - a_0) a_1, ..., prod(1 - a). They sum to 1.
    """
    weights, rest = [], 1.0
    for ratio in ratios:
        weights.append(rest * ratio)
        rest *= 1 - ratio
    return (*weights, rest)


def most_similar_pairs(depth: int, remove: int, similarity: Similarity) -> Groups:
    """The `remove` adjacent pairs (l, l + 1), l >= 1, of largest S; runs of chosen pairs form one group.

    Ties go to the later pair, since early layers bear merging worst. The ratio is S clipped to [0, 1], the merge
    theta = S theta_l + (1 - S) theta_m of Liu et al., arXiv 2406.16330. BadInput where an adjacent S is not finite.
    """
    adjacent = similarity.adjacent
    unknown = [f"{pair}-{pair + 1}" for pair in range(1, depth - 1) if not math.isfinite(adjacent[pair])]
    if unknown:
        raise BadInput(f"the similarity has no value for the layers {', '.join(unknown)}; {_OTHER_MEASURE}")
    ranked = sorted(range(1, depth - 1), key=lambda pair: (-adjacent[pair], -pair))
    groups = []
    for first, last in _runs(ranked[:remove]):
        ratios = [min(max(float(adjacent[pair]), 0.0), 1.0) for pair in range(first, last + 1)]
        groups.append(MergeGroup(tuple(range(first, last + 2)), chained(ratios)))
    return tuple(groups)


def last_two_repeatedly(depth: int, remove: int, similarity: Similarity) -> Groups:
    """The last two layers `remove` times, projections only, as the official code of arXiv 2406.16330 means it.

    The share of layer i in the pair (i, j) is sigmoid(s_i / (s_i + s_j)), s the row means of S, which is computed
    once for all merges. (There the fused weights never land; here they do.) BadInput where a share has no value.
    """
    first = depth - 1 - remove
    means = similarity.values.mean(axis=1)
    ratios = [_sigmoid_share(float(means[layer]), float(means[layer + 1]), layer) for layer in range(first, depth - 1)]
    return (MergeGroup(tuple(range(first, depth)), chained(ratios), tensors="projections"),)


def _sigmoid_share(mine: float, other: float, layer: int) -> float:
    total = mine + other
    if not math.isfinite(total) or total == 0:
        raise BadInput(
            f"the similarity gives the layers {layer} and {layer + 1} no merge ratio (row means {mine:.3g} and "
            f"{other:.3g}); {_OTHER_MEASURE}"
        )
    # The share is unbounded where the means differ in sign; tanh does not overflow there.
    return 0.5 * (1 + math.tanh(mine / total / 2))


_OTHER_MEASURE = "use another measure or more calibration texts"


def _runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """(first, last) of each maximal run of consecutive numbers, in increasing order."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def last_layers(depth: int, remove: int) -> Groups:
    """Drop the last `remove` layers: what the official code of arXiv 2406.16330 does as released."""
    return (MergeGroup(tuple(range(depth - remove, depth)), method="drop"),)


STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {
        strategy.name: strategy
        for strategy in (
            Strategy(
                "mka",
                "Merge the adjacent layers that are most alike, each weighted by its similarity, "
                "and never the first layer.",
                True,
                2,
                lambda depth, remove, similarity: most_similar_pairs(depth, remove, _given(similarity)),
            ),
            Strategy(
                "mka-code",
                "Merge the last two layers again and again, attention and MLP matrices only, "
                "as the paper's official code means to.",
                True,
                1,
                lambda depth, remove, similarity: last_two_repeatedly(depth, remove, _given(similarity)),
            ),
            Strategy(
                "truncate",
                "Delete the last layers and merge nothing, as the paper's official code does in fact.",
                False,
                1,
                lambda depth, remove, similarity: last_layers(depth, remove),
            ),
        )
    }
)


def _given(similarity: Similarity | None) -> Similarity:
    assert similarity is not None  # the planner checks `needs_similarity` first
    return similarity


def check_remove(strategy: str, depth: int, remove: object, spared: int = 1) -> int:
    """`remove` as an int from 1 to depth - spared, else BadInput."""
    most = depth - spared
    if not isinstance(remove, (int, np.integer)) or isinstance(remove, bool) or not 1 <= remove <= most:
        if most < 1:
            raise BadInput(f"{strategy} can remove no layer of a model of {depth}; open a deeper model")
        raise BadInput(f"{strategy} can remove 1 to {most} of {depth} layers, not {remove!r}; choose another number")
    return int(remove)


def truncate(depth: int, k: int) -> MergePlan:
    """The free control: a plan that drops the last `k` layers. BadInput unless 1 <= k < depth."""
    k = check_remove("truncate", depth, k)
    return MergePlan(depth, last_layers(depth, k), provenance=Provenance("truncate"))


def drop_keep_last(depth: int, k: int) -> MergePlan:
    """The other free control: a plan that drops the `k` layers before the last. BadInput unless 1 <= k < depth.

    The last layer often prepares the output, so sparing it can cost less than truncation.
    """
    k = check_remove("drop-keep-last", depth, k)
    group = MergeGroup(tuple(range(depth - 1 - k, depth - 1)), method="drop")
    return MergePlan(depth, (group,), provenance=Provenance("drop-keep-last"))
