"""Families told in context: who is whose grandparent takes two steps through what was just said."""

import random
import zlib
from dataclasses import dataclass

from mka.demo.statements import Question, Split
from mka.demo.vocabulary import MEN, WOMEN

FEMALE = frozenset(WOMEN)
PEOPLE = WOMEN + MEN
FULL_SHARE = 0.35
EXPLAINED_SHARE = 0.5
PHRASINGS = ("The {word} of {name} is", "{name} has a {word} called")


@dataclass(frozen=True)
class Chain:
    """Three people, each the child of the next."""

    child: str
    parent: str
    grandparent: str

    @property
    def split(self) -> Split:
        """Chains are dealt to the splits by a checksum: 12 % to test, 6 % to dev, the rest to train."""
        bucket = zlib.crc32("/".join((self.child, self.parent, self.grandparent)).encode()) % 100
        return "test" if bucket < 12 else "dev" if bucket < 18 else "train"


@dataclass(frozen=True)
class Family:
    """A chain to be asked about and another one that only distracts; `distractor.grandparent` may stay unsaid."""

    chain: Chain
    distractor: Chain
    full: bool

    def premises(self, rng: random.Random) -> str:
        """What is told, in random order: three or four parent-child sentences."""
        links = [(self.chain.child, self.chain.parent), (self.chain.parent, self.chain.grandparent)]
        links.append((self.distractor.child, self.distractor.parent))
        if self.full:
            links.append((self.distractor.parent, self.distractor.grandparent))
        rng.shuffle(links)
        return " ".join(_link(child, parent, rng) for child, parent in links)


def _word(name: str, female: str, male: str) -> str:
    return female if name in FEMALE else male


def _link(child: str, parent: str, rng: random.Random) -> str:
    if rng.random() < 0.7:
        return f"{child} is the {_word(child, 'daughter', 'son')} of {parent}."
    return f"{parent} is the {_word(parent, 'mother', 'father')} of {child}."


def _ask(chain: Chain, upward: bool, rng: random.Random) -> tuple[str, str]:
    """A stem and its answer: the grandparent of the child, or the grandchild of the grandparent."""
    name, answer = (chain.child, chain.grandparent) if upward else (chain.grandparent, chain.child)
    words = ("grandmother", "grandfather") if upward else ("granddaughter", "grandson")
    return rng.choice(PHRASINGS).format(word=_word(answer, *words), name=name), answer


def _restate(child: str, parent: str, rng: random.Random) -> str:
    """One link once more, in the words in which two links are asked about."""
    if rng.random() < 0.5:
        return f"{rng.choice(PHRASINGS).format(word=_word(parent, 'mother', 'father'), name=child)} {parent}."
    return f"{rng.choice(PHRASINGS).format(word=_word(child, 'daughter', 'son'), name=parent)} {child}."


def _explain(chain: Chain, upward: bool, rng: random.Random) -> str:
    """An answer with the two links that lead to it."""
    stem, answer = _ask(chain, upward, rng)
    links = [(chain.child, chain.parent), (chain.parent, chain.grandparent)]
    told = [f"{child} is the {_word(child, 'daughter', 'son')} of {parent}" for child, parent in links]
    return f"{told[0]} and {told[1]}, so {stem[0].lower() if stem.startswith('The') else stem[0]}{stem[1:]} {answer}."


def _draw_chain(rng: random.Random, allowed: tuple[Split, ...], without: Chain | None = None) -> Chain:
    """A chain of one of the `allowed` splits; beside another chain, with its ends' genders and none of its names.

    Equal genders at the ends keep the word grandmother or grandson from giving the answer away.
    """
    while True:
        chain = Chain(*rng.sample(PEOPLE, 3))
        if chain.split not in allowed:
            continue
        if without is None:
            return chain
        names = {chain.child, chain.parent, chain.grandparent, without.child, without.parent, without.grandparent}
        alike = (chain.child in FEMALE) == (without.child in FEMALE)
        # In a short family the distractor's parent stands where the asked grandparent might.
        alike = alike and (chain.grandparent in FEMALE) == (without.grandparent in FEMALE)
        if len(names) == 6 and alike and (chain.parent in FEMALE) == (without.grandparent in FEMALE):
            return chain


def draw_family(rng: random.Random, split: Split, *, asked: bool) -> Family:
    """A family for text of `split`, or, if `asked`, one whose questions only `split` asks."""
    own: tuple[Split, ...] = (split,)
    chain = _draw_chain(rng, own if asked else ("train", split))
    return Family(chain, _draw_chain(rng, ("train",), chain), full=rng.random() < FULL_SHARE)


def passage(rng: random.Random, split: Split) -> str:
    """A family, a link or two of it told again, and one to three things that follow, the first often explained."""
    family = draw_family(rng, split, asked=False)
    told = [family.premises(rng)]
    links = [(family.chain.child, family.chain.parent), (family.chain.parent, family.chain.grandparent)]
    links.append((family.distractor.child, family.distractor.parent))
    told += [_restate(child, parent, rng) for child, parent in rng.sample(links, rng.randint(0, 2))]
    asks = [(family.chain, True), (family.chain, False)]
    if family.full:
        asks += [(family.distractor, True), (family.distractor, False)]
    chosen = rng.sample(asks, rng.randint(1, min(3, len(asks))))
    for chain, upward in chosen:
        stem, answer = _ask(chain, upward, rng)
        told.append(f"{stem} {answer}.")
    if rng.random() < EXPLAINED_SHARE:
        told.insert(len(told) - len(chosen), _explain(*rng.choice(asks), rng))
    return " ".join(told)


def question(rng: random.Random, split: Split, name: str) -> Question:
    """A question on a family that `split` asks; all options are names of the stem."""
    family = draw_family(rng, split, asked=True)
    upward = rng.random() < 0.5
    stem, answer = _ask(family.chain, upward, rng)
    others = [family.chain.parent, family.distractor.parent]
    others.append(family.distractor.grandparent if upward and family.full else family.distractor.child)
    options = [answer, *others]
    rng.shuffle(options)
    a, b, c, d = options
    return Question(name, f"{family.premises(rng)} {stem}", (a, b, c, d), options.index(answer))
