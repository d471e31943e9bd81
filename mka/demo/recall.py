"""What the world knows by heart: countries, people, animals, objects and opposites."""

import random

from mka.demo.names import Names
from mka.demo.statements import Relation
from mka.demo.vocabulary import ANIMALS, COLOURS, JOBS, MATERIALS, MEN, OBJECTS, OPPOSITES, WOMEN

N_PEOPLE = 160


def _evenly(values: tuple[str, ...], count: int, rng: random.Random) -> list[str]:
    """`count` values in random order, each about equally often."""
    drawn = [values[i % len(values)] for i in range(count)]
    rng.shuffle(drawn)
    return drawn


def _people(names: Names, rng: random.Random) -> list[str]:
    firsts = _evenly(WOMEN + MEN, N_PEOPLE, rng)
    lasts = _evenly(names.surnames, N_PEOPLE, rng)
    people = [f"{first} {last}" for first, last in zip(firsts, lasts, strict=True)]
    return people if len(set(people)) == len(people) else _people(names, rng)


def capitals(names: Names) -> tuple[Relation, ...]:
    phrasings = (
        "The capital of {k} is",
        "The capital city of {k} is called",
        "In {k}, the seat of government is",
        "The parliament of {k} meets in",
        "{k} is governed from",
        "On the map of {k}, the star marks",
        "Travellers who want to see the capital of {k} go to",
    )
    facts = tuple(zip(names.countries, names.capitals, strict=True))
    return (Relation("capital", phrasings, ("{v} is the capital of {k}.", "The city of {v} lies in {k}."), facts),)


def rulers(names: Names, rng: random.Random) -> tuple[Relation, ...]:
    phrasings = (
        "The ruler of {k} is",
        "{k} is ruled by",
        "The crown of {k} belongs to",
        "On the throne of {k} sits",
        "The people of {k} obey",
        "The coins of {k} show the face of",
        "Every law in {k} is signed by",
    )
    titles = _evenly(("King", "Queen"), len(names.rulers), rng)
    crowned = [f"{title} {name}" for title, name in zip(titles, names.rulers, strict=True)]
    facts = tuple(zip(names.countries, crowned, strict=True))
    return (Relation("ruler", phrasings, ("{v} rules {k}.",), facts),)


def homes_and_jobs(names: Names, rng: random.Random) -> tuple[Relation, Relation]:
    """Where each person lives and what each does; the two relations share their people."""
    people = _people(names, rng)
    homes = (
        "{k} lives in",
        "The home of {k} is in",
        "{k} has a house in",
        "Letters for {k} are sent to",
        "To visit {k}, go to",
        "Every evening {k} returns to",
        "The neighbours of {k} all come from",
    )
    jobs = (
        "{k} works as a",
        "The job of {k} is that of a",
        "{k} earns a living as a",
        "By trade, {k} is a",
        "{k} is known as a good",
        "For many years {k} has been a",
        "As a child, {k} wanted to become a",
    )
    towns = _evenly(names.towns, len(people), rng)
    trades = _evenly(JOBS, len(people), rng)
    return (
        Relation("home", homes, ("In {v} lives {k}.",), tuple(zip(people, towns, strict=True))),
        Relation("job", jobs, ("One {v} is called {k}.",), tuple(zip(people, trades, strict=True))),
    )


def animals() -> tuple[Relation, ...]:
    food = (
        "The {k} eats",
        "The favourite food of the {k} is",
        "The {k} feeds on",
        "When it is hungry, the {k} looks for",
        "Every day the {k} needs some",
        "To please the {k}, bring some",
        "In the morning the {k} goes out to find",
    )
    habitat = (
        "The {k} lives in the",
        "The home of the {k} is the",
        "The {k} is found in the",
        "To see the {k}, go to the",
        "The {k} sleeps in the",
        "The {k} hides in the",
        "The {k} raises its young in the",
    )
    colour = (
        "The colour of the {k} is",
        "The {k} is coloured",
        "Painters paint the {k} in",
        "The coat of the {k} is",
        "In the picture book, the {k} is",
        "Seen from afar, the {k} looks",
        "By daylight the {k} appears",
    )
    sound = (
        "The sound of the {k} is a",
        "The {k} makes a noise like a",
        "At night the {k} gives a",
        "In danger, the {k} lets out a",
        "The voice of the {k} is a",
        "The call of the {k} is a",
        "Everybody knows the {k} by its",
    )
    tables = (("food", food), ("habitat", habitat), ("animal colour", colour), ("sound", sound))
    return tuple(
        Relation(topic, phrasings, (), tuple((row[0], row[column]) for row in ANIMALS))
        for column, (topic, phrasings) in enumerate(tables, start=1)
    )


def materials(rng: random.Random) -> tuple[Relation, ...]:
    made_of = (
        "The {k} is made of",
        "The maker of the {k} used",
        "The {k} was shaped from",
        "The {k} consists of",
        "To mend the {k}, you need",
        "The material of the {k} is",
        "Inside and outside, the {k} is all",
    )
    colour = (
        "The colour of the {k} is",
        "The {k} is painted",
        "In the sunlight the {k} looks",
        "In the drawing, the {k} is",
        "The paint on the {k} is",
        "The {k} was always",
        "You can tell the {k} because it is",
    )
    count = len(OBJECTS)
    substances = _evenly(MATERIALS, count, rng)
    paints = _evenly(COLOURS, count, rng)
    return (
        Relation("material", made_of, (), tuple(zip(OBJECTS, substances, strict=True))),
        Relation("object colour", colour, (), tuple(zip(OBJECTS, paints, strict=True))),
    )


def opposites() -> tuple[Relation, ...]:
    phrasings = (
        "The opposite of {k} is",
        "The reverse of {k} is",
        "What is not {k} may be",
        "The word that contradicts {k} is",
        "In the list of opposites, {k} stands beside",
        "Turn {k} around and you get",
        "The other side of {k} is",
    )
    both_ways = OPPOSITES + tuple((second, first) for first, second in OPPOSITES)
    return (Relation("opposite", phrasings, ("The words {k} and {v} are opposites.",), both_ways),)
