"""Invented, pronounceable proper names, each kind with endings of its own."""

import random
from dataclasses import dataclass

from mka.demo.vocabulary import MEN, WOMEN

ONSETS = tuple("b br d dr f fl g gr h k kr l m n p pr r s st t tr v z sk bl gl v m k l".split())
VOWELS = tuple("a e i o u".split())
MIDDLES = tuple("l r n m v d lt rn nd lm rv st x b g th".split())

COUNTRY_ENDINGS = tuple("ia land or mark stan wen esh una".split())
CAPITAL_ENDINGS = tuple("burg holm grad port mouth vale ness ford".split())
RULER_ENDINGS = tuple("a an is el en ur".split())
TOWN_ENDINGS = tuple("ton ham wick by stead field".split())
SURNAME_ENDINGS = tuple("son ley er ski win man".split())
MOUNTAIN_ENDINGS = tuple("horn peak tor fell spitz".split())


@dataclass(frozen=True)
class Names:
    """Every invented name of the world; no name is the prefix of another one."""

    countries: tuple[str, ...]
    capitals: tuple[str, ...]
    rulers: tuple[str, ...]
    towns: tuple[str, ...]
    surnames: tuple[str, ...]
    mountains: tuple[str, ...]


def _clashes(name: str, taken: set[str]) -> bool:
    return any(name.startswith(other) or other.startswith(name) for other in taken)


def _invent(count: int, endings: tuple[str, ...], rng: random.Random, taken: set[str]) -> tuple[str, ...]:
    names: list[str] = []
    while len(names) < count:
        ending = rng.choice(endings)
        stem = rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(MIDDLES)
        if ending[0] not in "aeiou" and len(stem) < 4 and rng.random() < 0.5:
            stem += rng.choice(VOWELS)
        name = (stem + ending).capitalize()
        if not _clashes(name, taken):
            taken.add(name)
            names.append(name)
    return tuple(names)


def invent_names(seed: int) -> Names:
    """All invented names of the world with this `seed`."""
    rng = random.Random(f"names/{seed}")
    taken = {*WOMEN, *MEN}
    return Names(
        countries=_invent(150, COUNTRY_ENDINGS, rng, taken),
        capitals=_invent(150, CAPITAL_ENDINGS, rng, taken),
        rulers=_invent(150, RULER_ENDINGS, rng, taken),
        towns=_invent(30, TOWN_ENDINGS, rng, taken),
        surnames=_invent(80, SURNAME_ENDINGS, rng, taken),
        mountains=_invent(36, MOUNTAIN_ENDINGS, rng, taken),
    )
