"""What an evaluation asks and reads, checked as far as it can be before a model is loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mka.data.questions import load_questions
from mka.data.texts import load_texts
from mka.errors import BadInput
from mka.evaluation.disjoint import check_disjoint
from mka.evaluation.measure import NEEDS_TEXTS, check_tasks
from mka.evaluation.prompts import exemplars_by_subject
from mka.objects.plan import MergePlan
from mka.objects.texts import QuestionSet, TextSet

DEFAULT_TASKS = ("perplexity", "choices", "divergence", "generation")
AGAINST_BASELINE = ("divergence", "generation")
TEXT_FILES = (".txt", ".jsonl")
"""Files that hold texts and never questions."""


@dataclass(frozen=True)
class Material:
    """The tasks of an evaluation and what they read; None where no task needs it."""

    tasks: tuple[str, ...]
    texts: TextSet | None
    questions: QuestionSet | None

    def check_unseen(self, plan: MergePlan) -> None:
        """BadInput where a text or question calibrated the plan."""
        check_disjoint(plan, self.texts, self.questions)


def gather(
    tasks: Sequence[str] | None,
    *,
    compared: bool,
    data: str | Path | None = None,
    texts: str | Path | TextSet | None = None,
    questions: str | Path | QuestionSet | None = None,
    shots: int = 0,
    limit: int | None = None,
    seed: int = 0,
) -> Material:
    """Read what `tasks` need, of the split "test" where a source has splits.

    tasks:     None for DEFAULT_TASKS, as far as there is data for them and a baseline (`compared`); a file of
               TEXT_FILES as `data` serves all of them but choices
    data:      names texts and questions in one; not read where `texts` or `questions` is given
    limit:     at most so many of each, drawn with `seed`; what was read before (a TextSet, a QuestionSet) stays whole

    BadInput for an unknown task, for one whose data or baseline is missing, and for more `shots` than exemplars.
    """
    if texts is None and questions is None:
        texts, questions = data, None if tasks is None and _is_text_file(data) else data
    if tasks is None:
        there = {task: texts if task in NEEDS_TEXTS else questions for task in DEFAULT_TASKS}
        tasks = [t for t, source in there.items() if source is not None and (compared or t not in AGAINST_BASELINE)]
    for task in AGAINST_BASELINE:
        if task in tasks and not compared:
            raise BadInput(f"{task} compares with the unmerged model; name it with --against, or leave {task} out")
    material = Material(
        tasks=tuple(dict.fromkeys(tasks)),
        texts=_texts(texts, limit, seed) if set(tasks) & set(NEEDS_TEXTS) else None,
        questions=_questions(questions, limit, seed) if "choices" in tasks else None,
    )
    check_tasks(material.tasks, material.texts, material.questions)
    if material.questions is not None:
        exemplars_by_subject(material.questions, shots)
    return material


def _is_text_file(source: str | Path | None) -> bool:
    return source is not None and Path(source).suffix.lower() in TEXT_FILES and not os.path.isdir(source)


def _texts(source: str | Path | TextSet | None, limit: int | None, seed: int) -> TextSet | None:
    if source is None or isinstance(source, TextSet):
        return source
    return load_texts(source, split="test", limit=limit, seed=seed)


def _questions(source: str | Path | QuestionSet | None, limit: int | None, seed: int) -> QuestionSet | None:
    if source is None or isinstance(source, QuestionSet):
        return source
    return load_questions(source, split="test", limit=limit, seed=seed)
