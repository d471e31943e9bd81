"""Strategies propose which layers merge, from the depth, the pairs that can be averaged and a similarity.

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
class Request:
    """What a strategy is asked for.

    depth:      layers of the model
    remove:     how many layers fewer it shall have
    similarity: None for a strategy that needs none
    pairs:      each layer l that can be averaged with layer l + 1, increasing; other pairs differ in type or shape
    """

    depth: int
    remove: int
    similarity: Similarity | None
    pairs: tuple[int, ...]

    @property
    def given(self) -> Similarity:
        assert self.similarity is not None  # the planner checks `needs_similarity` first
        return self.similarity


@dataclass(frozen=True)
class Strategy:
    """A way to choose layers.

    sentence:         what it does, for a person who chooses
    needs_similarity: whether `propose` reads a similarity
    takes_distances:  whether that may be a distance, being read for its order alone
    spared:           how many of the model's layers it can never remove
    propose:          request -> groups that remove exactly `request.remove` layers; BadInput where it has none.
                      Whether their layers can be averaged is checked by the planner, for every plan alike.
    """

    name: str
    sentence: str
    needs_similarity: bool
    takes_distances: bool
    spared: int
    propose: Callable[[Request], Groups]


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


def most_similar_pairs(request: Request) -> Groups:
    """The `remove` adjacent pairs (l, l + 1), l >= 1, of largest S; runs of chosen pairs form one group.

    Only pairs that can be averaged are ranked. Ties go to the later pair, since early layers bear merging worst.
    The ratio is S clipped to [0, 1], the merge theta = S theta_l + (1 - S) theta_m of Liu et al., arXiv 2406.16330.
    BadInput where too few pairs can be averaged or the S of one of them is not finite.
    """
    adjacent = request.given.adjacent
    pairs = [pair for pair in request.pairs if pair >= 1]
    if len(pairs) < request.remove:
        raise BadInput(_too_few(len(pairs), request))
    unknown = [f"{pair}-{pair + 1}" for pair in pairs if not math.isfinite(adjacent[pair])]
    if unknown:
        raise BadInput(f"the similarity has no value for the layers {', '.join(unknown)}; {_OTHER_MEASURE}")
    ranked = sorted(pairs, key=lambda pair: (-adjacent[pair], -pair))
    groups = []
    for first, last in runs(ranked[: request.remove]):
        ratios = [min(max(float(adjacent[pair]), 0.0), 1.0) for pair in range(first, last + 1)]
        groups.append(MergeGroup(tuple(range(first, last + 2)), chained(ratios)))
    return tuple(groups)


def _too_few(pairs: int, request: Request) -> str:
    share, remedy = f"only {pairs}", f"remove at most {pairs}, or truncate"
    if not pairs:
        share, remedy = "none", "truncate, or drop layers by hand"
    return (
        f"mka can average {share} of the {request.depth - 2} pairs of neighbours after the first layer, since layers "
        "of two types (such as sliding and full attention) or of two shapes have no average, so it cannot remove "
        f"{request.remove}; {remedy}"
    )


def last_two_repeatedly(request: Request) -> Groups:
    """The last two layers `remove` times, projections only, as the official code of arXiv 2406.16330 means it.

    The share of layer i in the pair (i, j) is sigmoid(s_i / (s_i + s_j)), s the row means of S, which is computed
    once for all merges. (There the fused weights never land; here they do.) BadInput where a share has no value.
    """
    last = request.depth - 1
    first = last - request.remove
    means = request.given.values.mean(axis=1)
    ratios = [_sigmoid_share(float(means[layer]), float(means[layer + 1]), layer) for layer in range(first, last)]
    return (MergeGroup(tuple(range(first, last + 1)), chained(ratios), tensors="projections"),)


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


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """(first, last) of each maximal run of consecutive numbers, in increasing order."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def least_influential(request: Request) -> Groups:
    """Drop the `remove` layers that change the hidden states least, wherever they stand.

    ShortGPT of Men et al., arXiv 2403.03853, by Block Influence, 1 - mean cos(input, output) of a layer; another
    measure ranks layers by how it finds their input and output alike. A layer's input is the output of the one before
    it. That of layer 0 is no layer's output and stands in no similarity, so layer 0 is never dropped. Ties go to the
    later layer. BadInput where a value is not finite.
    """
    unlike = [_unlike(request.given, layer, layer) for layer in range(1, request.depth)]
    ranked = sorted(range(1, request.depth), key=lambda layer: (unlike[layer - 1], -layer))
    return dropped(ranked[: request.remove])


def nearest_block(request: Request) -> Groups:
    """Drop the block of `remove` consecutive layers whose input and output are most alike.

    Gromov et al., arXiv 2403.17887, section 3.2, by the angular distance of the hidden states before the block and
    behind it; another measure may take its place. No block begins at layer 0, as for `least_influential`. Ties go to
    the later block. BadInput where a value is not finite.
    """
    size = request.remove
    starts = range(1, request.depth - size + 1)
    unlike = {start: _unlike(request.given, start, start + size - 1) for start in starts}
    best = min(starts, key=lambda start: (unlike[start], -start))
    return dropped(range(best, best + size))


def _unlike(similarity: Similarity, first: int, last: int) -> float:
    """How much the layers first..last together change the hidden states: a distance, or a similarity turned round."""
    value = float(similarity.values[first - 1, last])
    if not math.isfinite(value):
        raise BadInput(f"the similarity has no value for the layers {first - 1}-{last}; {_OTHER_MEASURE}")
    return -value if similarity.higher_is_alike else value


def dropped(layers: Iterable[int]) -> Groups:
    """Groups that drop these layers, one for each run of neighbours."""
    return tuple(MergeGroup(tuple(range(first, last + 1)), method="drop") for first, last in runs(layers))


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
                False,
                2,
                most_similar_pairs,
            ),
            Strategy(
                "mka-code",
                "Merge the last two layers again and again, attention and MLP matrices only, "
                "as the paper's official code means to.",
                True,
                False,
                1,
                last_two_repeatedly,
            ),
            Strategy(
                "truncate",
                "Delete the last layers and merge nothing, as the paper's official code does in fact.",
                False,
                False,
                1,
                lambda request: last_layers(request.depth, request.remove),
            ),
            Strategy(
                "shortgpt",
                "Delete the layers that change the hidden states least, wherever they stand, and never the first.",
                True,
                True,
                1,
                least_influential,
            ),
            Strategy(
                "angular",
                "Delete the one block of layers behind which the hidden states point most nearly as before it.",
                True,
                True,
                1,
                nearest_block,
            ),
        )
    }
)


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
