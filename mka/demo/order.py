"""What the world orders: days and months, numbers, sizes, heights and ages; and what it adds up."""

import random
from dataclasses import dataclass

from mka.demo.names import Names
from mka.demo.statements import Remark, Statement, assign_splits, hold_phrasings
from mka.demo.vocabulary import ANIMALS, COUNTS, DAYS, MONTHS

FORWARD = (
    "{N} {units} after {b} comes",
    "If it is {b} now, then in {n} {units} it is",
    "Starting {at} {b} and going {n} {units} ahead, you reach",
    "{N} {units} later than {b} is",
    "Counting {n} {units} forward from {b} gives",
    "A ship that leaves {at} {b} and sails for {n} {units} lands {at}",
    "A feast held {n} {units} after {b} is held {at}",
)
BACKWARD = (
    "{N} {units} before {b} comes",
    "If it is {b} now, then {n} {units} ago it was",
    "Starting {at} {b} and going {n} {units} back, you reach",
    "{N} {units} earlier than {b} is",
    "Counting {n} {units} backward from {b} gives",
    "A ship that lands {at} {b} after sailing for {n} {units} left {at}",
    "A feast held {n} {units} before {b} is held {at}",
)

NUMBER_STEPS: dict[int, tuple[str, ...]] = {
    1: ("The number after {n} is", "One more than {n} is", "{n} is followed by", "Right after {n} we count"),
    -1: ("The number before {n} is", "One less than {n} is", "{n} is preceded by", "Right before {n} we count"),
    2: ("Two more than {n} is", "Counting up two from {n} gives", "Two steps after {n} comes"),
    -2: ("Two less than {n} is", "Counting down two from {n} gives", "Two steps before {n} comes"),
    3: ("Three more than {n} is", "Counting up three from {n} gives", "Three steps after {n} comes"),
    -3: ("Three less than {n} is", "Counting down three from {n} gives", "Three steps before {n} comes"),
    10: ("Ten more than {n} is", "Counting up ten from {n} gives", "Ten steps after {n} comes"),
    -10: ("Ten less than {n} is", "Counting down ten from {n} gives", "Ten steps before {n} comes"),
}
BETWEEN = ("The number between {a} and {b} is", "Between {a} and {b} lies", "After {a} and before {b} comes")

SUMS = (
    "{a} plus {b} is",
    "{a} + {b} =",
    "The sum of {a} and {b} is",
    "Adding {b} to {a} gives",
    "Together {a} and {b} make",
    "If you have {a} coins and get {b} more, you have",
)
LARGEST_ADDEND = 49


CALENDAR: tuple[tuple[str, str, tuple[str, ...], int], ...] = (("day", "on", DAYS, 3), ("month", "in", MONTHS, 4))
"""Of each unit its name, its preposition, its names in order and the farthest step that is asked."""


def calendar(rng: random.Random) -> tuple[list[Statement], list[Remark]]:
    """Days and months with offsets: each (start, offset) is a fact told in all phrasings but the held-out ones.

    The remarks count out the same steps one by one, which is how such facts are learned.
    """
    statements: list[Statement] = []
    for unit, at, names, farthest in CALENDAR:
        starts = [(i, steps) for i in range(len(names)) for steps in range(1, farthest + 1)]
        for sign, phrasings in ((1, FORWARD), (-1, BACKWARD)):
            rows = hold_phrasings(len(starts), len(phrasings), rng)
            for (i, steps), splits in zip(starts, rows, strict=True):
                words = {"N": COUNTS[steps - 1].capitalize(), "n": COUNTS[steps - 1], "b": names[i], "at": at}
                words["units"] = unit if steps == 1 else f"{unit}s"
                answer = names[(i + sign * steps) % len(names)]
                statements += [
                    Statement(phrasing.format(**words), answer, split, unit, names[i])
                    for phrasing, split in zip(phrasings, splits, strict=True)
                ]
    return statements, [
        remark for unit, _, names, farthest in CALENDAR for remark in _counted_out(unit, names, farthest)
    ]


def _counted_out(unit: str, names: tuple[str, ...], farthest: int) -> list[Remark]:
    """The names in their order, forward and backward, and each walk of two or more steps with all its stations."""
    remarks: list[Remark] = []
    for direction, sign in (("forward", 1), ("backward", -1)):
        for i, start in enumerate(names):
            stations = [names[(i + sign * step) % len(names)] for step in range(farthest + 1)]
            remarks.append(Remark(f"Going {direction}, the {unit}s are {', '.join(stations)}.", "train", start))
            for steps in range(2, farthest + 1):
                walk = ", ".join(stations[1 : steps + 1])
                remarks.append(
                    Remark(f"From {start}, {COUNTS[steps - 1]} {unit}s {direction} are {walk}.", "train", start)
                )
    return remarks


