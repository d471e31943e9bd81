"""Bytes from files to files: copied in long ranges, or merged in pieces that stay in the processor's cache."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path

from torch import Tensor

from mka.merging.averaging import PIECE, Rooms, weighted_sum
from mka.merging.ledger import Ledger, Noted
from mka.merging.streaming.passes import OpenFiles, Place, fill, read_piece
from mka.merging.streaming.shards import Shard
from mka.merging.streaming.source import FLOATING
from mka.merging.streaming.tensor_plan import Target

LONGEST = 1 << 26
"""Bytes from which a range takes in no further tensor: long enough for the disk, and short enough to share out."""


@dataclass(frozen=True)
class Range:
    """Bytes [begin, end) of a file that stand at `to` in a new one; `tensors` is how many they are."""

    file: Path
    begin: int
    end: int
    to: int
    tensors: int = 1

    def joined(self, other: Range) -> Range | None:
        """Both as one range, where they are neighbours in both files and this one is not long enough already."""
        length = self.end - self.begin
        follows = self.file == other.file and self.end == other.begin and self.to + length == other.to
        if not follows or length >= LONGEST:
            return None
        return replace(self, end=other.end, tensors=self.tensors + other.tensors)


def ranges(shard: Shard) -> list[Range]:
    """What of a shard is copied: every tensor that is a stored one and no change, neighbours in one range."""
    found: list[Range] = []
    for place, target in shard.offsets:
        if target.before is not None:
            continue
        stored = target.sources[0]
        new = Range(stored.file, stored.begin, stored.end, place)
        both = found[-1].joined(new) if found else None
        if both is not None:
            found[-1] = both
        else:
            found.append(new)
    return found


def reserve(out: int, nbytes: int) -> None:
    """Have the system set aside the bytes of a new file: they are then written in three quarters of the time."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(out, 0, nbytes)


class Desk(threading.local):
    """Where a worker lays what it reads and makes: room of its own, used for piece after piece."""

    def __init__(self) -> None:
        self.old, self.new = Place(), Place()
        self.terms: list[Place] = []

    def term(self, number: int) -> Place:
        """Room for the piece of a sum's tensor `number`."""
        while len(self.terms) <= number:
            self.terms.append(Place())
        return self.terms[number]


class Bench:
    """Has a crew copy and merge tensors from files to files, piece by piece."""

    def __init__(self, files: OpenFiles, ledger: Ledger) -> None:
        self._files = files
        self._ledger = ledger
        self._desk = Desk()

    def copy(self, one: Range, out: int) -> None:
        """Write a range to its place in `out`.

        By way of memory that is in the cache. The system can copy by itself, but in steps so short that workers which
        write to the same file get in each other's way.
        """
        source = self._files.number(one.file)
        for begin in range(one.begin, one.end, PIECE):
            room = self._desk.new.bytes(min(PIECE, one.end - begin))
            fill(room, source, begin)
            _write(out, room, one.to + begin - one.begin)

    def merge(self, target: Target, out: int, to: int) -> list[Noted]:
        """Begin to write a changed tensor to its place `to` in `out`; the ledger's notes of its pieces."""
        numbers = prod(target.shape)
        starts = range(0, max(numbers, 1), PIECE)
        made = (partial(self._write, target, start, min(PIECE, numbers - start), out, to) for start in starts)
        return self._ledger.enter(target.name, made)

    def _write(self, target: Target, start: int, length: int, out: int, to: int, rooms: Rooms) -> tuple[Tensor, Tensor]:
        """A piece of the merged tensor, which is written, and of the one that stood there before."""
        assert target.before is not None
        old = read_piece(target.before, self._files, start, length, self._desk.old)
        new = self._merged(target, start, length, old, rooms)
        size = new.dtype.itemsize
        _write(out, self._desk.new.bytes(length * size), to + start * size)
        return new, old

    def _merged(self, target: Target, start: int, length: int, old: Tensor, rooms: Rooms) -> Tensor:
        if target.copied:
            return read_piece(target.sources[0], self._files, start, length, self._desk.new)
        new = self._desk.new.numbers(FLOATING[target.dtype], length)
        terms = [
            old if source == target.before else read_piece(source, self._files, start, length, self._desk.term(number))
            for number, source in enumerate(target.sources)
        ]
        room = rooms.of((term.dtype for term in terms), new.device)
        weighted_sum(list(zip(terms, target.weights, strict=True)), room, new)
        return new


def _write(out: int, data: memoryview, to: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(out, data[done:], to + done)
