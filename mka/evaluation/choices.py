"""Four-choice accuracy, by the likelihood of the whole answer and by that of its letter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mka.errors import BadInput
from mka.evaluation.batches import (
    Row,
    batch_tokens,
    batches,
    context_length,
    encode,
    forward,
    leading_specials,
    log_probabilities,
    token_log_probabilities,
)
from mka.evaluation.prompts import LETTERS, exemplars_by_subject, letter_prompt, stem_prompt
from mka.evaluation.uncertainty import wilson
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.report import Choices, SubjectAccuracy
from mka.objects.texts import QuestionSet

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

TIE = 1e-6
"""Scores closer than this, in nats, are the same score: less than what another batch order changes."""


def choices(
    model: LoadedModel,
    questions: QuestionSet,
    *,
    shots: int = 0,
    tokens_per_batch: int | None = None,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Choices:
    """Share of questions whose right option scores highest, in [0, 1], with Wilson 95 % intervals.

    By answer likelihood an option's score is the summed log-probability of `' ' + option` behind the
    stem; by letter, that of `' A'` .. `' D'` behind the lettered question. The right option tied with
    others for the highest score earns 1 / (number tied), so that a model without preference gets
    chance, 0.25. If any score is NaN, the accuracy of its subject, and the overall one, is NaN: the
    questions that are left would flatter a broken model. With `shots`, that many exemplars of the
    same subject stand before. Prompts longer than the context lose their beginning.
    """
    if not questions.questions:
        raise BadInput("there is no question to ask; give a source with at least one question")
    shown = exemplars_by_subject(questions, shots)
    asked = questions.questions
    stems = [stem_prompt(one, shown[one.subject]) for one in asked]
    lettered = [letter_prompt(one, shown[one.subject]) for one in asked]
    budget = tokens_per_batch or batch_tokens(model)
    answer_rows = _rows(model, stems, [one.options for one in asked])
    letter_rows = _rows(model, lettered, [LETTERS] * len(asked))
    by_answer = _scores(model, answer_rows, budget, "choices", progress, cancel)
    by_letter = _scores(model, letter_rows, budget, "choices by letter", progress, cancel)
    right = np.array([one.answer for one in asked])
    subjects = np.array([one.subject for one in asked])
    made = _summary(credit(by_answer, right), credit(by_letter, right), subjects, shots)
    return replace(made, cut=answer_rows.cut + letter_rows.cut)


def credit(scores: np.ndarray, right: np.ndarray) -> np.ndarray:
    """float64 (n,): 1 where the right option alone scores highest, 1/t where t options tie, NaN where a score is NaN.

    scores: float64 (n, 4) in nats; right: (n,) index of the right option.
    """
    best = scores.max(axis=1, keepdims=True)
    tied = scores >= best - TIE
    earned = np.where(tied[np.arange(len(scores)), right], 1 / np.maximum(tied.sum(axis=1), 1), 0.0)
    return np.where(np.isnan(scores).any(axis=1), math.nan, earned)


def marks(earned: np.ndarray) -> str:
    """A character for each question, as `Choices.marks` says.

    earned: float64 (n,) as `credit` returns it
    """
    return "".join("-" if math.isnan(one) else str(round(1 / one)) if one else "0" for one in earned.tolist())


def _summary(answer: np.ndarray, letter: np.ndarray, subjects: np.ndarray, shots: int) -> Choices:
    per_subject = {
        str(name): SubjectAccuracy(
            accuracy=float(answer[subjects == name].mean()),
            letter=float(letter[subjects == name].mean()),
            n=int((subjects == name).sum()),
        )
        for name in dict.fromkeys(subjects.tolist())
    }
    n = len(answer)
    return Choices(
        accuracy=float(answer.mean()),
        ci95=wilson(float(answer.sum()), n),
        letter=float(letter.mean()),
        letter_ci95=wilson(float(letter.sum()), n),
        n=n,
        shots=shots,
        subjects=per_subject,
        marks=marks(answer),
    )


@dataclass(frozen=True)
class _Reading:
    """Which scores a row gives: the tokens `candidates` as next token, or (empty) its own scored tokens."""

    places: tuple[int, ...]
    candidates: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Prompts:
    """Rows to run, what each gives by its owner, and how many of the prompts lost their beginning."""

    rows: Sequence[Row]
    readings: Sequence[_Reading]
    count: int
    cut: int


def _scores(
    model: LoadedModel, prompts: _Prompts, budget: int, stage: str, progress: Progress, cancel: Cancel | None
) -> np.ndarray:
    """float64 (questions, 4): summed log-probability in nats of ' ' + option behind its prompt."""
    scores = np.full(prompts.count * 4, math.nan)
    todo = batches(prompts.rows, budget)
    for done, batch in enumerate(todo):
        if cancel is not None:
            cancel.check()
        progress(stage, done, len(todo))
        logits = forward(model, batch)
        for index, row in enumerate(batch):
            reading = prompts.readings[row.owner]
            if reading.candidates:
                following = log_probabilities(logits[index, len(row.ids) - 1])
                scores[list(reading.places)] = following[torch.tensor(reading.candidates)].double().cpu().numpy()
            else:
                scores[reading.places[0]] = token_log_probabilities(logits, index, row).sum().item()
    progress(stage, len(todo), len(todo))
    return scores.reshape(prompts.count, 4)


def _rows(model: LoadedModel, prompts: Sequence[str], options: Sequence[Sequence[str]]) -> _Prompts:
    """One row per option; one per question where every option is a single token."""
    lead, context = leading_specials(model.tokenizer), context_length(model)
    rows: list[Row] = []
    readings: list[_Reading] = []
    cut = 0
    for question, (prompt, answers) in enumerate(zip(prompts, options, strict=True)):
        stem = encode(model.tokenizer, prompt)
        split = [_continuation(model.tokenizer, prompt, stem, answer) for answer in answers]
        places = tuple(range(4 * question, 4 * question + 4))
        at_once = all(len(tokens) == 1 for tokens in split) and bool(lead or stem)
        longest = 0 if at_once else max(map(len, split))
        if longest >= context:
            raise BadInput(f"an option of {longest} tokens fills the context of {context}; leave that question out")
        cut += len(lead) + len(stem) + longest > context
        if at_once:
            given = _fit(lead, stem, context)
            rows.append(Row(given, len(given), len(readings)))
            readings.append(_Reading(places, tuple(tokens[0] for tokens in split)))
            continue
        for place, tokens in zip(places, split, strict=True):
            given = _fit(lead, stem, context - len(tokens))
            rows.append(Row(given + tokens, max(1, len(given)), len(readings)))
            readings.append(_Reading((place,)))
    return _Prompts(rows, readings, len(prompts), cut)


def _fit(lead: tuple[int, ...], stem: tuple[int, ...], room: int) -> tuple[int, ...]:
    """Special tokens and as much of the stem's end as there is room for."""
    if len(lead) + len(stem) <= room:
        return lead + stem
    return (lead + stem[len(stem) - (room - len(lead)) :]) if room > len(lead) else stem[-room:]


def _continuation(tokenizer: Any, prompt: str, stem: tuple[int, ...], answer: str) -> tuple[int, ...]:
    """The tokens of ' ' + answer behind the prompt.

    Read off the joint text where its tokens begin with the prompt's; where they merge across the
    border, the answer is tokenized alone, so that all options of a question share one stem.
    """
    joint = encode(tokenizer, f"{prompt} {answer}")
    if len(joint) > len(stem) and joint[: len(stem)] == stem:
        return joint[len(stem) :]
    return encode(tokenizer, f" {answer}")