def number_order(rng: random.Random) -> tuple[list[Statement], list[Remark]]:
    """Steps up and down among the numbers 10 to 98; held out are (step, number), in every phrasing."""
    combinations = [(step, number) for step in NUMBER_STEPS for number in range(10, 99) if 10 <= number + step <= 98]
    gaps = [(0, number) for number in range(11, 98)]
    splits = assign_splits(combinations + gaps, combinations + gaps, rng)
    statements: list[Statement] = []
    for (step, number), split in splits.items():
        if step:
            stems = [phrasing.format(n=number) for phrasing in NUMBER_STEPS[step]]
        else:
            stems = [phrasing.format(a=number - 1, b=number + 1) for phrasing in BETWEEN]
        statements += [Statement(stem, str(number + step), split, "number", str(number)) for stem in stems]
    return statements, [_counting(start) for start in range(10, 95)]


def _counting(start: int) -> Remark:
    counted = ", ".join(str(number) for number in range(start, start + 5))
    return Remark(f"Counting goes {counted}.", "train", str(start))


def sums(rng: random.Random) -> tuple[list[Statement], list[Remark]]:
    """Additions of two numbers up to LARGEST_ADDEND; held out are unordered pairs of two-digit numbers.

    The text has the sums of one-digit numbers too, which are steps of the others; sums below 10 are told but never
    asked, so that every option has two digits.
    """
    numbers = range(1, LARGEST_ADDEND + 1)
    pairs = [(a, b) for a in numbers for b in numbers if a <= b]
    splits = assign_splits(pairs, [(a, b) for a, b in pairs if a >= 10], rng)
    told = [
        Statement(phrasing.format(a=a, b=b), str(a + b), split, "sum", str(a))
        for (low, high), split in splits.items()
        for a, b in sorted({(low, high), (high, low)})
        for phrasing in SUMS
    ]
    small = [Remark(statement.sentence, "train", statement.entity) for statement in told if len(statement.answer) == 1]
    return [statement for statement in told if len(statement.answer) == 2], small


@dataclass(frozen=True)
class Scale:
    """Things in a total order, from the least to the most, with the words that compare two of them."""

    topic: str
    article: str
    less: str
    more: str
    items: tuple[str, ...]
    phrasings: tuple[str, ...]


def scales(names: Names, rng: random.Random) -> tuple[Scale, ...]:
    towns = list(names.towns)
    rng.shuffle(towns)
    return (
        Scale(
            "size", "the ", "smaller", "bigger", tuple(row[0] for row in ANIMALS),
            (
                "Of the {x} and the {y}, the {c} is the",
                "Between the {x} and the {y}, the {c} animal is the",
                "When the {x} stands beside the {y}, the {c} one is the",
            ),
        ),
        Scale(
            "height", "", "lower", "higher", names.mountains,
            (
                "Of the mountains {x} and {y}, the {c} is",
                "Climbers say of {x} and {y} that the {c} peak is",
                "When {x} is compared with {y}, the {c} mountain is",
            ),
        ),
        Scale(
            "age", "", "younger", "older", tuple(towns),
            (
                "Of the towns {x} and {y}, the {c} is",
                "Books say of {x} and {y} that the {c} town is",
                "When {x} is compared with {y}, the {c} town is",
            ),
        ),
    )  # fmt: skip


NEIGHBOURHOOD = 3
"""Pairs closer than this in their order are never held out: nothing else in the text would tell them apart."""


def comparisons(scale: Scale, rng: random.Random) -> tuple[list[Statement], list[Remark]]:
    """Each pair of a scale compared in both directions; held out are unordered pairs, in every phrasing."""
    count = len(scale.items)
    pairs = [(low, high) for low in range(count) for high in range(low + 1, count)]
    splits = assign_splits(pairs, [(low, high) for low, high in pairs if high - low >= NEIGHBOURHOOD], rng)
    statements: list[Statement] = []
    remarks: list[Remark] = []
    for (low, high), split in splits.items():
        less, more = scale.items[low], scale.items[high]
        for x, y in ((less, more), (more, less)):
            for word, answer in ((scale.less, less), (scale.more, more)):
                stems = [phrasing.format(x=x, y=y, c=word) for phrasing in scale.phrasings]
                statements += [Statement(stem, answer, split, f"{scale.topic}/{word}", x) for stem in stems]
        the = scale.article
        for first, word, second in ((less, scale.less, more), (more, scale.more, less)):
            sentence = f"{the}{first} is {word} than {the}{second}."
            remarks.append(Remark(sentence[0].upper() + sentence[1:], split, first))
    return statements, remarks
