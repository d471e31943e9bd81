"""Long work, off the script run: one worker thread, a visible queue, progress, cancel, one sentence when it fails.

Workers never call streamlit. Jobs live in the process, not in a browser session, so a reload finds them again.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from mka.errors import Cancelled, MkaError
from mka.objects.progress import Cancel, Progress
from mka.studio.jobs.course import UNKNOWN, Course, Position

Work = Callable[[Progress, Cancel], Any]
Clock = Callable[[], float]
WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "cancelled"
KEPT = 30
"""So many jobs that have ended are remembered."""
MINUTES_FROM = 90
"""Seconds from which on a time left is said in minutes."""


@dataclass(frozen=True)
class Task:
    """Work, and what can be said of it beforehand.

    about:   what it is done to; two jobs of the same kind, title and `about` are the same job
    course:  the stages that it will report
    """

    work: Work
    about: object = None
    course: Course = UNKNOWN

    def __call__(self, progress: Progress, cancel: Cancel) -> Any:
        return self.work(progress, cancel)


@dataclass(eq=False)
class Job:
    """One piece of work. Written by the worker, read by any number of page runs.

    asked:  how often it was asked for
    owners: tokens of those who asked for it and did not turn away
    """

    number: int
    kind: str
    title: str
    task: Task = field(repr=False)
    clock: Clock = field(default=time.monotonic, repr=False)
    state: str = WAITING
    stage: str = ""
    done: int = 0
    total: int = 0
    error: str = ""
    result: Any = field(default=None, repr=False)
    started: float | None = None
    ended: float | None = None
    asked: int = 1
    owners: frozenset[str] = frozenset()
    cancel: Cancel = field(default_factory=Cancel, repr=False)
    position: Position = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.position = Position(self.task.course, self.clock())

    @property
    def active(self) -> bool:
        return self.state in (WAITING, RUNNING)

    @property
    def share(self) -> float | None:
        """How much of the whole job is done, in [0, 1]; None where its stages are not known."""
        return self.position.share

    @property
    def seconds(self) -> float:
        """How long it has run, or ran; 0 before its turn."""
        if self.started is None:
            return 0.0
        return (self.clock() if self.ended is None else self.ended) - self.started

    @property
    def seconds_left(self) -> float | None:
        """How long the whole job will still take at its pace so far; None where that cannot be told."""
        return self.position.seconds_left(self.clock()) if self.state == RUNNING else None

    def begin(self) -> None:
        """It is its turn."""
        self.state, self.started = RUNNING, self.clock()
        self.position = replace(self.position, time=self.started)

    def report(self, stage: str, done: int, total: int) -> None:
        """Where the work is, as `Progress`; raises Cancelled where a stop was asked for."""
        self.cancel.check()
        self.stage, self.done, self.total = stage, done, total
        self.position = self.position.reported(stage, done, total, self.clock())

    def is_like(self, kind: str, title: str, task: Task) -> bool:
        """Whether it is the job that these words and this task would make."""
        return (self.kind, self.title, self.task.about) == (kind, title, task.about)

    def describe(self) -> str:
        """Stage, count and times of a job at work, in short."""
        if self.state == WAITING:
            return "waiting"
        count = f" {self.done}/{self.total}" if self.total else ""
        left = self.seconds_left
        rest = "" if left is None else f", about {duration(left)} more"
        return f"{self.stage or 'starting'}{count} · {duration(self.seconds)}{rest}"


def duration(seconds: float) -> str:
    """8 s, 85 s, 2 min; rounded up."""
    return f"{math.ceil(seconds)} s" if seconds <= MINUTES_FROM else f"{math.ceil(seconds / 60)} min"


class JobQueue:
    """Runs jobs one after another; remembers the last ones.

    A job that is stopped has ended for everybody at once, whatever step it is in; the next one begins when that step
    has ended too.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._waiting: deque[Job] = deque()
        self._jobs: list[Job] = []
        self._at_work: Job | None = None
        self._changed = threading.Condition(threading.RLock())
        self._worker: threading.Thread | None = None

    def submit(self, kind: str, title: str, work: Work, owner: str = "") -> Job:
        """Queue `work(progress, cancel)` for `owner`; its return value becomes `job.result`. The same job, where it
        waits or runs, is not queued again but given back."""
        task = work if isinstance(work, Task) else Task(work)
        with self._changed:
            for known in self._jobs:
                if known.active and known.is_like(kind, title, task):
                    known.asked += 1
                    known.owners |= {owner}
                    return known
            job = Job(next(self._numbers), kind, title, task, self._clock, owners=frozenset({owner}))
            ended = [one for one in self._jobs if not one.active]
            self._jobs = [one for one in self._jobs if one not in ended[:-KEPT]] + [job]
            self._waiting.append(job)
            if self._worker is None:
                self._worker = threading.Thread(target=self._run, name="mka-jobs", daemon=True)
                self._worker.start()
            self._changed.notify_all()
        return job

    def find(self, number: int) -> Job | None:
        with self._changed:
            return next((job for job in self._jobs if job.number == number), None)

    def active(self) -> list[Job]:
        """The running job first, then those that wait."""
        with self._changed:
            return [job for job in self._jobs if job.active]

    @property
    def ending(self) -> Job | None:
        """The job that was stopped in a step that still goes on, and that others wait for; None where there is none."""
        with self._changed:
            return self._at_work if self._at_work is not None and not self._at_work.active else None

    def turn_away(self, job: Job, owner: str) -> bool:
        """Let `owner` wait for a job no longer; it stops unless somebody else asked for it too. Whether it
        stopped."""
        with self._changed:
            others = job.owners - {owner}
            if others:
                job.owners = others
                return False
            self.stop(job)
            return True

    def stop(self, job: Job) -> None:
        """End a job now: what it still makes is dropped, and its work goes on to its next check and no further."""
        job.cancel.request()
        with self._changed:
            if not job.active:
                return
            if job in self._waiting:
                self._waiting.remove(job)
            else:
                job.ended = job.clock()
            job.state = STOPPED
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                job = self._at_work = self._waiting.popleft()
                job.begin()
            state, error, result = _carried_out(job)
            with self._changed:
                if job.active:
                    job.ended, job.error, job.result, job.state = job.clock(), error, result, state
                self._at_work = None
                self._changed.notify_all()


def _carried_out(job: Job) -> tuple[str, str, Any]:
    """Run one job to its end; returns its last state, the sentence that says what went wrong, and its result."""
    try:
        return DONE, "", job.task(job.report, job.cancel)
    except Cancelled:
        return STOPPED, "", None
    except MkaError as error:
        return FAILED, str(error), None
    except MemoryError:
        return FAILED, "the machine's memory is full; close other programs or choose a smaller model", None
    except BaseException as error:  # also a library's exit(): the thread must live on and the screen stay readable
        traceback.print_exc()
        return FAILED, f"{type(error).__name__}: {error}; the terminal that runs the studio has the details", None
