"""Every figure of one model, in one object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mka.errors import BadInput
from mka.evaluation.choices import choices
from mka.evaluation.cost import cost, speed
from mka.evaluation.divergence import divergence
from mka.evaluation.generation import generations, prompts_from
from mka.evaluation.perplexity import perplexity
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.report import Result
from mka.objects.texts import QuestionSet, TextSet

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

TASKS = ("perplexity", "choices", "divergence", "generation", "speed")
NEEDS_TEXTS = ("perplexity", "divergence", "generation")


def measure(
    model: LoadedModel,
    tasks: Sequence[str],
    *,
    texts: TextSet | None = None,
    questions: QuestionSet | None = None,
    baseline: LoadedModel | None = None,
    name: str = "model",
    shots: int = 0,
    prompts: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Result:
    """Run `tasks` (some of TASKS) on one model.

    Divergence and generation compare with `baseline`; without one they are left None, so that the
    baseline itself can be measured by the same list. `prompts` are continued by the generation
    task; by default the first words of some of the texts. Size is always counted; speed is NaN
    unless asked for. BadInput for an unknown task or a task without its data, before any work.
    """
    check_tasks(tasks, texts, questions)
    return Result(
        name=name,
        perplexity=(
            perplexity(model, texts, progress=progress, cancel=cancel) if texts and "perplexity" in tasks else None
        ),
        choices=(
            choices(model, questions, shots=shots, progress=progress, cancel=cancel)
            if questions and "choices" in tasks
            else None
        ),
        divergence=(
            divergence(model, baseline, texts, progress=progress, cancel=cancel)
            if texts and baseline and "divergence" in tasks
            else None
        ),
        generations=(
            generations(model, baseline, prompts or prompts_from(texts), progress=progress, cancel=cancel)
            if texts and baseline and "generation" in tasks
            else ()
        ),
        cost=cost(
            model,
            tokens_per_second=(
                speed(model, seed=seed, progress=progress, cancel=cancel) if "speed" in tasks else math.nan
            ),
        ),
    )


def check_tasks(tasks: Sequence[str], texts: TextSet | None, questions: QuestionSet | None) -> None:
    """BadInput for an unknown task, no task at all, or a task whose data is missing."""
    unknown = [task for task in tasks if task not in TASKS]
    if unknown or not tasks:
        raise BadInput(f"unknown tasks {unknown}; name some of {', '.join(TASKS)}")
    for task in tasks:
        if task in NEEDS_TEXTS and texts is None:
            raise BadInput(f"{task} needs texts to read; give --text or --data")
        if task == "choices" and questions is None:
            raise BadInput("choices needs questions to ask; give --questions or --data")
