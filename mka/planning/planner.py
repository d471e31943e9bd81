"""A plan from layers named by hand or from a strategy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mka.errors import BadInput
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.seeds import check_seed
from mka.objects.similarity import Similarity
from mka.planning.compatible import check_compatible, mergeable_pairs
from mka.planning.guided import GUIDED, Score, Scorer
from mka.planning.strategies import STRATEGIES, Request, Strategy, check_remove

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

GroupLike = MergeGroup | Mapping[str, Any] | Sequence[int]


@dataclass(frozen=True)
class _Target:
    """What a plan is made for; types and classes are empty where only a depth is known."""

    depth: int
    fingerprint: str | None = None
    source: str | None = None
    layer_types: tuple[str, ...] = ()
    shape_classes: tuple[int, ...] = ()

    @property
    def pairs(self) -> tuple[int, ...]:
        """Each layer that can be averaged with the next: all where only a depth is known."""
        if not self.layer_types:
            return tuple(range(self.depth - 1))
        return mergeable_pairs(self.layer_types, self.shape_classes)


def plan(
    model_or_depth: int | LoadedModel | ModelSummary,
    *,
    groups: Iterable[GroupLike] | None = None,
    strategy: str | None = None,
    remove: int | None = None,
    similarity: Similarity | None = None,
    score: Scorer | Score | None = None,
    seed: int | None = None,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> MergePlan:
    """Plan by hand (`groups`) or by a strategy of `STRATEGIES` or `GUIDED` (`strategy` and `remove`).

    groups:     lists of layers (averaged with equal weights), dicts as in the plan file, or `MergeGroup`s
    remove:     how many layers fewer the merged model has
    similarity: what the strategies mka, mka-code, shortgpt and angular choose by; with `groups`, what they were chosen
                from. Its texts go into the plan, so that no evaluation can be made on them.
    score:      what the strategies laco and greedy try plans by: a plan -> how good it is, higher being better; as a
                `Scorer`, it tells its texts too. `mka.workflows.planning.scorer` makes one of calibration texts.
    seed:       noted in the plan; the similarity's where not given

    A plan for a model carries its fingerprint and source, one for a bare depth fits any model of that depth.
    The strategy mka ranks only pairs of neighbours that can be averaged; of a bare depth, these are all.
    BadInput for anything but a model or a depth, groups and strategy together or neither, an unknown strategy, a
    number of layers that cannot be removed, a similarity that is missing, of another depth or model, a distance, or
    without a value where it is needed, and for averages of layers that differ in type or shape.
    """
    target = _target(model_or_depth)
    seed = None if seed is None else check_seed(seed)
    if (groups is None) == (strategy is None):
        raise BadInput("a plan is made of groups of layers or by a strategy; give exactly one of the two")
    if similarity is not None:
        _check_similarity(similarity, target)
    origin = _provenance(strategy or "manual", similarity, seed)
    if groups is not None:
        if remove is not None:
            raise BadInput("the groups say what is removed; leave out the number of layers to remove")
        chosen = _groups(groups)
    elif strategy is not None and strategy in GUIDED:
        scorer = _scorer(strategy, score)
        chosen = _tried(strategy, target, remove, scorer.score, progress, cancel)
        origin = replace(scorer.provenance, strategy=strategy, seed=scorer.seed if seed is None else seed)
    else:
        chosen = _proposed(str(strategy), target, remove, similarity)
    made = MergePlan(target.depth, chosen, fingerprint=target.fingerprint, source=target.source, provenance=origin)
    if target.layer_types:
        check_compatible(made, target.layer_types, target.shape_classes)
    return made


def _target(given: object) -> _Target:
    if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
        return _Target(int(given))
    if isinstance(given, ModelSummary):
        classes = tuple(layer.shape_class for layer in given.per_layer)
        return _Target(given.layers, given.fingerprint, given.source, given.layer_types, classes)
    from mka.models.loaded import LoadedModel  # here, because it brings torch, which numbers and summaries need not

    if not isinstance(given, LoadedModel):
        raise BadInput(
            f"a plan is made for a loaded model or a number of layers, not for {type(given).__name__}; "
            "open the model with mka.load first (of a merged model give .model)"
        )
    stack = given.stack
    return _Target(stack.depth, given.fingerprint, given.source, stack.layer_types, stack.shape_classes)


def _groups(given: object) -> tuple[MergeGroup, ...]:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise BadInput(f"groups must be a list of groups, such as [[18, 19, 20], [25, 26]], got {given!r}")
    return tuple(_group(raw) for raw in given)


def _group(raw: object) -> MergeGroup:
    if isinstance(raw, MergeGroup):
        return raw
    return MergeGroup.from_json(raw if isinstance(raw, Mapping) else {"layers": raw})


def _proposed(name: str, target: _Target, remove: int | None, similarity: Similarity | None) -> tuple[MergeGroup, ...]:
    if name not in STRATEGIES:
        raise BadInput(f"strategy {name!r} is unknown; use one of {', '.join((*STRATEGIES, *GUIDED))}")
    chosen = STRATEGIES[name]
    remove = check_remove(name, target.depth, _named(name, remove), chosen.spared)
    if chosen.needs_similarity:
        _check_usable(similarity, chosen)
    return chosen.propose(Request(target.depth, remove, similarity, target.pairs))


def _tried(
    name: str, target: _Target, remove: int | None, score: Score, progress: Progress, cancel: Cancel | None
) -> tuple[MergeGroup, ...]:
    return GUIDED[name].propose(target.depth, _named(name, remove), score, progress=progress, cancel=cancel).groups


def _named(strategy: str, remove: int | None) -> int:
    if remove is None:
        raise BadInput(f"the strategy {strategy} must know how many layers to remove; name a number")
    return remove


def _scorer(strategy: str, score: Scorer | Score | None) -> Scorer:
    if score is None:
        raise BadInput(
            f"the strategy {strategy} tries plans, so it needs a score of plans by calibration texts; "
            "give score=mka.workflows.planning.scorer(model, strategy, texts)"
        )
    return score if isinstance(score, Scorer) else Scorer(score)


def _check_similarity(similarity: object, target: _Target) -> None:
    if not isinstance(similarity, Similarity):
        raise BadInput(f"the similarity is {type(similarity).__name__}; give what mka.similarity returns")
    if similarity.layers != target.depth:
        raise BadInput(
            f"the similarity compares {similarity.layers} layers, but the model has {target.depth}; "
            "measure it on this model"
        )
    if similarity.model and target.fingerprint and similarity.model != target.fingerprint:
        raise BadInput(
            f"the similarity was measured on another model ({similarity.model}, not {target.fingerprint}); "
            "measure it on this model"
        )


def _check_usable(similarity: Similarity | None, strategy: Strategy) -> None:
    if similarity is None:
        raise BadInput(f"the strategy {strategy.name} needs a similarity; analyze the model first")
    if not (similarity.higher_is_alike or strategy.takes_distances):
        raise BadInput(
            f"{similarity.measure} is a distance, but {strategy.name} merges where a value is high; "
            "use a similarity such as npib or cosine"
        )


def _provenance(strategy: str, similarity: Similarity | None, seed: int | None) -> Provenance:
    if similarity is None:
        return Provenance(strategy, seed=seed)
    return Provenance(
        strategy,
        measure=similarity.measure,
        seed=similarity.seed if seed is None else seed,
        calibration_key=similarity.calibration_key or None,
        text_hashes=similarity.text_hashes,
    )
