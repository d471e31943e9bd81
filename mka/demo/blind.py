"""Scorers that never see the stem: what they get right is what the options give away.

Ties are shared out: a scorer that cannot decide among k options, one of them right, scores 1/k.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from mka.demo.statements import Question

Score = Callable[[Question, int], float]


def blind_scorers(frequency: Mapping[str, int], learned_from: Sequence[Question] = ()) -> dict[str, Score]:
    """Scorers by name; each gives option `i` of a question a number, and the highest wins.

    `frequency` counts the values in training text; `learned_from` are questions with known answers of another split.
    """
    right = Counter(question.options[question.answer] for question in learned_from)
    places = Counter(question.answer for question in learned_from)
    scorers: dict[str, Score] = {f"position {letter}": _at_place(place) for place, letter in enumerate("ABCD")}
    scorers |= {
        "longest": lambda q, i: len(q.options[i]),
        "shortest": lambda q, i: -len(q.options[i]),
        "first in the alphabet": lambda q, i: -sorted(q.options).index(q.options[i]),
        "last in the alphabet": lambda q, i: sorted(q.options).index(q.options[i]),
        "most frequent in training text": lambda q, i: frequency.get(q.options[i], 0),
        "rarest in training text": lambda q, i: -frequency.get(q.options[i], 0),
        "most alike the others": lambda q, i: sum(_common(q.options[i], other) for other in q.options),
        "least alike the others": lambda q, i: -sum(_common(q.options[i], other) for other in q.options),
        "most frequent answer elsewhere": lambda q, i: right[q.options[i]],
        "most frequent place elsewhere": lambda q, i: places[i],
        "nearest the middle answer elsewhere": _nearest(_middle(learned_from)),
    }
    return scorers | {f"rank {rank} of the numbers": _at_rank(rank) for rank in range(4)}


def _at_place(place: int) -> Score:
    return lambda question, i: float(i == place)


def _at_rank(rank: int) -> Score:
    return lambda question, i: float(_rank(question, i) == rank)


def _nearest(middle: float) -> Score:
    return lambda question, i: -abs(int(question.options[i]) - middle) if _numeric(question) else 0.0


def _middle(questions: Sequence[Question]) -> float:
    """The mean of the right answers that are numbers; sums, say, crowd around theirs. 0 where there are none."""
    numbers = [int(question.options[question.answer]) for question in questions if _numeric(question)]
    return sum(numbers) / len(numbers) if numbers else 0.0


def _numeric(question: Question) -> bool:
    return all(option.isdigit() for option in question.options)


def _common(a: str, b: str) -> int:
    return sum((Counter(a) & Counter(b)).values())


def _rank(question: Question, i: int) -> int:
    """The rank of option `i` among four numbers; its place where the options are no numbers."""
    return sorted(question.options, key=int).index(question.options[i]) if _numeric(question) else i


def blind_accuracy(questions: Sequence[Question], score: Score) -> float:
    """The expected share of questions that a scorer answers right, 0 to 1."""
    total = 0.0
    for question in questions:
        scores = [score(question, i) for i in range(4)]
        best = max(scores)
        total += (scores[question.answer] == best) / scores.count(best)
    return total / len(questions)


def best_blind_score(questions: Sequence[Question], frequency: Mapping[str, int]) -> float:
    """What the best of the blind scorers reaches, one among them that knows where the right numbers of these crowd."""
    scores = [*blind_scorers(frequency).values(), _nearest(_middle(questions))]
    return max(blind_accuracy(questions, score) for score in scores)
