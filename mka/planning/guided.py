"""Strategies that try plans: they ask a score for each candidate, so they need more than a similarity of layers.

What scores a plan comes from the caller, since planning runs no model. The sources of each are named where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mka.errors import BadInput
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.objects.progress import Cancel, Progress, silent
from mka.planning.strategies import check_remove, dropped

Score = Callable[[MergePlan], float]
"""How good a plan is: higher is better, NaN is worse than any number. BadInput for a plan that the model refuses."""

WINDOW = 4
"""Layers that LaCo makes one at a time, as the paper takes for models of 32 layers."""

LADDER = (*(step / 20 for step in range(19, 0, -1)), -math.inf)
"""The thresholds that LaCo tries when it is to remove a given number of layers: .95, .90, ..., .05, none."""


@dataclass(frozen=True)
class Scorer:
    """A score, and where it comes from, which the plan then tells.

    measure:      what it measures, by name
    seed, calibration_key, text_hashes: of the texts that it reads (see `Provenance`)
    """

    score: Score
    measure: str | None = None
    seed: int | None = None
    calibration_key: str | None = None
    text_hashes: tuple[str, ...] = ()

    @property
    def provenance(self) -> Provenance:
        return Provenance("", self.measure, self.seed, self.calibration_key, self.text_hashes)


@dataclass(frozen=True)
class Guided:
    """A way to choose layers by trying.

    sentence: what it does, for a person who chooses
    measure:  what its score measures where the source of the strategy is followed
    propose:  (depth, remove, score, progress=, cancel=) -> a plan that removes exactly `remove` layers; BadInput
              where there is none
    """

    name: str
    sentence: str
    measure: str
    propose: Callable[..., MergePlan]


def greedy(
    depth: int, remove: int, score: Score, *, progress: Progress = silent, cancel: Cancel | None = None
) -> MergePlan:
    """Delete one layer at a time, each time the one whose deletion leaves the best score.

    SLEB of Song et al., arXiv 2402.09025, algorithm 1, whose score is the perplexity on calibration texts (here with
    the sign turned, since higher is better). depth - r plans are tried for the layer r + 1. Ties go to the later layer.
    A plan that the model refuses is passed over; BadInput where it refuses all, or for a number that cannot be removed.
    """
    remove = check_remove("greedy", depth, remove)
    total = sum(depth - gone for gone in range(remove))
    lost: tuple[int, ...] = ()
    done = 0
    for _ in range(remove):
        best, chosen, refusal = -math.inf, -1, ""
        for layer in (layer for layer in range(depth) if layer not in lost):
            if cancel is not None:
                cancel.check()
            progress("greedy", done, total)
            done += 1
            try:
                found = _number(score(_deletion(depth, (*lost, layer))))
            except BadInput as error:
                refusal = str(error)
                continue
            if found >= best:
                best, chosen = found, layer
        if chosen < 0:
            raise BadInput(f"greedy finds no layer to remove after {len(lost)}: {refusal}")
        lost = (*lost, chosen)
    progress("greedy", total, total)
    return _deletion(depth, lost)


def laco(
    depth: int, remove: int, score: Score, *, progress: Progress = silent, cancel: Cancel | None = None
) -> MergePlan:
    """Make windows of layers one by their differences, from the back, where the score stays above a threshold.

    LaCo of Yang et al., arXiv 2402.11187, algorithm 1, whose score is the cosine between the final hidden states of
    the merged and the original model. With C = WINDOW, the window begins at layer depth - 1 - C and moves towards the
    first layer by one at a time, counted in the model as it stands; its layers become theta_l + sum_k (theta_{l+k} -
    theta_l), also those that were such sums already, wherever the score of that is above the threshold.

    The paper's threshold decides how many layers go. Here that number is given: the threshold is the highest of LADDER
    at which the pass removes as many, the pass ends there, and the last window is no longer than what is left to
    remove. Windows that the model refuses (layers of two types) are passed over. BadInput where even without a
    threshold fewer layers go.
    """
    remove = check_remove("laco", depth, remove)
    known: dict[str, float] = {}

    def asked(plan: MergePlan) -> float:
        if cancel is not None:
            cancel.check()
        if plan.key not in known:
            try:
                known[plan.key] = _number(score(plan))
            except BadInput:
                known[plan.key] = math.nan
        return known[plan.key]

    most = 0
    for step, threshold in enumerate(LADDER):
        progress("laco", step, len(LADDER))
        made = _pass(depth, remove, asked, threshold)
        if made.removed == remove:
            progress("laco", len(LADDER), len(LADDER))
            return made
        most = max(most, made.removed)
    raise BadInput(f"laco can remove {most} of these {depth} layers, not {remove}; choose another number")


Standing = tuple[Mapping[int, float], ...]
"""The layers of a model as it stands: of each, how much of which source layers it is the sum of."""


def _pass(depth: int, remove: int, score: Score, threshold: float) -> MergePlan:
    """One way from the back to the first layer."""
    standing: Standing = tuple({layer: 1.0} for layer in range(depth))
    at = max(depth - 1 - WINDOW, 0)
    while at >= 0:
        left = remove - (depth - len(standing))
        more = min(WINDOW - 1, len(standing) - 1 - at, left)
        if more > 0:
            merged = _with_one(standing, at, more)
            if score(_sums(depth, merged)) > threshold:
                standing = merged
        at -= 1
    return _sums(depth, standing)


def _with_one(standing: Standing, at: int, more: int) -> Standing:
    """The layer `at` and the `more` behind it made one: (1 - more) of the first and all of each other."""
    base, *others = standing[at : at + more + 1]
    sums = {layer: (1 - more) * share for layer, share in base.items()}
    for other in others:
        sums |= other
    return (*standing[:at], sums, *standing[at + more + 1 :])


def _sums(depth: int, standing: Standing) -> MergePlan:
    groups = (_sum(tuple(one), tuple(one.values())) for one in standing if len(one) > 1)
    return MergePlan(depth, tuple(groups), provenance=Provenance("laco"))


def _sum(layers: tuple[int, ...], shares: tuple[float, ...]) -> MergeGroup:
    """A group of method rdsc, its coefficients left out where they are the plain ones."""
    plain = MergeGroup(layers, method="rdsc")
    return plain if plain.weights_of(None) == shares else MergeGroup(layers, shares, method="rdsc")


def _deletion(depth: int, layers: tuple[int, ...]) -> MergePlan:
    return MergePlan(depth, dropped(layers), provenance=Provenance("greedy"))


def _number(score: float) -> float:
    return -math.inf if math.isnan(score) else float(score)


GUIDED: Mapping[str, Guided] = MappingProxyType(
    {
        strategy.name: strategy
        for strategy in (
            Guided(
                "laco",
                "Make windows of layers one by adding up their differences, from the back, "
                "where the model's output stays alike.",
                "output-cosine",
                laco,
            ),
            Guided(
                "greedy",
                "Delete one layer at a time, the one whose deletion leaves the lowest perplexity.",
                "perplexity",
                greedy,
            ),
        )
    }
)
