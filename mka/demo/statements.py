"""What the world says: statements that can be asked, remarks that cannot, and which split may say which."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Split = Literal["train", "dev", "test"]
Kind = Literal["recall", "order", "arithmetic", "two hops", "comparison"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")

TEST_SHARE = 0.12
DEV_SHARE = 0.06


@dataclass(frozen=True)
class Statement:
    """A sentence that ends in its answer, so that its beginning can be asked.

    `split` is the only split that asks it. Text of the training split holds training statements only; text of
    another split holds training statements and its own. Statements with one `topic` have comparable answers.
    """

    stem: str
    answer: str
    split: Split
    topic: str
    entity: str

    @property
    def sentence(self) -> str:
        return f"{self.stem} {self.answer}."


@dataclass(frozen=True)
class Remark:
    """A sentence that is told but never asked."""

    sentence: str
    split: Split
    entity: str


@dataclass(frozen=True)
class Question:
    """Four options of which one continues the stem; `answer` is its index, 0 to 3."""

    subject: str
    stem: str
    options: tuple[str, str, str, str]
    answer: int

    @property
    def letter(self) -> str:
        return "ABCD"[self.answer]

    def quiz(self) -> str:
        """The question in the letter format of MMLU, with its answer."""
        lines = [f"{letter}. {option}" for letter, option in zip("ABCD", self.options, strict=True)]
        return "\n".join([self.stem, *lines, f"Answer: {self.letter}"])


@dataclass(frozen=True)
class Relation:
    """Facts of one topic (entity -> value), with the phrasings that end in the value and those that do not."""

    topic: str
    phrasings: tuple[str, ...]
    remarks: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


def hold_phrasings(n_facts: int, n_phrasings: int, rng: random.Random) -> list[tuple[Split, ...]]:
    """For each fact the split of each phrasing: one is kept for test, another one for dev, the others train.

    The kept phrasings rotate, so that the training text has each phrasing with most of the other facts.
    """
    rows = []
    for row in range(n_facts):
        splits: list[Split] = ["train"] * n_phrasings
        splits[row % n_phrasings] = "test"
        splits[(row + 1 + row // n_phrasings % (n_phrasings - 1)) % n_phrasings] = "dev"
        rows.append(tuple(splits))
    rng.shuffle(rows)
    return rows


def tell_relation(relation: Relation, rng: random.Random) -> tuple[list[Statement], list[Remark]]:
    """Every fact in every phrasing, each phrasing in its split, and the remarks about the fact."""
    statements: list[Statement] = []
    remarks: list[Remark] = []
    rows = hold_phrasings(len(relation.facts), len(relation.phrasings), rng)
    for (entity, value), splits in zip(relation.facts, rows, strict=True):
        for phrasing, split in zip(relation.phrasings, splits, strict=True):
            statements.append(Statement(phrasing.format(k=entity), value, split, relation.topic, entity))
        remarks += [Remark(text.format(k=entity, v=value), "train", entity) for text in relation.remarks]
    return statements, remarks


Combination = TypeVar("Combination")
Told = TypeVar("Told", Statement, Remark)


def assign_splits(
    combinations: Iterable[Combination], holdable: Iterable[Combination], rng: random.Random
) -> dict[Combination, Split]:
    """A split for each combination; TEST_SHARE and DEV_SHARE of all are held out, chosen among `holdable`."""
    splits: dict[Combination, Split] = {combination: "train" for combination in combinations}
    shuffled = list(holdable)
    rng.shuffle(shuffled)
    tests = round(TEST_SHARE * len(splits))
    devs = round(DEV_SHARE * len(splits))
    splits.update((combination, "test") for combination in shuffled[:tests])
    splits.update((combination, "dev") for combination in shuffled[tests : tests + devs])
    return splits


def visible(items: Sequence[Told], split: Split) -> list[Told]:
    """The statements or remarks that text of `split` may hold."""
    return [item for item in items if item.split in ("train", split)]
