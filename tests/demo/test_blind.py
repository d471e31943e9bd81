"""Nobody who does not see the stems can tell the answers: neither the room's own scorers nor one that learns."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

import pytest

from mka.demo.blind import best_blind_score, blind_accuracy, blind_scorers
from mka.demo.statements import Question
from mka.demo.vocabulary import WOMEN
from tests.demo.reader import prose, quizzes, read

LIMIT = 0.35
Asked = dict[str, dict[str, list[Question]]]


def question(*options: str, answer: int = 0) -> Question:
    a, b, c, d = options
    return Question("any", "a stem", (a, b, c, d), answer)


def features(options: Sequence[str], i: int) -> Iterator[Hashable]:
    """What can be seen of an option without the stem."""
    option, others = options[i], [*options[:i], *options[i + 1 :]]
    yield "place", i
    yield "word", option
    yield "length", sum(len(other) < len(option) for other in others)
    yield "alphabet", sorted(options).index(option)
    yield "ending", option[-2:]
    yield "first word", option.split()[0], sum(other.split()[0] == option.split()[0] for other in others)
    yield "woman", option in WOMEN, sum(other in WOMEN for other in others)
    for place in (0, -1):
        yield "shared letters", place, sum(option[place] == other[place] for other in others)
    if option.isdigit():
        yield "rank", sum(int(other) < int(option) for other in others)
        yield "distance", sum(abs(int(other) - int(option)) for other in others)
        yield "even", int(option) % 2


class NaiveBayes:
    """Learns from answered questions which features right options have more often than wrong ones."""

    def __init__(self, questions: Sequence[tuple[Sequence[str], int]]) -> None:
        self.right: Counter[Hashable] = Counter()
        self.wrong: Counter[Hashable] = Counter()
        for options, answer in questions:
            for i in range(4):
                (self.right if i == answer else self.wrong).update(features(options, i))

    def __call__(self, asked: Question, i: int) -> float:
        return sum(math.log((self.right[seen] + 1) / (self.wrong[seen] + 3) * 3) for seen in features(asked.options, i))


def test_a_naive_bayes_learner_does_find_what_is_there_to_find() -> None:
    told = [(("aa", "b", "c", "d"), 0), (("a", "bb", "c", "d"), 1), (("a", "b", "cc", "d"), 2)]
    assert blind_accuracy([question("a", "b", "c", "dd", answer=3)], NaiveBayes(told)) == 1


def test_no_scorer_of_the_room_beats_the_limit(asked: Asked, training: list[str]) -> None:
    """Frequencies are counted in the real text; what dev asks is known."""
    counts = Counter(read(sentence).value for sentences in prose(training) for sentence in sentences)
    groups = {name: (questions, asked["dev"][name]) for name, questions in asked["test"].items()}
    pooled = {split: [q for questions in subjects.values() for q in questions] for split, subjects in asked.items()}
    groups |= {"all of test": (pooled["test"], pooled["dev"]), "all of dev": (pooled["dev"], pooled["test"])}
    for name, (questions, elsewhere) in groups.items():
        for scorer, score in blind_scorers(counts, elsewhere).items():
            assert blind_accuracy(questions, score) <= LIMIT, (name, scorer)


def test_knowing_how_often_each_sum_is_possible_does_not_beat_the_limit(asked: Asked) -> None:
    counts = Counter(str(a + b) for a in range(10, 50) for b in range(10, 50))
    assert blind_accuracy(asked["test"]["sums"], lambda q, i: counts[q.options[i]]) <= LIMIT


def test_a_learner_does_not_beat_the_limit(asked: Asked, training: list[str]) -> None:
    """Taught by the dev questions and, apart from them, by all quizzes of the training text."""
    dev = [(q.options, q.answer) for questions in asked["dev"].values() for q in questions]
    seen = [(quiz.options, "ABCD".index(quiz.letter)) for text in training for quiz in quizzes(text)]
    every = [q for questions in asked["test"].values() for q in questions]
    for learner in (NaiveBayes(dev), NaiveBayes(seen)):
        assert blind_accuracy(every, learner) <= 0.3
        for name, questions in asked["test"].items():
            assert blind_accuracy(questions, learner) <= LIMIT, name
    for name, questions in asked["test"].items():
        alone = NaiveBayes([(q.options, q.answer) for q in asked["dev"][name]])
        assert blind_accuracy(questions, alone) <= LIMIT, name


def test_ties_are_shared() -> None:
    assert blind_accuracy([question("a", "b", "c", "d")], lambda q, i: 1.0) == 0.25
    assert blind_accuracy([question("a", "b", "c", "d")], lambda q, i: float(i < 2)) == 0.5
    assert blind_accuracy([question("a", "b", "c", "d", answer=2)], lambda q, i: float(i < 2)) == 0


@pytest.mark.parametrize(
    ("scorer", "options", "answer"),
    [
        ("position C", ("a", "b", "c", "d"), 2),
        ("longest", ("a", "bbb", "cc", "d"), 1),
        ("shortest", ("aa", "bbb", "c", "dd"), 2),
        ("first in the alphabet", ("d", "c", "b", "a"), 3),
        ("last in the alphabet", ("a", "d", "b", "c"), 1),
        ("most frequent in training text", ("w", "x", "often", "z"), 2),
        ("rarest in training text", ("once", "often", "often!", "twice"), 0),
        ("most frequent answer elsewhere", ("w", "x", "y", "known"), 3),
        ("most frequent place elsewhere", ("a", "b", "c", "d"), 1),
        ("most alike the others", ("xbc", "ayc", "abz", "abc"), 3),
        ("least alike the others", ("abcd", "abce", "wxyz", "abcf"), 2),
        ("nearest the middle answer elsewhere", ("9", "40", "61", "80"), 2),
        ("rank 3 of the numbers", ("9", "80", "10", "11"), 1),
        ("rank 0 of the numbers", ("80", "9", "10", "11"), 1),
    ],
)
def test_each_scorer_by_hand(scorer: str, options: tuple[str, ...], answer: int) -> None:
    counts = {"once": 1, "twice": 2, "often": 9, "often!": 9}
    elsewhere = [question("w", "known", "y", "z", answer=1), question("1", "59", "2", "3", answer=1)]
    score = blind_scorers(counts, elsewhere)[scorer]
    assert blind_accuracy([question(*options, answer=answer)], score) == 1


def test_numbers_that_crowd_around_a_middle_are_found_out() -> None:
    crowded = [question("50", "40", "60", "90"), question("52", "42", "62", "92"), question("48", "38", "58", "88")]
    mixed = [replace(one, options=one.options[n:] + one.options[:n], answer=-n % 4) for n, one in enumerate(crowded)]
    assert best_blind_score(mixed, {}) == 1


def test_the_best_scorer_counts() -> None:
    assert best_blind_score([question("aaa", "b", "c", "d"), question("b", "aaa", "c", "d", answer=1)], {}) == 1
