"""The subjects of the world: each one kind of knowledge, as text and as questions."""

import random
from dataclasses import dataclass, field
from typing import Protocol

from mka.demo import family, order, recall
from mka.demo.names import Names, invent_names
from mka.demo.questions import FromPool, InOrder, OnGrid, OptionMaker, arrange
from mka.demo.statements import (
    SPLITS,
    Kind,
    Question,
    Relation,
    Remark,
    Split,
    Statement,
    tell_relation,
    visible,
)


class Subject(Protocol):
    """One kind of knowledge: text of it, and questions on it."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def n_facts(self) -> int: ...

    def passage(self, rng: random.Random, split: Split) -> str:
        """One sentence, or a few that belong together, as text of `split` may hold them."""

    def quiz(self, rng: random.Random) -> Question:
        """A question that the training split asks."""

    def questions(self, split: Split, count: int, rng: random.Random) -> list[Question]:
        """`count` questions that only `split` asks, balanced so that their options tell nothing."""


@dataclass(frozen=True)
class ToldSubject:
    """A subject of finitely many statements."""

    name: str
    kind: Kind
    n_facts: int
    statements: tuple[Statement, ...]
    remarks: tuple[Remark, ...]
    options: OptionMaker
    _sentences: dict[Split, list[str]] = field(init=False, repr=False, default_factory=dict)
    _asked: dict[Split, list[Statement]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for split in SPLITS:
            told = [statement.sentence for statement in visible(self.statements, split)]
            self._sentences[split] = told + [remark.sentence for remark in visible(self.remarks, split)]
            self._asked[split] = [statement for statement in self.statements if statement.split == split]

    def passage(self, rng: random.Random, split: Split) -> str:
        return rng.choice(self._sentences[split])

    def quiz(self, rng: random.Random) -> Question:
        statement = rng.choice(self._asked["train"])
        return arrange(self.name, statement, self.options.draw(statement, rng), rng.randrange(4), rng)

    def questions(self, split: Split, count: int, rng: random.Random) -> list[Question]:
        chosen = self.options.balanced(self._asked[split], count, rng)
        places = [i % 4 for i in range(len(chosen))]
        rng.shuffle(places)
        made = [
            arrange(self.name, statement, others, place, rng)
            for (statement, others), place in zip(chosen, places, strict=True)
        ]
        rng.shuffle(made)
        return made


@dataclass(frozen=True)
class FamilySubject:
    """Families are drawn fresh in each text, so this subject has no facts of its own."""

    name: str = "family"
    kind: Kind = "two hops"
    n_facts: int = 0

    def passage(self, rng: random.Random, split: Split) -> str:
        return family.passage(rng, split)

    def quiz(self, rng: random.Random) -> Question:
        return family.question(rng, "train", self.name)

    def questions(self, split: Split, count: int, rng: random.Random) -> list[Question]:
        made: list[Question] = []
        while len(made) < count:
            question = family.question(rng, split, self.name)
            if question.answer == len(made) % 4:
                made.append(question)
        rng.shuffle(made)
        return made


def _recalled(name: str, relations: tuple[Relation, ...], rng: random.Random, kind: Kind = "recall") -> ToldSubject:
    statements: list[Statement] = []
    remarks: list[Remark] = []
    for relation in relations:
        told, noted = tell_relation(relation, rng)
        statements += told
        remarks += noted
    pools = {relation.topic: tuple(sorted({value for _, value in relation.facts})) for relation in relations}
    n_facts = sum(len(relation.facts) for relation in relations)
    return ToldSubject(name, kind, n_facts, tuple(statements), tuple(remarks), FromPool(pools))


def _calendar(rng: random.Random) -> ToldSubject:
    statements, remarks = order.calendar(rng)
    pools = {"day": order.DAYS, "month": order.MONTHS}
    n_facts = len({(s.entity, s.answer, s.stem) for s in statements}) // len(order.FORWARD)
    return ToldSubject("calendar", "order", n_facts, tuple(statements), tuple(remarks), FromPool(pools))


def _numbers(rng: random.Random) -> ToldSubject:
    statements, remarks = order.number_order(rng)
    return ToldSubject("number_order", "order", 0, tuple(statements), tuple(remarks), OnGrid(10, 99))


def _sums(rng: random.Random) -> ToldSubject:
    statements, remarks = order.sums(rng)
    return ToldSubject("sums", "arithmetic", 0, tuple(statements), tuple(remarks), OnGrid(10, 99))


def _comparisons(names: Names, rng: random.Random) -> ToldSubject:
    statements: list[Statement] = []
    remarks: list[Remark] = []
    scales = order.scales(names, rng)
    for scale in scales:
        told, noted = order.comparisons(scale, rng)
        statements += told
        remarks += noted
    ranked = {scale.topic: scale.items for scale in scales}
    return ToldSubject("comparisons", "comparison", 0, tuple(statements), tuple(remarks), InOrder(ranked))


def build_subjects(seed: int) -> tuple[Subject, ...]:
    """All subjects of the world with this `seed`, in the order in which they are listed everywhere."""
    rng = random.Random(f"facts/{seed}")
    names = invent_names(seed)
    home, job = recall.homes_and_jobs(names, rng)
    return (
        _recalled("capitals", recall.capitals(names), rng),
        _recalled("rulers", recall.rulers(names, rng), rng),
        _recalled("homes", (home,), rng),
        _recalled("jobs", (job,), rng),
        _recalled("animals", recall.animals(), rng),
        _recalled("materials", recall.materials(rng), rng),
        _recalled("opposites", recall.opposites(), rng),
        _calendar(rng),
        _numbers(rng),
        _comparisons(names, rng),
        _sums(rng),
        FamilySubject(),
    )
