"""What a merge changed: made, measured and hashed piece by piece by a crew, the hash in the order of the receipt."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from mka.merging.averaging import Rooms, change_of, pieces, squares
from mka.merging.receipts import HASH_DIGITS, bytes_of

Piece = Callable[[Rooms], tuple[Tensor, Tensor]]
"""Makes a flat piece of a tensor: what stands there now, and what stood there before."""

Noted = Future[tuple[float, float]]
"""The squares of one piece, when they are known."""


@dataclass(frozen=True)
class _Entry:
    """What is hashed of one piece, and whom to tell that it was; `new` is None for a piece that failed."""

    head: bytes
    new: Tensor | None
    hashed: Callable[[], None]


def _nothing() -> None:
    """Whom nothing needs to be told."""


def _given(new: Tensor, old: Tensor, rooms: Rooms) -> tuple[Tensor, Tensor]:
    return new, old


class Ledger:
    """One entry per changed tensor, in the order of the receipt.

    Its pieces are made in any order, by any worker of the crew. They are hashed one after the other by whichever
    worker finds the next one ready, so that none waits for a turn while there is a piece to make.
    """

    def __init__(self, crew: ThreadPoolExecutor) -> None:
        self._crew = crew
        self._rooms = Rooms()
        self._digest = hashlib.sha256()
        self._turn = threading.Lock()
        self._ready: dict[int, _Entry] = {}
        self._begun = 0
        self._next = 0

    def note(self, piece: Piece, *, name: str = "", hashed: Callable[[], None] = _nothing) -> Noted:
        """Have the next piece of a tensor made and entered.

        name:    with a tensor's first piece, its name in the merged model
        hashed:  called when the piece's memory is not needed any more
        """
        head = name.encode() + b"\0" if name else b""
        self._begun += 1
        return self._crew.submit(self._note, self._begun - 1, head, piece, hashed)

    def note_whole(self, name: str, new: Tensor, old: Tensor) -> list[Noted]:
        """Enter a tensor that is made already."""
        notes: list[Noted] = []
        for one, other in pieces([new, old]):
            notes.append(self.note(partial(_given, one, other), name="" if notes else name))
        return notes

    def _note(self, number: int, head: bytes, piece: Piece, hashed: Callable[[], None]) -> tuple[float, float]:
        new = None
        try:
            with torch.inference_mode():  # what was made under it may only be written to under it
                new, old = piece(self._rooms)
                return squares(new, old, self._rooms.of((new.dtype, old.dtype), old.device))
        finally:
            self._ready[number] = _Entry(head, new, hashed)
            self._hash()

    def _hash(self) -> None:
        """Hash what is ready, in turn, unless another worker does."""
        while self._next in self._ready and self._turn.acquire(blocking=False):
            try:
                while entry := self._ready.pop(self._next, None):
                    if entry.new is not None:
                        self._digest.update(entry.head)
                        self._digest.update(bytes_of(entry.new))
                    entry.hashed()
                    self._next += 1
            finally:
                self._turn.release()

    @property
    def hash(self) -> str:
        """As `receipts.hash_tensors`; for when all notes are done."""
        return self._digest.hexdigest()[:HASH_DIGITS]


def change(notes: Iterable[Noted]) -> float:
    """The relative change of a tensor from the notes of all its pieces; waits for them."""
    return change_of(note.result() for note in notes)
