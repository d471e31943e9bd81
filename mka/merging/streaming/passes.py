"""Reading stored tensors piece by piece, and what must be known of whole ones before they are merged."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from mka.errors import RunFailed
from mka.merging.averaging import NO_DOTS, PIECE, Dots, Room, dots_of
from mka.merging.streaming.source import FLOATING
from mka.models.files import StoredTensor

WIDEST = 8
"""Bytes of the longest number."""
CUT_SHORT = "a weight file was cut short while it was read; nothing was left behind, fetch the file again"


class OpenFiles:
    """Files by path, each opened for reading when it is first asked for, by whatever thread."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._lock = threading.Lock()
        self._numbers: dict[Path, int] = {}

    def number(self, path: Path) -> int:
        """The file's descriptor."""
        with self._lock:
            if path not in self._numbers:
                self._numbers[path] = self._stack.enter_context(path.open("rb", buffering=0)).fileno()
            return self._numbers[path]


class Place:
    """Memory for a piece of any dtype. What of it is never written to is none."""

    def __init__(self) -> None:
        self._memory = torch.empty(PIECE * WIDEST, dtype=torch.uint8)
        self._bytes = self._memory.numpy().data
        self._numbers = {dtype: self._memory.view(dtype)[:PIECE] for dtype in FLOATING.values()}

    def numbers(self, dtype: torch.dtype, length: int) -> Tensor:
        """The first numbers in it."""
        whole = self._numbers[dtype]
        return whole if length == PIECE else whole[:length]

    def bytes(self, length: int) -> memoryview:
        """The first bytes in it."""
        return self._bytes[:length]


def read_piece(stored: StoredTensor, files: OpenFiles, start: int, length: int, into: Place) -> Tensor:
    """Numbers [start, start + length) of a stored tensor, in the memory of `into`.

    Read at a place in an open file, never mapped: pages of a mapped file count as memory of the process.
    """
    dtype = FLOATING[stored.dtype]
    fill(into.bytes(length * dtype.itemsize), files.number(stored.file), stored.begin + start * dtype.itemsize)
    return into.numbers(dtype, length)


def fill(room: memoryview, file: int, begin: int) -> None:
    """Read the bytes of an open file from `begin` on, as many as there is room for; RunFailed where it ends before."""
    done = 0
    while done < len(room):
        read = os.preadv(file, [room[done:]], begin + done)
        if not read:
            raise RunFailed(CUT_SHORT)
        done += read


def dots_of_stored(first: StoredTensor, second: StoredTensor) -> Dots:
    """As `averaging.dots`, of two stored tensors of one shape."""
    total, room = NO_DOTS, Room.of(torch.float64, PIECE)
    numbers = prod(first.shape)
    with ExitStack() as opened:
        files, ours, theirs = OpenFiles(opened), Place(), Place()
        for start in range(0, numbers, PIECE):
            length = min(PIECE, numbers - start)
            one = read_piece(first, files, start, length, ours)
            total += dots_of(one, read_piece(second, files, start, length, theirs), room)
    return total


def same_bytes(one: StoredTensor, other: StoredTensor) -> bool:
    """Whether two stored tensors are of one dtype and shape and hold the same."""
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    with one.file.open("rb") as first, other.file.open("rb") as second:
        first.seek(one.begin)
        second.seek(other.begin)
        left = one.end - one.begin
        while left:
            size = min(PIECE, left)
            if first.read(size) != second.read(size):
                return False
            left -= size
    return True
