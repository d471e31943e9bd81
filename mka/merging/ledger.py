"""What a merge changed: made, measured and hashed piece by piece by a crew, each piece while it is in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from mka.merging.averaging import Rooms, change_of, pieces, squares
from mka.merging.receipts import digest_of, hash_digests

Piece = Callable[[Rooms], tuple[Tensor, Tensor]]
"""Makes a flat piece of a tensor: what stands there now, and what stood there before."""

STRETCH = 8
"""Pieces of a tensor that one worker makes one after the other: enough that handing them out costs little."""


@dataclass(frozen=True)
class Note:
    """What is known of a piece that was made: ||new - old||^2, ||old||^2 and the digest of its bytes."""

    squares: tuple[float, float]
    digest: bytes


Noted = Future[list[Note]]
"""The notes of a stretch of pieces, when they are made."""


class Ledger:
    """One entry per changed tensor, in the order of the receipt; its pieces are made in any order."""

    def __init__(self, crew: ThreadPoolExecutor) -> None:
        self._crew = crew
        self._rooms = Rooms()
        self._entries: list[tuple[str, list[Noted]]] = []

    def enter(self, name: str, made: Iterable[Piece]) -> list[Noted]:
        """Have the pieces of a tensor made, which is called `name` in the merged model."""
        notes = [self._crew.submit(self._note, stretch) for stretch in _stretches(made)]
        self._entries.append((name, notes))
        return notes

    def enter_whole(self, name: str, new: Tensor, old: Tensor) -> list[Noted]:
        """Enter a tensor that is made already."""
        return self.enter(name, (partial(_given, one, other) for one, other in pieces([new, old])))

    def _note(self, stretch: Iterable[Piece]) -> list[Note]:
        notes = []
        with torch.inference_mode():  # what was made under it may only be written to under it
            for piece in stretch:
                new, old = piece(self._rooms)
                room = self._rooms.of((new.dtype, old.dtype), old.device)
                notes.append(Note(squares(new, old, room), digest_of(new)))
        return notes

    @property
    def hash(self) -> str:
        """As `receipts.hash_tensors`; waits for all notes."""
        return hash_digests((name, (note.digest for note in _all(notes))) for name, notes in self._entries)


def change(notes: Iterable[Noted]) -> float:
    """The relative change of a tensor from the notes of all its pieces; waits for them."""
    return change_of(note.squares for note in _all(notes))


def _given(new: Tensor, old: Tensor, rooms: Rooms) -> tuple[Tensor, Tensor]:
    return new, old


def _stretches(made: Iterable[Piece]) -> Iterator[list[Piece]]:
    left = iter(made)
    while stretch := list(islice(left, STRETCH)):
        yield stretch


def _all(notes: Iterable[Noted]) -> Iterator[Note]:
    for stretch in notes:
        yield from stretch.result()
