"""Bytes from files to files: copied in long ranges, or merged in pieces that stay in the processor's cache."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from mka.merging.averaging import PIECE, Room, precision, weighted_sum
from mka.merging.streaming.ledger import Ledger, Noted
from mka.merging.streaming.passes import OpenFiles, cut_short, read_piece, room_for_bytes
from mka.merging.streaming.shards import Shard
from mka.merging.streaming.source import FLOATING
from mka.merging.streaming.tensor_plan import Target

PLACES = 2
COPIED = 1 << 20
"""Bytes copied at once where the system cannot copy from file to file by itself."""


@dataclass(frozen=True)
class Range:
    """Bytes [begin, end) of a file that stand at `to` in a new one; `tensors` is how many they are."""

    file: Path
    begin: int
    end: int
    to: int
    tensors: int = 1

    def joined(self, other: Range) -> Range | None:
        """Both as one range, where they are neighbours in both files."""
        follows = self.file == other.file and self.end == other.begin and self.to + self.end - self.begin == other.to
        return replace(self, end=other.end, tensors=self.tensors + other.tensors) if follows else None


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


def copy_range(source: int, begin: int, length: int, out: int, to: int) -> None:
    """Copy `length` bytes between two open files, by the system itself where it can."""
    step = _copy_by_system if hasattr(os, "copy_file_range") else _copy_by_hand
    done = 0
    while done < length:
        moved = step(source, begin + done, length - done, out, to + done)
        if not moved:
            raise cut_short()
        done += moved


def _copy_by_system(source: int, begin: int, length: int, out: int, to: int) -> int:
    try:
        return os.copy_file_range(source, out, length, begin, to)
    except OSError:  # some systems refuse to copy between two disks, or what they make of a network's
        return _copy_by_hand(source, begin, length, out, to)


def _copy_by_hand(source: int, begin: int, length: int, out: int, to: int) -> int:
    return os.pwrite(out, os.pread(source, min(length, COPIED), begin), to)


class Copier:
    """Copies on a thread of its own, beside the merging of tensors."""

    def __init__(self, worker: ThreadPoolExecutor) -> None:
        self._worker = worker
        self._started: list[tuple[Future[None], int]] = []

    def start(self, ranges: Iterable[Range], files: OpenFiles, out: int) -> None:
        """Begin to copy the ranges to the open file `out`."""
        for one in ranges:
            source = files.number(one.file)
            copied = self._worker.submit(copy_range, source, one.begin, one.end - one.begin, out, one.to)
            self._started.append((copied, one.tensors))

    def finished(self) -> Iterator[int]:
        """The number of tensors in each range, as soon as it is copied; raises what went wrong."""
        for copied, tensors in self._started:
            copied.result()
            yield tensors


@contextmanager
def copier() -> Iterator[Copier]:
    """A copier whose thread ends with the block; where the block fails, what has not begun is not begun any more."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="copier") as worker:
        try:
            yield Copier(worker)
        finally:
            worker.shutdown(cancel_futures=True)


class Bench:
    """Room for pieces of merged tensors, used again for every piece of every tensor.

    PLACES places take turns, since a piece that is written is still being hashed while the next one is merged.
    """

    def __init__(self) -> None:
        self._terms: list[Tensor] = []
        self._places = cycle([(room_for_bytes(), room_for_bytes()) for _ in range(PLACES)])
        self._rooms = {dtype: Room.of(dtype, PIECE) for dtype in (torch.float32, torch.float64)}
        self._busy: deque[Noted] = deque()

    def merge(self, target: Target, files: OpenFiles, out: int, to: int, ledger: Ledger) -> list[Noted]:
        """Write a changed tensor to its place `to` in `out`; the ledger's notes of its pieces."""
        notes: list[Noted] = []
        ledger.begin(target.name)
        numbers = prod(target.shape)
        for start in range(0, numbers, PIECE):
            length = min(PIECE, numbers - start)
            new, old = self._merged(target, files, start, length)
            _write(out, new, to + start * new.element_size())
            notes.append(ledger.note(new, old))
            self._busy.append(notes[-1])
        return notes

    def _merged(self, target: Target, files: OpenFiles, start: int, length: int) -> tuple[Tensor, Tensor]:
        """A piece of the merged tensor, and of the one that stood there before."""
        assert target.before is not None
        new_bytes, old_bytes = next(self._places)
        if len(self._busy) == PLACES:
            self._busy.popleft().result()
        old = read_piece(target.before, files, start, length, old_bytes)
        new = new_bytes.view(FLOATING[target.dtype])[:length]
        if target.copied:
            return read_piece(target.sources[0], files, start, length, new_bytes), old
        wide = precision(FLOATING[source.dtype] for source in target.sources)
        while len(self._terms) < len(target.sources):
            self._terms.append(room_for_bytes())
        terms = [
            (old if source == target.before else read_piece(source, files, start, length, into), weight)
            for source, weight, into in zip(target.sources, target.weights, self._terms, strict=False)
        ]
        weighted_sum(terms, self._rooms[wide], new)
        return new, old


def _write(out: int, numbers: Tensor, to: int) -> None:
    data = numbers.view(torch.uint8).numpy().data
    done = 0
    while done < len(data):
        done += os.pwrite(out, data[done:], to + done)
