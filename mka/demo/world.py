"""A small invented world in plain English, as endless seeded text and as four-choice questions.

python -m mka.demo.world --split dev                 the documents of a split, a blank line between two
python -m mka.demo.world --split test --questions    its questions, one subject after the other
python -m mka.demo.world --write assets              the files that ship: demo-texts/ and demo-questions/
"""

import argparse
import csv
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path

from mka.demo.blind import best_blind_score
from mka.demo.statements import SPLITS, Question, Split, visible
from mka.demo.subjects import Subject, ToldSubject, build_subjects

SEED = 7
N_DOCUMENTS: dict[Split, int] = {"train": 400, "dev": 360, "test": 360}
"""How many documents the command line prints, and how many of dev and test ship."""
N_QUESTIONS: dict[Split, int] = {"train": 40, "dev": 40, "test": 120}
"""How many questions per subject."""

WEIGHTS: dict[str, float] = {
    "capitals": 6, "rulers": 6, "homes": 6, "jobs": 6, "animals": 6, "materials": 4, "opposites": 4,
    "calendar": 12, "number_order": 8, "comparisons": 11, "sums": 12, "family": 45,
}  # fmt: skip
"""How often a document is about a subject: those that need more than memory are told more often."""

QUIZ_SHARE = 0.03
MIXED_SHARE = 0.38
ENTITY_SHARE = 0.15
BLIND_LIMIT = 0.32


class World:
    """One world: its subjects, its endless text and its questions, all given by `seed`."""

    def __init__(self, seed: int = SEED) -> None:
        self.seed = seed
        self.subjects: tuple[Subject, ...] = build_subjects(seed)

    @property
    def n_facts(self) -> int:
        """How many facts are to be known by heart; what can be worked out is not counted."""
        return sum(subject.n_facts for subject in self.subjects)

    def documents(self, split: Split, start: int = 0) -> Iterator[str]:
        """The endless text of a split from document `start` on; a document holds no blank line."""
        index = start
        while True:
            yield self.document(split, index)
            index += 1

    def document(self, split: Split, index: int) -> str:
        """Document `index` of a split: it depends on the seed, the split and the index alone."""
        rng = random.Random(f"{self.seed}/{split}/{index}")
        draw = rng.random()
        if draw < QUIZ_SHARE:
            return "\n".join(self._pick(rng).quiz(rng).quiz() for _ in range(rng.randint(1, 3)))
        if draw < QUIZ_SHARE + MIXED_SHARE:
            return " ".join(subject.passage(rng, split) for subject in self._mixture(rng))
        if draw < QUIZ_SHARE + MIXED_SHARE + ENTITY_SHARE:
            sentences = rng.choice(self._portraits[split])
            return " ".join(rng.sample(sentences, min(len(sentences), rng.randint(3, 6))))
        subject = self._pick(rng)
        count = 1 if subject.kind == "two hops" else rng.randint(3, 8)
        return " ".join(subject.passage(rng, split) for _ in range(count))

    def questions(self, split: Split) -> dict[str, list[Question]]:
        """The questions of a split per subject, 40 for dev and 120 for test.

        Balance makes the options tell nothing on average; the first draw is taken in which they tell nothing here.
        """
        return {subject.name: self._questions(subject, split) for subject in self.subjects}

    def _questions(self, subject: Subject, split: Split) -> list[Question]:
        for attempt in range(1000):
            rng = random.Random(f"questions/{self.seed}/{split}/{subject.name}/{attempt}")
            made = subject.questions(split, N_QUESTIONS[split], rng)
            if best_blind_score(made, self._frequency) <= BLIND_LIMIT:
                return made
        raise ValueError(f"the options of {subject.name} tell the answer in every draw")

    @cached_property
    def _frequency(self) -> dict[str, int]:
        """How often each answer ends a sentence of the training text."""
        counts: dict[str, int] = defaultdict(int)
        for subject in self.subjects:
            for statement in subject.statements if isinstance(subject, ToldSubject) else ():
                if statement.split == "train":
                    counts[statement.answer] += 1
        return counts

    @cached_property
    def _portraits(self) -> dict[Split, list[list[str]]]:
        """For each split, all sentences about each country, person, animal and object."""
        portraits: dict[Split, list[list[str]]] = {}
        for split in SPLITS:
            by_entity: dict[str, list[str]] = defaultdict(list)
            for subject in self.subjects:
                if isinstance(subject, ToldSubject) and subject.kind == "recall":
                    for told in visible(subject.statements, split):
                        by_entity[told.entity].append(told.sentence)
                    for noted in visible(subject.remarks, split):
                        by_entity[noted.entity].append(noted.sentence)
            portraits[split] = list(by_entity.values())
        return portraits

    @cached_property
    def _weights(self) -> list[float]:
        return [WEIGHTS[subject.name] for subject in self.subjects]

    def _mixture(self, rng: random.Random) -> list[Subject]:
        """Subjects for 3 to 8 passages, with one family at most: two might tell contrary things of one name."""
        drawn = [self._pick(rng) for _ in range(rng.randint(3, 8))]
        families = [place for place, subject in enumerate(drawn) if subject.kind == "two hops"]
        return [subject for place, subject in enumerate(drawn) if place not in families[1:]]

    def _pick(self, rng: random.Random) -> Subject:
        return rng.choices(self.subjects, self._weights)[0]


def write_assets(world: World, folder: Path) -> None:
    """Write the texts and questions of dev and test under `folder`, questions in the layout of MMLU."""
    for split in SPLITS[1:]:
        texts = folder / "demo-texts" / f"{split}.txt"
        texts.parent.mkdir(parents=True, exist_ok=True)
        texts.write_text(render_documents(world, split, N_DOCUMENTS[split]), encoding="utf-8")
        for name, questions in world.questions(split).items():
            path = folder / "demo-questions" / split / f"{name}_{split}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8", newline="") as file:
                rows = ([q.stem, *q.options, q.letter] for q in questions)
                csv.writer(file, lineterminator="\n").writerows(rows)


def render_documents(world: World, split: Split, count: int) -> str:
    """The first `count` documents of a split, a blank line between two."""
    return "\n\n".join(islice(world.documents(split), count)) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m mka.demo.world", description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--split", choices=SPLITS, help="print this split")
    what.add_argument("--write", type=Path, metavar="FOLDER", help="write the files that ship into this folder")
    parser.add_argument("--documents", type=int, metavar="N", help="how many documents to print")
    parser.add_argument("--questions", action="store_true", help="print the questions of the split, not its text")
    parser.add_argument("--seed", type=int, default=SEED)
    wanted = parser.parse_args()
    world = World(wanted.seed)
    if wanted.write:
        write_assets(world, wanted.write)
    elif wanted.questions:
        asked = world.questions(wanted.split).values()
        sys.stdout.write("\n\n".join(question.quiz() for group in asked for question in group) + "\n")
    else:
        count = wanted.documents or N_DOCUMENTS[wanted.split]
        sys.stdout.write(render_documents(world, wanted.split, count))


if __name__ == "__main__":
    main()
