"""No text that chose a plan's layers may also judge the merged model."""

from __future__ import annotations

from mka.errors import BadInput
from mka.evaluation.prompts import letter_prompt
from mka.objects.plan import MergePlan
from mka.objects.texts import Question, QuestionSet, TextSet, shared_hashes, text_hash


def check_disjoint(plan: MergePlan, texts: TextSet | None, questions: QuestionSet | None) -> None:
    """BadInput when a calibration text of the plan is among the texts or questions of an evaluation.

    A question counts as seen when the calibration held its stem in any form that it is written as
    a text: alone, with its right option, or lettered, with or without the answer. Few-shot
    exemplars are not evaluated, so they may be shared.
    """
    calibration = plan.provenance.text_hashes
    seen_texts = shared_hashes(calibration, texts.hashes) if texts is not None else ()
    known = set(calibration)
    asked = questions.questions if questions is not None else ()
    seen_questions = sum(1 for question in asked if known & _written_forms(question))
    if not seen_texts and not seen_questions:
        return
    parts = [f"{len(seen_texts)} of the texts"] if seen_texts else []
    parts += [f"{seen_questions} of the {len(asked)} questions"] if seen_questions else []
    raise BadInput(
        f"{' and '.join(parts)} of this evaluation also calibrated the plan, so the figures would flatter it; "
        "evaluate on other data, or plan again from other calibration texts"
    )


def _written_forms(question: Question) -> set[str]:
    answer, lettered = question.options[question.answer], letter_prompt(question, ())
    forms = (question.stem, f"{question.stem} {answer}", lettered, f"{lettered} {'ABCD'[question.answer]}")
    return {text_hash(form) for form in forms}
