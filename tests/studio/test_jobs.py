"""The job queue: order, progress, cancel, and errors as one sentence."""

import threading
import time

import pytest

from mka.errors import BadInput
from mka.studio.jobs import DONE, FAILED, RUNNING, STOPPED, WAITING, Job, JobQueue


def ended(job: Job) -> Job:
    for _ in range(500):
        if not job.active:
            return job
        time.sleep(0.01)
    raise AssertionError(f"{job.title} did not end")


@pytest.fixture
def queue() -> JobQueue:
    return JobQueue()


def test_result_progress_and_order(queue: JobQueue):
    seen: list[str] = []

    def work(name):
        def run(progress, cancel):
            progress("counting", 3, 4)
            seen.append(name)
            return name

        return run

    first, second = queue.submit("x", "one", work("one")), queue.submit("x", "two", work("two"))
    assert ended(second).result == "two" and ended(first).result == "one"
    assert seen == ["one", "two"]
    assert (first.state, first.stage, first.share) == (DONE, "counting", 0.75)
    assert queue.active() == [] and queue.find(first.number) is first


def test_one_at_a_time_and_both_kinds_of_cancel(queue: JobQueue):
    begun, release = threading.Event(), threading.Event()

    def slow(progress, cancel):
        begun.set()
        while not release.wait(0.01):
            cancel.check()

    running, waiting = queue.submit("x", "a", slow), queue.submit("x", "b", slow)
    assert begun.wait(5)
    assert (running.state, waiting.state) == (RUNNING, WAITING)
    assert queue.active() == [running, waiting]
    queue.stop(waiting)
    assert waiting.state == STOPPED
    queue.stop(running)
    assert ended(running).state == STOPPED and running.error == ""


def test_progress_alone_is_a_place_to_cancel(queue: JobQueue):
    begun = threading.Event()

    def talks(progress, cancel):
        begun.set()
        while True:
            progress("on and on", 0, 0)
            time.sleep(0.005)

    job = queue.submit("x", "a", talks)
    assert begun.wait(5)
    queue.stop(job)
    assert ended(job).state == STOPPED


def test_errors_become_a_sentence_and_the_thread_lives_on(queue: JobQueue, capsys):
    def bad(progress, cancel):
        raise BadInput("no such folder; choose another")

    def broken(progress, cancel):
        raise KeyError("boom")

    first, second = ended(queue.submit("x", "a", bad)), ended(queue.submit("x", "b", broken))
    assert (first.state, first.error) == (FAILED, "no such folder; choose another")
    assert second.state == FAILED and "\n" not in second.error and "boom" in second.error
    assert ended(queue.submit("x", "c", lambda progress, cancel: 7)).result == 7


def test_time_left_is_the_stages_pace_carried_on(queue: JobQueue):
    job = Job(1, "x", "a", lambda progress, cancel: None, state=RUNNING, started=time.monotonic() - 30)
    job.report("reading", 0, 8)
    assert job.seconds_left is None
    job.stage_started -= 6
    job.report("reading", 2, 8)
    assert job.seconds_left == pytest.approx(18, abs=0.5)
    assert job.describe().startswith("reading 2/8 · 30 s, this step 1")
    job.report("another", 1, 2)
    assert job.seconds_left == pytest.approx(0, abs=0.5), "a new stage begins its own count"
