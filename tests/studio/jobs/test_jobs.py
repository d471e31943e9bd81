"""The job queue: order, progress, cancel, the same job only once, and errors as one sentence."""

import threading
import time

import pytest

from mka.errors import BadInput
from mka.studio.jobs.course import Course, Stage
from mka.studio.jobs.jobs import DONE, FAILED, KEPT, RUNNING, STOPPED, WAITING, Job, JobQueue, Task, duration


def ended(job: Job) -> Job:
    for _ in range(500):
        if not job.active:
            return job
        time.sleep(0.01)
    raise AssertionError(f"{job.title} did not end")


@pytest.fixture
def queue() -> JobQueue:
    return JobQueue()


class Clock:
    """A time that passes only when it is told to."""

    now = 50.0

    def __call__(self) -> float:
        return self.now


class Held:
    """Work that goes on until it is let go or stopped."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Event(), threading.Event()

    def __call__(self, progress, cancel):
        self.begun.set()
        while not self.release.wait(0.01):
            cancel.check()


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
    assert (first.state, first.stage, first.done, first.total) == (DONE, "counting", 3, 4)
    assert queue.active() == [] and queue.find(first.number) is first


def test_one_at_a_time_and_both_kinds_of_cancel(queue: JobQueue):
    slow = Held()
    running, waiting = queue.submit("x", "a", slow), queue.submit("x", "b", slow)
    assert slow.begun.wait(5)
    assert (running.state, waiting.state) == (RUNNING, WAITING)
    assert queue.active() == [running, waiting]
    queue.stop(waiting)
    assert waiting.state == STOPPED and waiting.seconds == 0
    queue.stop(running)
    assert ended(running).state == STOPPED and running.error == ""


def test_the_same_job_is_followed_while_it_is_at_work(queue: JobQueue):
    slow = Held()
    running = queue.submit("x", "a", Task(slow, ("model", "plan")))
    assert slow.begun.wait(5)
    others = [
        queue.submit("x", "a", Task(slow, ("model", "another plan"))),
        queue.submit("y", "a", Task(slow, ("model", "plan"))),
        queue.submit("x", "b", Task(slow, ("model", "plan"))),
    ]
    assert queue.submit("x", "a", Task(slow, ("model", "plan"))) is running and running.asked == 2
    assert queue.submit("y", "a", Task(slow, ("model", "plan"))) is others[1], "one that waits is followed too"
    assert queue.active() == [running, *others]
    queue.stop(running)
    again = queue.submit("x", "a", Task(slow, ("model", "plan")))
    assert again is not running, "one that is being stopped does not do what is asked for now"
    slow.release.set()
    assert ended(again).state == DONE
    assert queue.submit("x", "a", Task(slow, ("model", "plan"))) is not again, "one that has ended is done anew"


def test_old_jobs_are_forgotten_but_none_that_is_at_work(queue: JobQueue):
    slow = Held()
    jobs = [queue.submit("x", str(number), slow) for number in range(KEPT + 5)]
    assert queue.active() == jobs
    slow.release.set()
    ended(jobs[-1])
    queue.submit("x", "last", slow)
    assert queue.find(jobs[4].number) is None and queue.find(jobs[5].number) is jobs[5]


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


def at_work(clock: Clock, *stages: Stage) -> Job:
    """A job of these stages that began at 50 s."""
    job = Job(1, "x", "a", Task(lambda progress, cancel: None, None, Course(stages)), clock)
    job.begin()
    return job


def test_share_and_time_left_are_of_the_whole_job():
    clock = Clock()
    job = at_work(clock, Stage("reading", 1), Stage("comparing", 3))
    assert job.share == 0 and job.seconds_left is None
    job.report("reading", 0, 8)
    clock.now += 4
    job.report("reading", 8, 8)
    job.report("comparing", 0, 4)
    # A quarter of the way took 4 s, so the rest takes 12.
    assert job.share == 0.25 and job.seconds_left == pytest.approx(12)
    clock.now += 2
    assert job.describe() == "comparing 0/4 · 6 s, about 10 s more"


def test_a_job_without_known_stages_says_only_where_it_is():
    clock = Clock()
    job = at_work(clock)
    clock.now += 30
    job.report("reading", 2, 8)
    assert job.share is None and job.describe() == "reading 2/8 · 30 s"


class Deaf:
    """Work that asks nobody until it is let go, as the loading of a library; then it reports, or makes something."""

    def __init__(self, reports: bool = False) -> None:
        self.begun, self.release, self.reports = threading.Event(), threading.Event(), reports

    def __call__(self, progress, cancel):
        progress("loading the libraries", 0, 0)
        self.begun.set()
        assert self.release.wait(30)
        if self.reports:
            progress("more", 0, 0)
        return "made"


@pytest.mark.parametrize("reports", [False, True])
def test_a_job_in_a_step_that_cannot_be_stopped_has_ended_at_once_and_the_next_waits(queue: JobQueue, reports: bool):
    deaf, held = Deaf(reports), Held()
    job, following = queue.submit("x", "a", deaf), queue.submit("x", "b", held)
    assert deaf.begun.wait(5) and queue.ending is None
    queue.stop(job)
    assert job.state == STOPPED and job.ended is not None
    assert queue.active() == [following] and following.state == WAITING
    assert queue.ending is job and queue.ending.stage == "loading the libraries"
    queue.stop(job)
    deaf.release.set()
    assert held.begun.wait(5) and following.state == RUNNING and queue.ending is None
    assert (job.state, job.result, job.error, job.stage) == (STOPPED, None, "", "loading the libraries")
    queue.stop(following)


def test_only_the_last_who_asked_for_a_job_stops_it(queue: JobQueue):
    slow = Held()
    job = queue.submit("x", "a", Task(slow, "this"), "mine")
    assert queue.submit("x", "a", Task(slow, "this"), "yours") is job and job.owners == {"mine", "yours"}
    assert not queue.turn_away(job, "mine") and job.active and job.owners == {"yours"}
    assert queue.turn_away(job, "yours") and not job.active


@pytest.mark.parametrize("end", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_a_job_that_wants_to_end_the_program_fails_and_the_thread_lives_on(queue: JobQueue, capsys, end: BaseException):
    def leaves(progress, cancel):
        raise end

    job = ended(queue.submit("x", "a", leaves))
    assert job.state == FAILED and type(end).__name__ in job.error
    assert ended(queue.submit("x", "b", lambda progress, cancel: 7)).result == 7


def test_seconds_stand_still_when_a_job_has_ended():
    clock = Clock()
    queue = JobQueue(clock)

    def work(progress, cancel):
        clock.now += 7

    job = ended(queue.submit("x", "a", work))
    clock.now += 100
    assert job.seconds == 7


def test_a_duration_is_rounded_up_and_long_ones_are_said_in_minutes():
    assert [duration(seconds) for seconds in (0.2, 8, 90, 91, 3600)] == ["1 s", "8 s", "90 s", "2 min", "60 min"]
