"""Where two texts differ, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

PIECES = re.compile(r"\s+|\w+|[^\s\w]")
"""White space, words, and every other sign by itself."""


@dataclass(frozen=True)
class Piece:
    """A part of a text; `differs` where the other text has something else there."""

    text: str
    differs: bool


Pieces = tuple[Piece, ...]


def differing(one: str, other: str) -> tuple[Pieces, Pieces]:
    """Both texts in pieces, which put together are the texts again.

    Words and signs are matched in their order (Ratcliff and Obershelp's way, as `difflib` does it); those without a
    partner differ. White space never does.
    """
    first, second = PIECES.findall(one), PIECES.findall(other)
    places = [[at for at, text in enumerate(pieces) if not text.isspace()] for pieces in (first, second)]
    match = SequenceMatcher(None, [first[at] for at in places[0]], [second[at] for at in places[1]], autojunk=False)
    same: tuple[set[int], set[int]] = (set(), set())
    for start, partner, length in match.get_matching_blocks():
        same[0].update(places[0][start : start + length])
        same[1].update(places[1][partner : partner + length])
    return _pieces(first, same[0]), _pieces(second, same[1])


def _pieces(texts: list[str], same: set[int]) -> Pieces:
    return tuple(Piece(text, at not in same and not text.isspace()) for at, text in enumerate(texts))
