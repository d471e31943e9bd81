"""How a four-choice question is put to a model."""

from __future__ import annotations

from collections.abc import Sequence

from mka.errors import BadInput
from mka.objects.texts import Question, QuestionSet

LETTERS = ("A", "B", "C", "D")


def stem_prompt(question: Question, exemplars: Sequence[Question]) -> str:
    """The stem, behind exemplars written `stem + ' ' + right option` with a blank line after each."""
    shots = "".join(f"{one.stem} {one.options[one.answer]}\n\n" for one in exemplars)
    return shots + question.stem


def letter_prompt(question: Question, exemplars: Sequence[Question]) -> str:
    """The stem, its options lettered A to D and `Answer:`, as MMLU asks it (without its subject header)."""
    shots = "".join(f"{_lettered(one)} {LETTERS[one.answer]}\n\n" for one in exemplars)
    return shots + _lettered(question)


def exemplars_by_subject(questions: QuestionSet, shots: int) -> dict[str, tuple[Question, ...]]:
    """The first `shots` exemplars of each subject asked; BadInput where a subject has fewer."""
    if shots < 0:
        raise BadInput(f"shots must be 0 or more, got {shots}; 0 asks each question alone")
    out = {}
    for subject in questions.subjects:
        found = tuple(one for one in questions.exemplars if one.subject == subject)
        if len(found) < shots:
            raise BadInput(
                f"{shots} shots asked, but subject {subject!r} has {len(found)} exemplars; "
                "use fewer shots or add dev questions"
            )
        out[subject] = found[:shots]
    return out


def _lettered(question: Question) -> str:
    lines = "".join(f"\n{letter}. {option}" for letter, option in zip(LETTERS, question.options, strict=True))
    return f"{question.stem}{lines}\nAnswer:"
