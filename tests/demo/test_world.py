from __future__ import annotations

import filecmp
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice, permutations
from pathlib import Path

import pytest

from mka.assets import asset
from mka.demo.statements import Question, Split, hold_phrasings
from mka.demo.subjects import ToldSubject
from mka.demo.tokens import training_documents
from mka.demo.world import World, render_documents, write_assets
from tests.demo.reader import prose, quizzes, read, split_sentences

Asked = dict[str, dict[str, list[Question]]]


def files_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def answer_sentence(question: Question) -> str:
    return f"{question.stem} {question.options[question.answer]}."


def test_the_files_that_ship_are_what_the_world_writes(tmp_path: Path, world: World) -> None:
    write_assets(world, tmp_path)
    for part in ("demo-texts", "demo-questions"):
        written, shipped = tmp_path / part, asset(part)
        names = files_under(written)
        assert names == files_under(shipped)
        assert filecmp.cmpfiles(written, shipped, names, shallow=False) == (names, [], [])


def test_the_command_line_prints_the_text_that_ships() -> None:
    command = [sys.executable, "-m", "mka.demo.world", "--split", "dev"]
    printed = subprocess.run(command, capture_output=True, check=True).stdout
    assert printed == asset("demo-texts", "dev.txt").read_bytes()


def test_the_command_line_prints_questions_in_the_letter_format(asked: Asked) -> None:
    command = [sys.executable, "-m", "mka.demo.world", "--split", "test", "--questions"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    found = [quiz for block in printed.strip().split("\n\n") for quiz in quizzes(block)]
    expected = [question for questions in asked["test"].values() for question in questions]
    assert [(quiz.stem, quiz.options, quiz.answer) for quiz in found] == [
        (question.stem, question.options, question.options[question.answer]) for question in expected
    ]


def test_another_seed_is_another_world_and_the_same_seed_the_same(world: World) -> None:
    assert render_documents(World(), "train", 50) == render_documents(world, "train", 50)
    assert set(islice(World(8).documents("train"), 500)).isdisjoint(islice(world.documents("train"), 500))


def test_a_document_does_not_hang_on_those_before_it(world: World) -> None:
    assert next(world.documents("test", start=17)) == list(islice(World().documents("test"), 18))[17]


def test_subjects_and_questions_are_enough(world: World, asked: Asked) -> None:
    assert len(world.subjects) >= 8
    assert {len(questions) for questions in asked["test"].values()} == {120}
    assert {len(questions) for questions in asked["dev"].values()} == {40}
    stems = Counter(q.stem for subjects in asked.values() for questions in subjects.values() for q in questions)
    assert set(stems.values()) == {1}


def test_options_are_four_and_none_begins_another(asked: Asked) -> None:
    for subjects in asked.values():
        for questions in subjects.values():
            for question in questions:
                assert len(question.options) == 4
                assert not any(a.startswith(b) for a, b in permutations(question.options, 2))


def test_letters_are_balanced(asked: Asked) -> None:
    for split, share in (("dev", 10), ("test", 30)):
        for questions in asked[split].values():
            assert Counter(question.letter for question in questions) == dict.fromkeys("ABCD", share)


def test_no_question_and_no_answer_sentence_stands_in_the_training_text(training: list[str], asked: Asked) -> None:
    text = "\n".join(training[:6000])
    for subjects in asked.values():
        for questions in subjects.values():
            for question in questions:
                assert question.stem not in text
    # The same over more text, by whole sentences.
    told = {sentence for sentences in prose(training) for sentence in sentences}
    assert len(told) > 40_000
    last = [
        split_sentences(answer_sentence(q))[-1] for subjects in asked.values() for qs in subjects.values() for q in qs
    ]
    assert told.isdisjoint(last)


def test_no_training_statement_shares_its_beginning_with_a_question(world: World, asked: Asked) -> None:
    """Complete where the search above is a sample: the training text has no other statements than these."""
    told = {
        statement.stem
        for subject in world.subjects
        if isinstance(subject, ToldSubject)
        for statement in subject.statements
        if statement.split == "train"
    }
    assert told.isdisjoint(q.stem for subjects in asked.values() for questions in subjects.values() for q in questions)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_recalled_facts_are_told_in_other_words(split: str, training: list[str], asked: Asked) -> None:
    told: dict[tuple[str, str], set[str]] = {}
    for sentences in prose(training):
        for sentence in sentences:
            claim = read(sentence)
            told.setdefault((claim.topic, claim.about), set()).add(sentence)
    for name in ("capitals", "rulers", "homes", "jobs", "animals", "materials", "opposites", "calendar"):
        for question in asked[split][name]:
            claim = read(answer_sentence(question))
            others = told[claim.topic, claim.about]
            assert len(others) >= 3
            assert answer_sentence(question) not in others


@pytest.mark.parametrize("name", ["sums", "number_order", "comparisons"])
def test_what_can_be_worked_out_is_asked_in_new_combinations(name: str, training: list[str], asked: Asked) -> None:
    told = {
        (read(sentence).topic, read(sentence).about, read(sentence).value) for ss in prose(training) for sentence in ss
    }
    quizzed = {
        read(quiz.sentence(quiz.answer)) for document in training for quiz in quizzes(document) if ". " not in quiz.stem
    }
    told |= {(claim.topic, claim.about, claim.value) for claim in quizzed}
    for subjects in asked.values():
        claims = [read(answer_sentence(question)) for question in subjects[name]]
        assert told.isdisjoint((claim.topic, claim.about, claim.value) for claim in claims)


def grandparents(sentences: list[str]) -> set[tuple[str, str]]:
    """Each grandchild with its grandparent, said or not."""
    links = {claim.about: claim.value for claim in map(read, sentences) if claim.kind == "link"}
    return {(child, links[parent]) for child, parent in links.items() if parent in links}


def test_families_asked_about_are_new(training: list[str], asked: Asked) -> None:
    told = set().union(*(grandparents(sentences) for sentences in prose(training)))
    for document in training:
        for quiz in quizzes(document):
            told |= grandparents([s for s in split_sentences(quiz.stem) if s.endswith(".")])
    assert len(told) > 5_000
    dev, test = ({asked_pair(question) for question in asked[split]["family"]} for split in ("dev", "test"))
    assert told.isdisjoint(dev | test)
    assert dev.isdisjoint(test)


def asked_pair(question: Question) -> tuple[str, str]:
    claim = read(split_sentences(answer_sentence(question))[-1])
    assert claim.kind == "two hops"
    return claim.about, claim.value


def test_a_held_out_document_is_never_trained_on(world: World) -> None:
    held_out = world.document("test", 5)

    class Leaking(World):
        def documents(self, split: Split, start: int = 0) -> Iterator[str]:
            return iter(["one", held_out, "two"]) if split == "train" else super().documents(split, start)

    assert list(training_documents(Leaking())) == ["one", "two"]


@pytest.mark.parametrize(("facts", "phrasings"), [(60, 7), (7, 7), (5, 3)])
def test_each_fact_holds_back_one_phrasing_for_test_and_another_for_dev(facts: int, phrasings: int) -> None:
    rows = hold_phrasings(facts, phrasings, random.Random(0))
    assert len(rows) == facts
    assert all(sorted(row) == ["dev", "test", *["train"] * (phrasings - 2)] for row in rows)
    kept = Counter(row.index("test") for row in rows)
    assert max(kept.values()) - min(kept.get(place, 0) for place in range(phrasings)) <= 1
