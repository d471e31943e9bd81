"""Measure a model against its baseline, and against the controls that cost nothing, unasked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mka.errors import BadInput
from mka.evaluation.measure import measure
from mka.evaluation.verdict import verdict
from mka.merging.merge import merge
from mka.merging.merged import MergedModel
from mka.models.lineage import heir
from mka.models.loaded import LoadedModel
from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.report import Report, Result
from mka.objects.texts import QuestionSet, TextSet
from mka.planning.strategies import drop_keep_last, truncate
from mka.workflows.material import Material, gather
from mka.workflows.sources import DEMO
from mka.workflows.versions import versions

NOT_FOR_CONTROLS = ("generation", "speed")
"""Controls show what merging adds over deleting; what they write or how fast they run does not."""

CONTROLS = {"truncate": truncate, "drop-keep-last": drop_keep_last}


def evaluate(
    model: LoadedModel | MergedModel,
    tasks: Sequence[str] | None = None,
    *,
    data: str | Path | None = DEMO,
    texts: str | Path | TextSet | None = None,
    questions: str | Path | QuestionSet | None = None,
    baseline: LoadedModel | None = None,
    plan: MergePlan | None = None,
    shots: int = 0,
    limit: int | None = None,
    seed: int = 0,
    controls: bool = True,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Report:
    """Run `tasks` on the model, on its baseline and on the controls.

    tasks:     some of perplexity, choices, divergence, generation, speed; by default the first four, as far
               as there are texts, questions and a baseline for them (see `gather`)
    data:      names texts and questions in one; not read where `texts` or `questions` is given
    baseline:  by default the unmerged model of a `MergedModel`; without one nothing is compared
    plan:      what the model was merged by; by default a `MergedModel`'s, or the one in its checkpoint folder.
               Neither its calibration texts nor those of earlier merges may be among the texts and questions.
    limit:     at most so many texts and questions, drawn with `seed`
    controls:  where the model has fewer layers than its baseline, also measure the baseline with as many
               layers deleted: the last ones ("truncate"), and those before the last ("drop-keep-last")

    Raises BadInput for tasks without their data or baseline, a plan that does not lead to this model's depth,
    and texts that calibrated the plan; RunFailed and Cancelled as the tasks do.
    """
    subject = _subject(model, baseline, plan)
    compared = subject.baseline is not None
    material = gather(
        tasks, compared=compared, data=data, texts=texts, questions=questions, shots=shots, limit=limit, seed=seed
    )
    if subject.plan is not None:
        material.check_unseen(subject.plan)
    cut, refused = _cut_baselines(subject, material.tasks) if controls else ({}, {})
    trial = _Trial(material, shots, seed, progress, cancel)
    result = trial.run(subject.model, material.tasks, subject.name, subject.baseline)
    before = trial.run(subject.baseline, material.tasks, subject.baseline.source, None) if subject.baseline else None
    comparable = [task for task in material.tasks if task not in NOT_FOR_CONTROLS]
    free = {name: trial.run(model, comparable, name, subject.baseline) for name, model in cut.items()}
    said = [verdict(result, before, free), _other_source(subject), *(_missing(subject, refused) if controls else ())]
    return Report(
        result=result,
        baseline=before,
        controls=free,
        refused_controls=refused,
        verdict=" ".join(filter(None, said)),
        plan_key=subject.plan.key if subject.plan is not None else "",
        source=subject.source,
        seed=seed,
        versions=versions(),
        text_source=material.texts.source if material.texts is not None else "",
        question_source=material.questions.source if material.questions is not None else "",
        dtype=subject.model.dtype,
    )


@dataclass(frozen=True)
class _Subject:
    """The model under test, what it is called, and what it is compared with.

    merged_from: fingerprint of the model that was merged, as far as it is known
    """

    model: LoadedModel
    name: str
    source: str
    baseline: LoadedModel | None
    plan: MergePlan | None
    merged_from: str | None

    @property
    def removed(self) -> int:
        """How many layers it has fewer than its baseline; 0 without one, or where it has more."""
        return max(0, self.baseline.stack.depth - self.model.stack.depth) if self.baseline is not None else 0


def _subject(model: LoadedModel | MergedModel, baseline: LoadedModel | None, plan: MergePlan | None) -> _Subject:
    if isinstance(model, MergedModel):
        own = heir(plan or model.plan, model.plan)
        source = model.source
        return _Subject(model.model, "merged", source.source, baseline or source, own, source.fingerprint)
    made_by = heir(plan, model.made_by) if plan is not None else model.made_by
    if made_by is not None and made_by.layers_after != model.stack.depth:
        raise BadInput(
            f"the plan leads to {made_by.layers_after} layers, but {model.source} has {model.stack.depth}; "
            "merge the model by its plan first and evaluate what comes out"
        )
    merged_from = made_by.fingerprint if made_by is not None else None
    return _Subject(model, model.source, model.source, baseline, made_by, merged_from)


@dataclass(frozen=True)
class _Trial:
    """What every model of one evaluation is put through alike."""

    material: Material
    shots: int
    seed: int
    progress: Progress
    cancel: Cancel | None

    def run(self, model: LoadedModel, tasks: Sequence[str], name: str, baseline: LoadedModel | None) -> Result:
        def progress(stage: str, done: int, total: int) -> None:
            self.progress(f"{name}: {stage}", done, total)

        return measure(
            model,
            tasks,
            texts=self.material.texts,
            questions=self.material.questions,
            baseline=baseline,
            name=name,
            shots=self.shots,
            seed=self.seed,
            progress=progress,
            cancel=self.cancel,
        )


def _cut_baselines(subject: _Subject, tasks: Sequence[str]) -> tuple[dict[str, LoadedModel], dict[str, str]]:
    """The baseline with as many layers deleted, by control; and why a control cannot be made, where that is so."""
    cut: dict[str, LoadedModel] = {}
    refused: dict[str, str] = {}
    if subject.baseline is None or not subject.removed or set(tasks) <= set(NOT_FOR_CONTROLS):
        return cut, refused
    for name, control in CONTROLS.items():
        try:
            cut[name] = merge(subject.baseline, control(subject.baseline.stack.depth, subject.removed)).model
        except BadInput as error:  # a config whose meaning moves with the layer number
            refused[name] = str(error)
    return cut, refused


def _other_source(subject: _Subject) -> str:
    """A sentence where the baseline may be another model than the one that was merged; "" otherwise."""
    if subject.baseline is None or subject.merged_from in (None, subject.baseline.fingerprint):
        return ""
    return (
        f"The baseline {subject.baseline.source} is not known to be the model that was merged, "
        "so the difference may not be the merge's alone."
    )


def _missing(subject: _Subject, refused: Mapping[str, str]) -> list[str]:
    """Why there is no control beside the result, a sentence each; empty where all are there."""
    if subject.baseline is None:
        return ["No baseline was named, so nothing is compared and there are no controls; --against names one."]
    if not subject.removed:
        return ["It has no fewer layers than its baseline, so there are no controls."]
    return [f"The control {name} cannot be made: {reason}." for name, reason in refused.items()]
