"""Workers that share out a merge, piece by piece, over the cores."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

from mka.analysis.parallel import cores

Item = TypeVar("Item")

AHEAD = 8
"""Tensors that are begun before the first of them is waited for, so that small ones leave no worker idle."""

MOST = 3
"""Workers beyond which a merge is no faster: one at a time writes to a file, and one at a time runs Python."""


CPU = torch.device("cpu")


def workers(device: torch.device = CPU) -> int:
    """How many workers a crew has for tensors on `device`; where it is not the CPU, the device does the work."""
    return min(cores(), MOST) if device == CPU else 1


@contextmanager
def crew(device: torch.device = CPU) -> Iterator[ThreadPoolExecutor]:
    """A pool of workers that ends with the block; where the block fails, what has not begun is not begun any more."""
    with ThreadPoolExecutor(workers(device), thread_name_prefix="crew", initializer=_alone) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _alone() -> None:
    """Have torch work with this thread alone: threads of each worker's own would be more than there are cores."""
    torch.get_num_threads()  # sets the number that the next line changes
    _openmp().limit(limits=1)


@lru_cache(1)
def _openmp() -> ThreadpoolController:
    """The libraries whose number of threads is each thread's own."""
    return ThreadpoolController().select(user_api="openmp")


def ahead(begun: Iterable[Item]) -> Iterator[Item]:
    """The items, which begin work as they are asked for, each when AHEAD more have been begun."""
    waiting: deque[Item] = deque()
    for item in begun:
        waiting.append(item)
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting
