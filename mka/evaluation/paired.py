"""Two models' answers to the same questions, question by question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mka.objects.report import Choices

EARNED: Mapping[str, float] = MappingProxyType({"0": 0.0, "1": 1.0, "2": 1 / 2, "3": 1 / 3, "4": 1 / 4})
"""Of one question, by its mark; "-" has no value."""


@dataclass(frozen=True)
class Paired:
    """How many questions earned less with the one model than with the other (lost), and how many more (won)."""

    lost: int
    won: int

    @property
    def p(self) -> float:
        """In [0, 1]: how often a fair coin splits the questions that differ at least as unevenly.

        McNemar's test in its exact, two-sided form: P = min(1, 2 sum_{i <= min(lost, won)} C(n, i) / 2^n) with
        n = lost + won. McNemar, Psychometrika 12 (1947) 153; exact by the binomial distribution as in Dixon and Mood,
        J. Am. Stat. Assoc. 41 (1946) 557, whose sign test it is. Questions that both answer alike say nothing.
        """
        n, few = self.lost + self.won, min(self.lost, self.won)
        below, ways = 0, 1
        for i in range(few + 1):
            below += ways
            ways = ways * (n - i) // (i + 1)
        return min(1.0, 2 * below / 2**n)


def paired(now: Choices, before: Choices) -> Paired | None:
    """What `now` lost and won of the questions that both were asked; a question that has no value with one of them is
    passed over. None where the single answers are not known, or not of as many questions."""
    if not now.marks or len(now.marks) != len(before.marks):
        return None
    pairs = [(EARNED.get(ours), EARNED.get(theirs)) for ours, theirs in zip(now.marks, before.marks, strict=True)]
    known = [(ours, theirs) for ours, theirs in pairs if ours is not None and theirs is not None]
    return Paired(sum(ours < theirs for ours, theirs in known), sum(ours > theirs for ours, theirs in known))
