"""What a merge changed: hashed and measured piece by piece, on a thread of its own while the next piece is merged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor

from mka.merging.averaging import PIECE, Room, change_of, precision, squares
from mka.merging.receipts import HASH_DIGITS

Noted = Future[tuple[float, float]]
"""The squares of one piece, when they are known."""


class Ledger:
    """One entry per changed tensor, in the order of the receipt.

    Its pieces are noted one after the other; a piece may be written over when its note is done.
    """

    def __init__(self, worker: ThreadPoolExecutor) -> None:
        self._worker = worker
        self._digest = hashlib.sha256()
        self._rooms = {dtype: Room.of(dtype, PIECE) for dtype in (torch.float32, torch.float64)}

    def begin(self, name: str) -> None:
        """Begin a tensor, by its name in the new checkpoint."""
        self._worker.submit(self._digest.update, name.encode() + b"\0")

    def note(self, new: Tensor, old: Tensor) -> Noted:
        """Hash a flat piece of the tensor, and compare it with what stood there before."""
        return self._worker.submit(self._note, new, old)

    def _note(self, new: Tensor, old: Tensor) -> tuple[float, float]:
        self._digest.update(new.view(torch.uint8).numpy().data)
        return squares(new, old, self._rooms[precision((new.dtype, old.dtype))])

    @property
    def hash(self) -> str:
        """As `receipts.hash_tensors`; for when all notes are done."""
        return self._digest.hexdigest()[:HASH_DIGITS]


def change(notes: Iterable[Noted]) -> float:
    """The relative change of a tensor from the notes of all its pieces; waits for them."""
    return change_of(note.result() for note in notes)


@contextmanager
def ledger() -> Iterator[Ledger]:
    """A ledger with its thread, which ends with the block."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger") as worker:
        yield Ledger(worker)
