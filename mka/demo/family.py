"""Families told in context: who is whose grandparent takes two steps through what was just said."""

import random
import zlib
from dataclasses import dataclass

from mka.demo.statements import Question, Split
from mka.demo.vocabulary import MEN, WOMEN

FEMALE = frozenset(WOMEN)
PEOPLE = WOMEN + MEN
FULL_SHARE = 0.5
ORDERLY_SHARE = 0.7
PHRASINGS = ("The {word} of {name} is", "{name} has a {word} called")

Link = tuple[str, str]
"""A child and its parent."""


@dataclass(frozen=True)
class Chain:
    """Three people, each the child of the next."""

    child: str
    parent: str
    grandparent: str

    @property
    def links(self) -> list[Link]:
        return [(self.child, self.parent), (self.parent, self.grandparent)]

    @property
    def split(self) -> Split:
        """Grandchild and grandparent are dealt by a checksum: 12 % to test, 6 % to dev, the rest to train.

        Whoever stands between them, so that no text tells the grandparent that another split asks for.
        """
        bucket = zlib.crc32(f"{self.child}/{self.grandparent}".encode()) % 100
        return "test" if bucket < 12 else "dev" if bucket < 18 else "train"


@dataclass(frozen=True)
class Family:
    """A chain to be asked about and another one that only distracts; `distractor.grandparent` may stay unsaid."""

    chain: Chain
    distractor: Chain
    full: bool

    @property
    def links(self) -> list[list[Link]]:
        """The links that are told: those of the chain, and one or both of the distractor."""
        return [self.chain.links, self.distractor.links if self.full else self.distractor.links[:1]]

    @property
    def told_chains(self) -> list[Chain]:
        return [self.chain, self.distractor] if self.full else [self.chain]

    def premises(self, rng: random.Random) -> str:
        """What is told: mostly one chain after the other, each from child to grandparent; else in any order."""
        chains = self.links
        rng.shuffle(chains)
        links = [link for chain in chains for link in chain]
        if rng.random() >= ORDERLY_SHARE:
            rng.shuffle(links)
        return " ".join(_tell(link) for link in links)


def _word(name: str, female: str, male: str) -> str:
    return female if name in FEMALE else male


def _tell(link: Link) -> str:
    child, parent = link
    return f"The {_word(parent, 'mother', 'father')} of {child} is {parent}."


def _ask(chain: Chain, rng: random.Random) -> str:
    """A stem that the grandparent's name completes."""
    word = _word(chain.grandparent, "grandmother", "grandfather")
    return rng.choice(PHRASINGS).format(word=word, name=chain.child)


def _draw_chain(rng: random.Random, allowed: tuple[Split, ...], without: Chain | None = None) -> Chain:
    """A chain of one of the `allowed` splits; beside another chain, with its grandparent's gender and no name of its.

    Equal genders keep the word grandmother from giving the answer away.
    """
    while True:
        chain = Chain(*rng.sample(PEOPLE, 3))
        if chain.split not in allowed:
            continue
        if without is None:
            return chain
        names = {chain.child, chain.parent, chain.grandparent, without.child, without.parent, without.grandparent}
        alike = (chain.grandparent in FEMALE) == (without.grandparent in FEMALE)
        # In a short family the distractor's parent stands where the asked grandparent might.
        if len(names) == 6 and alike and (chain.parent in FEMALE) == (without.grandparent in FEMALE):
            return chain


def draw_family(rng: random.Random, split: Split, *, asked: bool) -> Family:
    """A family for text of `split`, or, if `asked`, one whose questions only `split` asks."""
    own: tuple[Split, ...] = (split,)
    chain = _draw_chain(rng, own if asked else ("train", split))
    return Family(chain, _draw_chain(rng, ("train",), chain), full=rng.random() < FULL_SHARE)


def passage(rng: random.Random, split: Split) -> str:
    """A family, one to three links of it told again, and each grandparent that follows."""
    family = draw_family(rng, split, asked=False)
    links = [link for chain in family.links for link in chain]
    follows = [_tell(link) for link in rng.sample(links, rng.randint(1, 3))]
    follows += [f"{_ask(chain, rng)} {chain.grandparent}." for chain in family.told_chains]
    rng.shuffle(follows)
    return " ".join([family.premises(rng), *follows])


def question(rng: random.Random, split: Split, name: str) -> Question:
    """A question on a family that `split` asks; all options are names of the stem."""
    family = draw_family(rng, split, asked=True)
    distractor = family.distractor
    others = [family.chain.parent, distractor.parent, distractor.grandparent if family.full else distractor.child]
    options = [family.chain.grandparent, *others]
    rng.shuffle(options)
    a, b, c, d = options
    stem = f"{family.premises(rng)} {_ask(family.chain, rng)}"
    return Question(name, stem, (a, b, c, d), options.index(family.chain.grandparent))
