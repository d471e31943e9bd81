"""What the world says is true, everywhere: read by a reader that shares no rule with the writer."""

from __future__ import annotations

from collections import Counter

import pytest

from mka.assets import asset
from mka.demo.statements import Question
from mka.demo.vocabulary import DAYS, MONTHS
from mka.demo.world import World
from tests.demo.reader import Claim, Knowledge, prose, quizzes, read, split_sentences, two_hops

SIZES = {
    "capital": 150, "ruler": 150, "home of person": 160, "job": 160, "food": 40, "home": 40, "coat": 40, "sound": 40,
    "material": 66, "paint": 66, "opposite": 120,
}  # fmt: skip
KINDS = {
    "capitals": "recall", "rulers": "recall", "homes": "recall", "jobs": "recall", "animals": "recall",
    "materials": "recall", "opposites": "recall", "calendar": "order", "number_order": "order",
    "comparisons": "comparison", "sums": "arithmetic", "family": "two hops",
}  # fmt: skip


def false_sentences(documents: list[str], knowledge: Knowledge) -> list[list[str]]:
    return [
        sentences[: place + 1]
        for sentences in prose(documents)
        for place, sentence in enumerate(sentences)
        if not knowledge.holds(sentences[: place + 1])
    ]


def test_reader_by_hand() -> None:
    assert read("Adding 17 to 29 gives 46.").true
    assert not read("Adding 17 to 29 gives 45.").true
    assert read("Counting down two from 55 gives 53.").true
    assert not read("Two steps after 55 comes 53.").true
    assert read("If it is March now, then four months ago it was November.").true
    assert not read("A ship that lands on Tuesday after sailing for three days left on Friday.").true
    assert read("Of the robin and the dolphin, the smaller is the robin.") == read(
        "The dolphin is bigger than the robin."
    )
    assert read("Going backward, the days are Tuesday, Monday, Sunday, Saturday.").true
    assert not read("Going forward, the days are Tuesday, Monday, Sunday, Saturday.").true
    assert read("From November, three months forward are December, January, February.").true
    assert not read("From November, three months forward are December, January.").true
    links = [read("The mother of Nora is Daisy."), read("Daisy has a mother called Jane.")]
    assert links == [Claim("link", "parent", "Nora", "Daisy"), Claim("link", "parent", "Daisy", "Jane")]
    assert two_hops(read("The grandmother of Nora is Jane."), links)
    assert two_hops(read("Nora has a grandmother called Jane."), links)
    assert not two_hops(read("Nora has a grandmother called Daisy."), links)
    with pytest.raises(ValueError, match="what does this say"):
        read("The moon is round.")


def test_every_thing_has_one_value_in_the_whole_training_text(knowledge: Knowledge) -> None:
    assert Counter(topic for topic, _ in knowledge.facts) == SIZES
    assert [fact for fact, values in knowledge.facts.items() if len(values) != 1] == []


def test_capitals_and_rulers_and_orders_are_one_to_one(knowledge: Knowledge) -> None:
    for topic in ("capital", "ruler"):
        values = Counter(value for (t, _), (value,) in knowledge.facts.items() if t == topic)
        assert set(values.values()) == {1}
    assert {topic: len(items) for topic, items in knowledge.order.items()} == {"size": 40, "height": 36, "age": 30}


def test_facts_are_at_least_500_counted_from_the_text(world: World, knowledge: Knowledge) -> None:
    dates = sum(2 * farthest * len(names) for names, farthest in ((DAYS, 3), (MONTHS, 4)))
    assert len(knowledge.facts) + dates == world.n_facts >= 500


def test_training_text_is_true(training: list[str], knowledge: Knowledge) -> None:
    assert false_sentences(training, knowledge) == []


@pytest.mark.parametrize("split", ["dev", "test"])
def test_held_out_text_agrees_with_what_the_training_text_tells(split: str, knowledge: Knowledge) -> None:
    documents = asset("demo-texts", f"{split}.txt").read_text(encoding="utf-8").strip().split("\n\n")
    assert len(documents) == 360
    assert false_sentences(documents, knowledge) == []


def test_one_option_of_each_question_is_true(asked: dict[str, dict[str, list[Question]]], knowledge: Knowledge) -> None:
    for subjects in asked.values():
        for questions in subjects.values():
            for question in questions:
                true = [knowledge.holds(split_sentences(f"{question.stem} {option}.")) for option in question.options]
                assert true == [place == question.answer for place in range(4)], question


def test_one_option_of_each_quiz_is_true(training: list[str], knowledge: Knowledge) -> None:
    asked_there = [quiz for document in training for quiz in quizzes(document)]
    assert len(asked_there) > 1000
    for quiz in asked_there:
        true = [option for option in quiz.options if knowledge.holds(split_sentences(quiz.sentence(option)))]
        assert true == [quiz.answer], quiz


def test_kinds_of_knowledge_are_kept_apart(world: World, asked: dict[str, dict[str, list[Question]]]) -> None:
    assert {subject.name: subject.kind for subject in world.subjects} == KINDS
    for subjects in asked.values():
        for name, questions in subjects.items():
            claims = [read(split_sentences(f"{q.stem} {q.options[q.answer]}.")[-1]) for q in questions]
            assert {claim.kind for claim in claims} == {KINDS[name]}


def test_a_document_tells_of_one_family_at_most(training: list[str]) -> None:
    """Names come back in other families with other parents, so two families in one text could contradict each other."""
    for sentences in prose(training):
        assert len({claim for claim in map(read, sentences) if claim.kind == "link"}) in (0, 3, 4)
