from __future__ import annotations

import threading

import pytest
import torch

from mka.merging.crew import AHEAD, ahead, crew, workers


def test_each_worker_has_a_torch_of_one_thread_and_the_others_keep_theirs():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with crew() as pool:
            assert pool.submit(torch.get_num_threads).result() == 1
        with crew() as pool:
            assert pool.submit(torch.get_num_threads).result() == 1
        assert torch.get_num_threads() == 2
        later: list[int] = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert later == [2]
    finally:
        torch.set_num_threads(before)


def test_where_a_device_does_the_work_one_worker_asks_for_it():
    assert workers(torch.device("cuda")) == workers(torch.device("mps", 0)) == 1 <= workers()


def test_what_has_not_begun_when_something_fails_is_not_begun():
    go, begun = threading.Event(), threading.Semaphore(0)

    def work():
        begun.release()
        go.wait()

    with pytest.raises(KeyError), crew() as pool:
        waiting = [pool.submit(work) for _ in range(workers() + 20)]
        for _ in range(workers()):
            begun.acquire()
        threading.Timer(0.05, go.set).start()
        raise KeyError
    assert sum(future.cancelled() for future in waiting) == 20


@pytest.mark.parametrize("count", [0, 3, AHEAD + 5])
def test_items_are_begun_ahead_and_come_in_order(count):
    begun: list[int] = []

    def begin():
        for number in range(count):
            begun.append(number)
            yield number

    taken = []
    for number in ahead(begin()):
        taken.append(number)
        assert len(begun) == min(count, number + AHEAD + 1)
    assert taken == list(range(count))
