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
from dataclasses import dataclass, field
from typing import Any

from mka.errors import Cancelled, MkaError
from mka.objects.progress import Cancel, Progress

Work = Callable[[Progress, Cancel], Any]
WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "cancelled"
KEPT = 30


@dataclass
class Job:
    """One piece of work. Written by the worker, read by any number of page runs."""

    number: int
    kind: str
    title: str
    work: Work = field(repr=False)
    state: str = WAITING
    stage: str = ""
    done: int = 0
    total: int = 0
    error: str = ""
    result: Any = field(default=None, repr=False)
    started: float = 0.0
    stage_started: float = 0.0
    ended: float = 0.0
    cancel: Cancel = field(default_factory=Cancel, repr=False)

    @property
    def active(self) -> bool:
        return self.state in (WAITING, RUNNING)

    @property
    def share(self) -> float:
        """How much of the present stage is done, in [0, 1]."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    @property
    def seconds(self) -> float:
        """How long it has run, or ran."""
        return (self.ended or time.monotonic()) - self.started if self.started else 0.0

    def report(self, stage: str, done: int, total: int) -> None:
        """Where the work is, as `Progress`; raises Cancelled where a stop was asked for."""
        self.cancel.check()
        if stage != self.stage:
            self.stage_started = time.monotonic()
        self.stage, self.done, self.total = stage, done, total

    @property
    def seconds_left(self) -> float | None:
        """How long the present stage will take at its pace so far; None where that cannot be told."""
        if self.state != RUNNING or not 0 < self.done < self.total:
            return None
        return (time.monotonic() - self.stage_started) * (self.total - self.done) / self.done

    def describe(self) -> str:
        """Stage, share and time as one short line."""
        if self.state == WAITING:
            return "waiting for the job before it"
        count = f" {self.done}/{self.total}" if self.total else ""
        left = self.seconds_left
        rest = "" if left is None else f", this step {math.ceil(left)} s more"
        return f"{self.stage or 'starting'}{count} · {self.seconds:.0f} s{rest}"


class JobQueue:
    """Runs jobs one after another; remembers the last ones."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._waiting: deque[Job] = deque()
        self._jobs: deque[Job] = deque(maxlen=KEPT)
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None

    def submit(self, kind: str, title: str, work: Work) -> Job:
        """Queue `work(progress, cancel)`; its return value becomes `job.result`."""
        with self._changed:
            job = Job(next(self._numbers), kind, title, work)
            self._jobs.append(job)
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

    def stop(self, job: Job) -> None:
        """Ask a job to end; one that waits ends at once, one that runs at its next check."""
        job.cancel.request()
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                job.state = STOPPED
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                job = self._waiting.popleft()
                job.state, job.started = RUNNING, time.monotonic()
            state, error = _carry_out(job)
            with self._changed:
                job.ended, job.error, job.state = time.monotonic(), error, state
                self._changed.notify_all()


def _carry_out(job: Job) -> tuple[str, str]:
    """Run one job to its end; returns its last state and the sentence that says what went wrong."""
    try:
        job.result = job.work(job.report, job.cancel)
    except Cancelled:
        return STOPPED, ""
    except MkaError as error:
        return FAILED, str(error)
    except MemoryError:
        return FAILED, "the machine's memory is full; close other programs or choose a smaller model"
    except Exception as error:  # anything may arrive here; the thread must live on and the screen stay readable
        traceback.print_exc()
        return FAILED, f"{type(error).__name__}: {error}; the terminal that runs the studio has the details"
    return DONE, ""
