"""A plan for an open model: layers named in words, or a strategy with the similarity or the texts that it reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from mka.errors import BadInput
from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.savings import Savings
from mka.objects.similarity import Similarity
from mka.planning import savings as counting
from mka.planning.guided import GUIDED, Score, Scorer
from mka.planning.planner import plan
from mka.planning.strategies import STRATEGIES
from mka.workflows.analysis_files import Analysis

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel
    from mka.objects.texts import TextSet

MEASURE = "npib"
"""What is read of an analysis unless told otherwise."""

MEASURES: Mapping[str, str] = MappingProxyType(
    {"mka-code": "npib-code", "shortgpt": "block-influence", "angular": "angular"}
)
"""The strategies that read another one."""

_RANGE = re.compile(r"\s*(\d{1,9})\s*-\s*(\d{1,9})\s*")


def measure_of(strategy: str, named: str | None = None) -> str | None:
    """The measure that `strategy` reads: the named one, else its own; None where it reads none.

    BadInput for an unknown strategy. A name that is not needed is no error, so that strategies can be
    compared by changing one word of a command.
    """
    if strategy not in STRATEGIES and strategy not in GUIDED:
        raise BadInput(f"strategy {strategy!r} is unknown; use one of {', '.join((*STRATEGIES, *GUIDED))}")
    if strategy in GUIDED or not STRATEGIES[strategy].needs_similarity:
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


def scorer(model: LoadedModel, strategy: str, texts: TextSet, *, cancel: Cancel | None = None) -> Scorer:
    """What the strategies of `GUIDED` try plans by: the model merged by a plan, on calibration texts.

    greedy: minus the perplexity; laco: the cosine between the final hidden states of the merged model and of `model`.
    No plan made so may be evaluated on these texts, and it tells them. BadInput for another strategy.
    """
    if strategy not in GUIDED:
        raise BadInput(f"the strategy {strategy!r} tries no plans; those that do are {', '.join(GUIDED)}")
    score = {"greedy": _perplexity_score, "laco": _agreement_score}[strategy](model, texts, cancel)
    return Scorer(score, measure=GUIDED[strategy].measure, seed=0, calibration_key=texts.key, text_hashes=texts.hashes)


def by_trying(
    model: LoadedModel,
    strategy: str,
    remove: int,
    texts: TextSet,
    *,
    seed: int = 0,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> MergePlan:
    """What a strategy of `GUIDED` finds on these calibration texts."""
    score = scorer(model, strategy, texts, cancel=cancel)
    return plan(model, strategy=strategy, remove=remove, score=score, seed=seed, progress=progress, cancel=cancel)


def _perplexity_score(model: LoadedModel, texts: TextSet, cancel: Cancel | None) -> Score:
    from mka.evaluation.perplexity import perplexity
    from mka.merging.merge import merge

    return lambda tried: -perplexity(merge(model, tried).model, texts, cancel=cancel).value


def _agreement_score(model: LoadedModel, texts: TextSet, cancel: Cancel | None) -> Score:
    from mka.evaluation.agreement import agreement, final_states
    from mka.merging.merge import merge

    before = final_states(model, texts, cancel=cancel)
    return lambda tried: agreement(final_states(merge(model, tried).model, texts, cancel=cancel), before)


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
