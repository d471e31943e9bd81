"""Four options for a statement, such that nobody who does not see the stem can tell the right one.

Three ways, by what the answers are: names out of a pool, numbers on a little grid, things in an order. Each way has
`draw` (one question, for quizzes in the training text) and `balanced` (a whole set, for the held-out questions).
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Protocol

from mka.demo.statements import Question, Statement

Three = tuple[str, str, str]


class OptionMaker(Protocol):
    """A way to find three wrong options beside an answer."""

    def draw(self, statement: Statement, rng: random.Random) -> Three:
        """Three wrong options for one statement."""

    def balanced(
        self, statements: Sequence[Statement], count: int, rng: random.Random
    ) -> list[tuple[Statement, Three]]:
        """`count` of the statements with wrong options that are right elsewhere as often as chance has it."""


def fits(options: Sequence[str]) -> bool:
    """Whether no option equals or begins another one."""
    return not any(a.startswith(b) for a, b in permutations(options, 2))


@dataclass(frozen=True)
class FromPool:
    """Wrong options are right answers of other statements with the same topic."""

    pools: dict[str, tuple[str, ...]]

    def draw(self, statement: Statement, rng: random.Random) -> Three:
        while True:
            a, b, c = rng.sample(self.pools[statement.topic], 3)
            if fits((statement.answer, a, b, c)) and statement.entity not in (a, b, c):
                return a, b, c

    def balanced(
        self, statements: Sequence[Statement], count: int, rng: random.Random
    ) -> list[tuple[Statement, Three]]:
        by_topic: dict[str, list[Statement]] = defaultdict(list)
        for statement in statements:
            by_topic[statement.topic].append(statement)
        made: list[tuple[Statement, Three]] = []
        seen = 0
        for group in by_topic.values():
            share = round(count * (seen + len(group)) / len(statements)) - round(count * seen / len(statements))
            seen += len(group)
            dealt: list[tuple[Statement, Three]] | None = None
            while dealt is None:
                dealt = _deal(rng.sample(group, share), rng)
            made += dealt
        return made


def _deal(group: list[Statement], rng: random.Random) -> list[tuple[Statement, Three]] | None:
    """Each answer of the group as a wrong option exactly three times as often as it is right.

    None where the shuffles and swaps do not get there, as with a value that is right in over a quarter of the group.
    """
    columns = [[statement.answer for statement in group] for _ in range(3)]
    for column in columns:
        rng.shuffle(column)

    def broken(row: int) -> bool:
        options = [group[row].answer, *(column[row] for column in columns)]
        return not fits(options) or group[row].entity in options

    for _ in range(2_000):
        bad = [row for row in range(len(group)) if broken(row)]
        if not bad:
            rows = zip(group, *columns, strict=True)
            return [(statement, (a, b, c)) for statement, a, b, c in rows]
        row, other, column = rng.choice(bad), rng.randrange(len(group)), rng.choice(columns)
        before = broken(row) + broken(other)
        column[row], column[other] = column[other], column[row]
        if broken(row) + broken(other) > before:
            column[row], column[other] = column[other], column[row]
    return None


@dataclass(frozen=True)
class OnGrid:
    """Numbers x, x + d, x + 10, x + 10 + d with the answer at any corner, so that rank and digits tell nothing."""

    lowest: int
    highest: int

    def draw(self, statement: Statement, rng: random.Random) -> Three:
        while True:
            corner = self._corner(int(statement.answer), rng.choice((-1, 1)), rng.choice((-1, 1)), rng)
            if corner is not None:
                return corner

    def balanced(
        self, statements: Sequence[Statement], count: int, rng: random.Random
    ) -> list[tuple[Statement, Three]]:
        waiting = list(statements)
        rng.shuffle(waiting)
        corners = [(ones, tens) for ones in (-1, 1) for tens in (-1, 1)]
        made: list[tuple[Statement, Three]] = []
        while len(made) < min(count, len(statements)) and waiting:
            statement = waiting.pop()
            corner = self._corner(int(statement.answer), *corners[len(made) % 4], rng)
            if corner is not None:
                made.append((statement, corner))
        return made

    def _corner(self, answer: int, ones: int, tens: int, rng: random.Random) -> Three | None:
        step = rng.choice((1, 2, 3)) * ones
        others = (answer + step, answer + 10 * tens, answer + step + 10 * tens)
        if min(others) < self.lowest or max(others) > self.highest:
            return None
        return str(others[0]), str(others[1]), str(others[2])


@dataclass(frozen=True)
class InOrder:
    """Two options are compared by the stem, two are not; the answer has each rank among the four equally often."""

    scales: dict[str, tuple[str, ...]]

    def draw(self, statement: Statement, rng: random.Random) -> Three:
        while True:
            found = self._ranked(statement, rng.randrange(4), rng)
            if found is not None:
                return found

    def balanced(
        self, statements: Sequence[Statement], count: int, rng: random.Random
    ) -> list[tuple[Statement, Three]]:
        waiting = list(statements)
        rng.shuffle(waiting)
        wanted: Counter[int] = Counter()
        used: set[tuple[str, frozenset[str]]] = set()
        made: list[tuple[Statement, Three]] = []
        while len(made) < min(count, len(statements)) and waiting:
            statement = waiting.pop()
            rank = min(range(4), key=lambda r: (wanted[r], rng.random()))
            pair = (statement.topic, frozenset(self._pair(statement)))
            found = None if pair in used else self._ranked(statement, rank, rng)
            if found is not None:
                used.add(pair)
                wanted[rank] += 1
                made.append((statement, found))
        return made

    def _pair(self, statement: Statement) -> tuple[str, str]:
        """The right one and the wrong one of the two that the stem compares."""
        words = statement.stem.replace(",", " ").split()
        other = next(item for item in self._items(statement) if item in words and item != statement.answer)
        return statement.answer, other

    def _items(self, statement: Statement) -> tuple[str, ...]:
        return self.scales[statement.topic.split("/")[0]]

    def _ranked(self, statement: Statement, rank: int, rng: random.Random) -> Three | None:
        """Three others of which exactly `rank` are below the answer, or None where there are none such."""
        answer, compared = self._pair(statement)
        items = self._items(statement)
        place, compared_place = items.index(answer), items.index(compared)
        below = [item for item in items[:place] if item != compared]
        above = [item for item in items[place + 1 :] if item != compared]
        n_below = rank - (compared_place < place)
        n_above = 2 - n_below
        if not (0 <= n_below <= len(below) and 0 <= n_above <= len(above)):
            return None
        first, second = rng.sample(below, n_below) + rng.sample(above, n_above)
        return (compared, first, second) if fits((answer, compared, first, second)) else None


def arrange(subject: str, statement: Statement, others: Three, place: int, rng: random.Random) -> Question:
    """The question with its answer at `place` and the wrong options in random order around it."""
    options = rng.sample(others, 3)
    options.insert(place, statement.answer)
    a, b, c, d = options
    return Question(subject, statement.stem, (a, b, c, d), place)
