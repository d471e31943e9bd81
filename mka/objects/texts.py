"""Text that a model reads: calibration texts and four-choice questions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

JUDGES = "test"
"""The split that models are judged by, which therefore may not calibrate them."""


def text_hash(text: str) -> str:
    """SHA-256 of the text with runs of white space folded, first 16 hex digits.

    Two texts that differ only in white space count as the same text, so that a calibration text
    cannot pass as an unseen evaluation text by a trailing newline.
    """
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Text:
    """One text and the subject it belongs to (empty where the source names none)."""

    text: str
    subject: str = ""

    @property
    def hash(self) -> str:
        return text_hash(self.text)


@dataclass(frozen=True)
class TextSet:
    """Texts from one source, in a fixed order.

    `source` is the word or path the user gave, `split` what part of it was read ("dev", "test", "").
    `duplicates` is how many texts of the source were left out because an earlier one says the same, `field` which
    field of its records was asked for, None where it was left to be guessed.
    """

    texts: tuple[Text, ...]
    source: str
    split: str = ""
    duplicates: int = 0
    field: str | None = None

    @property
    def hashes(self) -> tuple[str, ...]:
        return tuple(text.hash for text in self.texts)

    @property
    def key(self) -> str:
        """Content key: depends on the texts and their order, not on where they came from."""
        return text_hash("\n".join(self.hashes))

    @property
    def calibration_warning(self) -> str:
        """What whoever calibrates on these texts must be shown, in one line; empty where nothing is amiss."""
        if self.split != JUDGES:
            return ""
        return (
            f"calibration reads the split '{JUDGES}' of {self.source}: these are the questions or texts that scores, "
            "such as MMLU's, are reported on, and a figure measured on them afterwards is worth nothing; use the "
            "split 'dev'"
        )


@dataclass(frozen=True)
class Question:
    """A four-choice question: a stem, four options, the index 0..3 of the right one."""

    stem: str
    options: tuple[str, str, str, str]
    answer: int
    subject: str

    @property
    def hash(self) -> str:
        return text_hash(self.stem)


@dataclass(frozen=True)
class QuestionSet:
    """Questions to be asked, and the exemplars that may stand before them when shots > 0."""

    questions: tuple[Question, ...]
    exemplars: tuple[Question, ...]
    source: str

    @property
    def hashes(self) -> tuple[str, ...]:
        return tuple(question.hash for question in self.questions)

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(question.subject for question in self.questions))


def shared_hashes(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    """The hashes that both sides hold, sorted."""
    return tuple(sorted(set(first) & set(second)))
