"""A reader of the demo world's English that shares no rule with its writer.

It knows names and words, and finds out from a sentence what it claims; sums, steps and dates it works out itself, and
families, facts and orders it gathers from what it has read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from graphlib import TopologicalSorter
from itertools import pairwise

from mka.demo.names import invent_names
from mka.demo.vocabulary import ANIMALS, COLOURS, DAYS, JOBS, MATERIALS, MEN, MONTHS, OBJECTS, OPPOSITES, WOMEN
from mka.demo.world import SEED

NAMES = invent_names(SEED)
COUNTRIES, CAPITALS, TOWNS = set(NAMES.countries), set(NAMES.capitals), set(NAMES.towns)
ANIMAL_NAMES = {row[0] for row in ANIMALS}
TRAITS = {
    value: topic for row in ANIMALS for value, topic in zip(row[1:], ("food", "home", "coat", "sound"), strict=True)
}
OPPOSED = {word for pair in OPPOSITES for word in pair}
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "ten": 10}
LESS = {"smaller": "size", "lower": "height", "younger": "age"}
MORE = {"bigger": "size", "higher": "height", "older": "age"}
KINSHIP = [
    form.replace("KIN", r"(?P<grand>grand)?(?P<word>mother|father)")
    for form in (r"The KIN of (?P<name>\w+) is (?P<who>\w+)\.", r"(?P<name>\w+) has a KIN called (?P<who>\w+)\.")
]
"""Ways to say that `who` is the mother (or so) of `name`."""


@dataclass(frozen=True)
class Claim:
    """What a sentence says: of `about` in `topic` the `value`; `true` is None where that takes more than the sentence.

    A comparison says that `about` is less than `value`; a link, that `value` is a parent of `about`.
    """

    kind: str
    topic: str
    about: str
    value: str
    true: bool | None = None


@cache
def read(sentence: str) -> Claim:
    """The claim of one sentence; ValueError where the sentence makes no sense to the reader."""
    words = re.findall(r"[A-Za-z]+", sentence)
    for reading in (_arithmetic, _step, _date, _comparison, _family, _country, _person, _thing, _opposites):
        claim = reading(sentence, words)
        if claim is not None:
            return claim
    raise ValueError(f"what does this say? {sentence!r}")


def _arithmetic(sentence: str, words: Sequence[str]) -> Claim | None:
    if not re.search(r"plus|\+|sum of|Together|Adding|coins and", sentence):
        return None
    a, b, total = map(int, re.findall(r"\d+", sentence))
    low, high = sorted((a, b))
    return Claim("arithmetic", "sum", f"{low} {high}", str(total), a + b == total)


def _step(sentence: str, words: Sequence[str]) -> Claim | None:
    numbers = [int(digits) for digits in re.findall(r"\d+", sentence)]
    if not numbers:
        return None
    if sentence.startswith("Counting goes"):
        counted = all(b == a + 1 for a, b in pairwise(numbers))
        return Claim("order", "counting", str(numbers[0]), str(numbers[-1]), counted and len(numbers) == 5)
    if len(numbers) == 3:
        low, high, middle = numbers
        return Claim("order", "number", f"{low} to {high}", str(middle), low + 1 == middle == high - 1)
    start, end = numbers
    size = next((NUMBERS[word.lower()] for word in words if word.lower() in ("two", "three", "ten")), 1)
    up, down = ({"after", "more", "up", "followed"} & set(words), {"before", "less", "down", "preceded"} & set(words))
    assert bool(up) != bool(down), sentence
    step = size if up else -size
    return Claim("order", "number", f"{start} {step:+}", str(end), start + step == end)


def _date(sentence: str, words: Sequence[str]) -> Claim | None:
    for topic, names in (("day", DAYS), ("month", MONTHS)):
        found = [names.index(word) for word in words if word in names]
        if found:
            sign = -1 if {"before", "ago", "back", "earlier", "backward", "left"} & set(words) else 1
            size = next((NUMBERS[word.lower()] for word in words if word.lower() in NUMBERS), len(found) - 1)
            assert (topic if size == 1 else f"{topic}s") in words, sentence
            about, value = f"{names[found[0]]} {sign * size:+}", names[found[-1]]
            if sentence.startswith(("Going", "From")):
                stations = [(found[0] + sign * step) % len(names) for step in range(size + 1)]
                return Claim("order", f"{topic}s counted", about, value, found == stations)
            start, end = found
            return Claim("order", topic, about, value, (start + sign * size) % len(names) == end)
    return None


def _comparison(sentence: str, words: Sequence[str]) -> Claim | None:
    how = next((word for word in words if word in LESS or word in MORE), None)
    if how is None:
        return None
    topic = LESS.get(how) or MORE[how]
    known = {"size": ANIMAL_NAMES, "height": set(NAMES.mountains), "age": TOWNS}[topic]
    things = [word for word in words if word in known]
    if len(things) == 2:
        assert f"is {how} than" in sentence, sentence
        first, second = things
    else:
        x, y, first = things
        if first not in (x, y):
            return Claim("comparison", topic, first, "neither of the two", False)
        second = y if first == x else x
    low, high = (first, second) if how in LESS else (second, first)
    return Claim("comparison", topic, low, high)


def _family(sentence: str, words: Sequence[str]) -> Claim | None:
    found = next(filter(None, (re.fullmatch(form, sentence) for form in KINSHIP)), None)
    if found is None:
        return None
    who, grand, word, name = found["who"], found["grand"], found["word"], found["name"]
    fits = (who in WOMEN) == (word == "mother")
    if grand:
        return Claim("two hops", "grandparent", name, who, None if fits else False)
    assert fits, sentence
    return Claim("link", "parent", name, who)


def _country(sentence: str, words: Sequence[str]) -> Claim | None:
    countries = [word for word in words if word in COUNTRIES]
    if not countries:
        return None
    (country,) = countries
    crowned = re.findall(r"\b(?:King|Queen) \w+", sentence)
    capitals = [word for word in words if word in CAPITALS]
    (value,) = crowned or capitals
    return Claim("recall", "ruler" if crowned else "capital", country, value)


def _person(sentence: str, words: Sequence[str]) -> Claim | None:
    person = re.search(r"\b([A-Z]\w+) ([A-Z]\w+)\b", sentence)
    pairs = [(a, b) for a, b in pairwise(words) if a in WOMEN + MEN and b in NAMES.surnames]
    if not person or not pairs:
        return None
    ((first, last),) = pairs
    towns = [word for word in words if word in TOWNS]
    jobs = [word for word in words if word in JOBS]
    (value,) = towns or jobs
    return Claim("recall", "home of person" if towns else "job", f"{first} {last}", value)


def _thing(sentence: str, words: Sequence[str]) -> Claim | None:
    value = words[-1]
    animals = [word for word in words if word in ANIMAL_NAMES]
    if animals:
        (animal,) = animals
        return Claim("recall", TRAITS[value], animal, value)
    things = [word for word in words if word in OBJECTS]
    if not things:
        return None
    (thing,) = things
    assert value in MATERIALS + COLOURS, sentence
    return Claim("recall", "material" if value in MATERIALS else "paint", thing, value)


def _opposites(sentence: str, words: Sequence[str]) -> Claim | None:
    found = [word for word in words if word in OPPOSED]
    return Claim("recall", "opposite", *found) if len(found) == 2 else None


@dataclass(frozen=True)
class Quiz:
    stem: str
    options: tuple[str, ...]
    letter: str

    def sentence(self, option: str) -> str:
        return f"{self.stem} {option}."

    @property
    def answer(self) -> str:
        return self.options["ABCD".index(self.letter)]


def split_sentences(text: str) -> list[str]:
    return re.findall(r"[^.]+\.", text.replace(". ", "."))


def quizzes(document: str) -> list[Quiz]:
    """The quizzes of a document; none where it is prose."""
    found = re.findall(r"^(.+)\nA\. (.+)\nB\. (.+)\nC\. (.+)\nD\. (.+)\nAnswer: ([ABCD])$", document, re.MULTILINE)
    assert len(found) * 6 == len(document.splitlines()) or not found
    return [Quiz(stem, tuple(options), letter) for stem, *options, letter in found]


def prose(documents: Iterable[str]) -> Iterator[list[str]]:
    """The sentences of each document that is no quiz."""
    return (split_sentences(document) for document in documents if "\nAnswer: " not in document)


@dataclass
class Knowledge:
    """What a reader of some text knows by heart."""

    facts: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    order: dict[str, list[str]] = field(default_factory=dict)

    def holds(self, sentences: Sequence[str]) -> bool:
        """Whether the last of the sentences is true; those before it are its premises."""
        claim = read(sentences[-1])
        if claim.true is not None:
            return claim.true
        if claim.kind in ("two hops", "link"):
            links = [link for link in map(read, sentences[:-1]) if link.kind == "link"]
            return two_hops(claim, links) if claim.kind == "two hops" else agrees(claim, links)
        if claim.kind == "comparison":
            items = self.order[claim.topic]
            return items.index(claim.about) < items.index(claim.value)
        assert claim.kind == "recall", sentences
        return claim.value in self.facts[claim.topic, claim.about]


def agrees(link: Claim, links: Sequence[Claim]) -> bool:
    """Whether a link gives nobody a second parent, and no parent a second child, which no family here has."""
    return all((link.about == other.about) == (link.value == other.value) for other in links)


def two_hops(claim: Claim, links: Sequence[Claim]) -> bool:
    """Whether the links make the claim true."""
    parents = {link.about: link.value for link in links}
    return parents.get(parents.get(claim.about, ""), "") == claim.value


def learn(documents: Iterable[str]) -> Knowledge:
    """All facts and orders that a text tells; graphlib.CycleError where a comparison contradicts the others."""
    known = Knowledge()
    below: dict[str, dict[str, set[str]]] = {}
    for sentence in {sentence for sentences in prose(documents) for sentence in sentences}:
        claim = read(sentence)
        if claim.kind == "recall":
            known.facts.setdefault((claim.topic, claim.about), set()).add(claim.value)
        if claim.topic == "opposite":
            known.facts.setdefault((claim.topic, claim.value), set()).add(claim.about)
        if claim.kind == "comparison":
            below.setdefault(claim.topic, {}).setdefault(claim.value, set()).add(claim.about)
    for topic, graph in below.items():
        known.order[topic] = list(TopologicalSorter(graph).static_order())
        # Each thing is compared with its neighbour, so the order is the only one that fits.
        assert all(low in graph[high] for low, high in pairwise(known.order[topic]))
    return known
