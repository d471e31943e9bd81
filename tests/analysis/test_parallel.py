"""Work on all cores: in order, stopped when asked, and the same bits for any number of BLAS threads."""

from __future__ import annotations

import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from mka.analysis.parallel import in_parallel, serial_blas
from mka.errors import Cancelled
from mka.objects.progress import Cancel


def test_results_come_in_the_items_order() -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.05 if item == 0 else 0)
        return item * item

    assert list(in_parallel(slow_first, range(5))) == [0, 1, 4, 9, 16]


def test_what_the_work_raises_arrives() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(lambda item: 1 // item, [1, 0, 1]))


def test_stops_when_asked() -> None:
    cancel = Cancel()
    cancel.request()
    with pytest.raises(Cancelled):
        list(in_parallel(abs, range(3), cancel))


def blas_threads() -> set[int]:
    np.ones((4, 4)) @ np.ones((4, 4))
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_blas_has_one_thread_inside_and_its_own_number_again_outside() -> None:
    with threadpool_limits(2, user_api="blas"):
        with serial_blas():
            assert blas_threads() == {1}
        assert blas_threads() == {2}


def test_blocks_that_overlap_do_not_take_the_threads_from_each_other() -> None:
    first, second = serial_blas(), serial_blas()
    with threadpool_limits(2, user_api="blas"):
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)  # before the second, as blocks of two threads may end
        assert blas_threads() == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == {2}
