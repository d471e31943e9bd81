"""Four-choice questions from what a user names."""

from __future__ import annotations

from pathlib import Path

from mka.assets import asset
from mka.data.mmlu import questions_in, questions_of, split_files, subject_of
from mka.data.reading import check_limit, draw_balanced, existing
from mka.errors import BadInput
from mka.objects.seeds import check_seed
from mka.objects.texts import Question, QuestionSet

EXEMPLARS = "dev"
"""The split that exemplars come from."""


def load_questions(source: str | Path, *, split: str = "test", limit: int | None = None, seed: int = 0) -> QuestionSet:
    """Questions of "demo", of a folder in the layout of MMLU, or of a single csv file in it.

    limit:  ask at most so many, drawn with `seed`, as many of each subject as of the others, in their own order

    Exemplars are the dev questions of the same subjects, where there are any (for a single file SUBJECT_test.csv:
    SUBJECT_dev.csv beside it or in ../dev); none where the dev split itself is asked. Raises BadInput with file and
    row for whatever is not in the layout.
    """
    check_limit(limit)
    check_seed(seed)
    if source == "demo":
        asked, exemplars = _of_folder(asset("demo-questions"), split)
    else:
        path = existing(source)
        asked, exemplars = _of_folder(path, split) if path.is_dir() else _of_file(path)
    drawn = draw_balanced(asked, [question.subject for question in asked], limit, seed)
    subjects = {question.subject for question in drawn}
    return QuestionSet(drawn, tuple(shown for shown in exemplars if shown.subject in subjects), str(source))


def _of_folder(folder: Path, split: str) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    asked = questions_of(folder, split)
    if split == EXEMPLARS:
        return asked, ()
    try:
        split_files(folder, EXEMPLARS)
    except BadInput:  # no dev split: no exemplars, which matters only if shots are asked for
        return asked, ()
    return asked, questions_of(folder, EXEMPLARS)


def _of_file(path: Path) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    if path.suffix.lower() != ".csv":
        raise BadInput(f"{path} is no csv file; give questions in the layout of MMLU: question, four options, letter")
    name = f"{subject_of(path)}_{EXEMPLARS}.csv"
    exemplars = next(
        (file for file in (path.parent / name, path.parent.parent / EXEMPLARS / name) if file.is_file()), None
    )
    if exemplars is None or exemplars.resolve() == path.resolve():
        return questions_in(path), ()
    return questions_in(path), questions_in(exemplars)
