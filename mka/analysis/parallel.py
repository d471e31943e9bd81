"""All cores, and yet the same bits whatever their number: work is shared out by layers, never inside a sum."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import threadpool_limits

from mka.objects.progress import Cancel

Item = TypeVar("Item")
Made = TypeVar("Made")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Holders:
    """The blocks that want a BLAS of one thread: its threads are the whole process's, so the last gives them back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._limits: list[threadpool_limits] = []

    def enter(self) -> None:
        with self._lock:
            self._inside += 1
            # Anew for each, since a library may have been loaded since the first one came.
            self._limits.append(threadpool_limits(1, user_api="blas"))

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            while self._limits and not self._inside:
                self._limits.pop().restore_original_limits()


_holders = _Holders()


@contextmanager
def serial_blas() -> Iterator[None]:
    """While the block runs, a matrix product uses one thread: BLAS splits sums over threads, which changes bits.

    Blocks of several threads may overlap in any order.
    """
    _holders.enter()
    try:
        yield
    finally:
        _holders.leave()


def in_parallel(work: Callable[[Item], Made], items: Iterable[Item], cancel: Cancel | None = None) -> Iterator[Made]:
    """`work` of each item, in the items' order, on all cores, each with a BLAS of one thread.

    For work that spends its time outside the interpreter's lock: numpy, scipy, kernels with nogil. Raises what
    `work` raises, and Cancelled before the next result is given.
    """
    with serial_blas():
        yield from in_threads(work, items, cancel)


def in_threads(work: Callable[[Item], Made], items: Iterable[Item], cancel: Cancel | None = None) -> Iterator[Made]:
    """`in_parallel` for work that calls no BLAS: taking hold of BLAS' threads lasts milliseconds."""
    with ThreadPoolExecutor(cores()) as pool:
        waiting = [pool.submit(work, item) for item in items]
        try:
            for future in waiting:
                if cancel is not None:
                    cancel.check()
                yield future.result()
        finally:
            for future in waiting:
                future.cancel()


def spare_a_core() -> None:
    """Have torch, which takes every core otherwise, leave one to whoever shares the process: pages that are drawn."""
    import torch

    torch.set_num_threads(max(1, min(torch.get_num_threads(), cores() - 1)))
