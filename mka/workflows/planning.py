"""A plan for an open model: layers named in words, or a strategy with the similarity that it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from mka.errors import BadInput
from mka.objects.plan import MergePlan
from mka.objects.savings import Savings
from mka.objects.similarity import Similarity
from mka.planning import savings as counting
from mka.planning.planner import plan
from mka.planning.strategies import STRATEGIES
from mka.workflows.analysis_files import Analysis

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

MEASURE = "npib"
"""What is read of an analysis unless told otherwise."""

MEASURES: Mapping[str, str] = MappingProxyType({"mka-code": "npib-code"})
"""The strategies that read another one."""

_RANGE = re.compile(r"\s*(\d{1,9})\s*-\s*(\d{1,9})\s*")


def measure_of(strategy: str, named: str | None = None) -> str | None:
    """The measure that `strategy` reads: the named one, else its own; None where it reads none.

    BadInput for an unknown strategy. A name that is not needed is no error, so that strategies can be
    compared by changing one word of a command.
    """
    if strategy not in STRATEGIES:
        raise BadInput(f"strategy {strategy!r} is unknown; use one of {', '.join(STRATEGIES)}")
    if not STRATEGIES[strategy].needs_similarity:
        return None
    return named or MEASURES.get(strategy, MEASURE)


def parse_groups(words: str, depth: int) -> list[list[int]]:
    """Groups written "18-21,25-26", first to last layer of each, as lists of layers; BadInput otherwise."""
    groups = []
    for word in words.split(","):
        found = _RANGE.fullmatch(word)
        if found is None:
            raise BadInput(f"{word.strip()!r} is no group of layers; write groups as first-last, such as 18-21,25-26")
        first, last = int(found[1]), int(found[2])
        if last <= first:
            raise BadInput(f"the group {first}-{last} does not rise; write the first layer, then a later one")
        if last >= depth:
            raise BadInput(
                f"the group {first}-{last} names layer {last}, but the model has layers 0..{depth - 1}; "
                "use layers that exist"
            )
        groups.append(list(range(first, last + 1)))
    return groups


def by_hand(
    model: LoadedModel, words: str, *, similarity: Similarity | None = None, any_model: bool = False
) -> MergePlan:
    """Average the layers of each group of `parse_groups` with equal weights.

    `similarity` is what they were chosen from, which the plan then tells; with `any_model`, one measured on another
    model of this depth will do.
    """
    return plan(
        model, groups=parse_groups(words, model.stack.depth), similarity=_accepted(similarity, any_model=any_model)
    )


def by_strategy(
    model: LoadedModel,
    strategy: str,
    remove: int,
    *,
    similarity: Similarity | None = None,
    seed: int = 0,
    any_model: bool = False,
) -> MergePlan:
    """What `strategy` proposes; with `any_model`, a similarity measured on another model of this depth will do."""
    accepted = _accepted(similarity, any_model=any_model)
    return plan(model, strategy=strategy, remove=remove, similarity=accepted, seed=seed)


def _accepted(similarity: Similarity | None, *, any_model: bool) -> Similarity | None:
    return replace(similarity, model="") if similarity is not None and any_model else similarity


def similarity_from(analysis: Analysis, measure: str) -> Similarity:
    """A measure of a finished analysis; BadInput where it holds others only."""
    if measure in analysis.similarities:
        return analysis.similarities[measure]
    held = ", ".join(analysis.similarities) or "no measure"
    raise BadInput(
        f"the analysis holds {held}, not {measure}; analyze again with --measure {measure}, or choose with --measure"
    )


def savings(model: LoadedModel, made: MergePlan) -> Savings:
    """What the plan saves on this model, counted before anything is merged."""
    from mka.models.summary import summarize

    return counting.savings(summarize(model), made)
