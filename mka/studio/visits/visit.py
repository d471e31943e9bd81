"""One person's work in the studio, and what all of them share. No streamlit here.

A visit lives in the process and is named in the page's address, so that a reload finds the plan again.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt
from mka.objects.run import Run
from mka.store import Store
from mka.studio.jobs.jobs import FAILED, STOPPED, Job, JobQueue
from mka.studio.jobs.models import ModelStore
from mka.studio.selection.state import StudioState
from mka.studio.visits.desk import Calibration, Continuation, Desk, Outcome, Weights
from mka.workflows.runs import Shelf, run_of, users_store

OUTCOMES_KEPT = 50
VISITS_KEPT = 20
PROMPTS_KEPT = 5
ASIDE_KEPT = 4
"""So many models that were open before keep their plan and analyses in the visit; the store keeps more."""
WRITTEN_KEPT = 20

Key = tuple[Weights, str, str, str]
"""Of which model, content key of a plan, and from which texts its repair was worked out: words and content key."""


@dataclass
class Visit:
    """desk: what is open; state: the plan for it; aside: both for the other models that were open before, by
    fingerprint; followed: numbers of the jobs whose end is waited for;
    measured: keys of the runs that were made here, in that order; run: key of the one that is looked at, "" before a
    choice; pinned: keys of those that stay on top; earlier: whether others' runs are listed too;
    notice: how the last job ended, as (kind, sentence);
    measure: the one chosen on the Explore page, "" before a choice;
    prompts: what was made of the last prompts, the latest first;
    written: receipts of the checkpoints that were written here, the latest last;
    owner: token of the browser that it belongs to; kept: the desk as the store has it;
    unkept: why what is shown will not be found after a restart, "" where it will."""

    desk: Desk | None = None
    state: StudioState | None = None
    aside: dict[str, tuple[Desk, StudioState]] = field(default_factory=dict)
    followed: list[int] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)
    run: str = ""
    pinned: list[str] = field(default_factory=list)
    earlier: bool = False
    notice: tuple[str, str] | None = None
    measure: str = ""
    prompts: tuple[Continuation, ...] = ()
    written: tuple[Receipt, ...] = ()
    owner: str = ""
    kept: Desk | None = None
    unkept: str = ""

    @property
    def measure_shown(self) -> str:
        """The measure chosen where the open analysis has it, else its first; "" without an analysis."""
        known = {} if self.desk is None else self.desk.similarities
        return self.measure if self.measure in known else next(iter(known), "")

    def open(self, new: Desk) -> None:
        """Put `new` on the desk; a model that was open before finds its plan and analysis again."""
        if self.desk is not None and self.state is not None:
            self.aside.pop(self.desk.summary.fingerprint, None)
            self.aside[self.desk.summary.fingerprint] = (self.desk, self.state)
        known = self.aside.get(new.summary.fingerprint)
        if known is None:
            self.desk, self.state = new, StudioState.of(new.summary)
        else:
            old, state = known
            self.desk, self.state = new.joined(old), replace(state, message=None)
        while len(self.aside) > ASIDE_KEPT:
            self.aside.pop(next(iter(self.aside)))

    def saved(self, outcome: Outcome | None) -> Receipt | None:
        """The receipt of the latest checkpoint that was written here of this outcome's merge and still lies there."""
        merged = None if outcome is None else outcome.receipt
        mine = (one for one in reversed(self.written) if replace(one, verified=None, folder="") == merged)
        return next((one for one in mine if Path(one.folder).is_dir()), None)

    def leave_page(self, notice: tuple[str, str] | None) -> None:
        """What was said of the last step stays behind, and so does `notice`, said on that page, unless it failed."""
        if self.state is not None:
            self.state = replace(self.state, message=None)
        if self.notice is notice and notice is not None and notice[0] != "failed":
            self.notice = None

    def copy(self) -> Visit:
        """The same work under the same owner; what is done in one is not seen in the other. Jobs stay behind."""
        measured, pinned = list(self.measured), list(self.pinned)
        return replace(self, aside=dict(self.aside), followed=[], measured=measured, pinned=pinned, notice=None)

    def receive(self, queue: JobQueue) -> None:
        """Take in the results of followed jobs that have ended."""
        jobs = [job for job in map(queue.find, self.followed) if job is not None]
        self.followed = [job.number for job in jobs if job.active]
        for job in jobs:
            if not job.active:
                before = self.notice
                self._take(job)
                self._also(before)

    def _also(self, before: tuple[str, str] | None) -> None:
        """A failure that was not dismissed yet is said before the end of a later job."""
        if before is not None and before[0] == "failed" and self.notice is not None:
            self.notice = ("failed", f"{before[1]}\n{self.notice[1]}")

    def _take(self, job: Job) -> None:
        if job.state == FAILED:
            self.notice = ("failed", f"{job.title} failed: {job.error}")
        elif job.state == STOPPED:
            self.notice = ("note", f"{job.title}: cancelled. Nothing was changed.")
        elif isinstance(job.result, str):
            self.notice = ("note", job.result)
        else:
            self.notice = ("done", f"{job.title}: done in {job.seconds:.0f} s.")
            if isinstance(job.result, Desk):
                self.open(job.result)
            elif isinstance(job.result, MergePlan):
                self._propose(job.result)
            elif isinstance(job.result, Continuation):
                self.prompts = (job.result, *self.prompts)[:PROMPTS_KEPT]
            elif isinstance(job.result, Outcome) and job.result.saved is not None:
                self.written = (*self.written, job.result.saved)[-WRITTEN_KEPT:]
            elif isinstance(job.result, Outcome) and job.result.run:
                self.run = job.result.run
                self.measured = [*(one for one in self.measured if one != self.run), self.run]

    def _propose(self, found: MergePlan) -> None:
        """Show what a strategy has found; another model may be open by now."""
        if self.state is None or self.state.plan.fingerprint != found.fingerprint:
            name = found.provenance.strategy
            self.notice = ("note", f"What {name} found is for another model than the one that is open; it is let go.")
        else:
            self.state = self.state.propose(found)


@dataclass
class Process:
    """What every visit of this server shares. Outcomes are keyed by model and plan content, so no visit sees
    another's plan; runs: what was evaluated, also before this process. Pages and the worker ask at once."""

    queue: JobQueue = field(default_factory=JobQueue)
    models: ModelStore = field(default_factory=ModelStore)
    outcomes: MutableMapping[Key, Outcome] = field(default_factory=dict)
    runs: Shelf = field(default_factory=Shelf)
    visits: MutableMapping[str, Visit] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def store(self) -> Store:
        """Where plans and analyses outlive this process."""
        return users_store()

    def find(self, name: str, owner: str) -> Visit | None:
        """The visit called `name` for the browser that it belongs to; None for any other."""
        with self._lock:
            visit = self.visits.pop(name, None)
            if visit is not None:
                self.visits[name] = visit  # seen just now
        return visit if visit is not None and visit.owner == owner else None

    def add(self, visit: Visit) -> str:
        """Give a visit a name of its own; the longest unseen are forgotten."""
        name = secrets.token_urlsafe(6)
        with self._lock:
            self.visits[name] = visit
            while len(self.visits) > VISITS_KEPT:
                self.visits.pop(next(iter(self.visits)))
        return name

    def remember(self, weights: Weights, outcome: Outcome) -> Outcome:
        """Join `outcome` with what is known of the same plan; the oldest outcomes go first. A report is a run."""
        if outcome.report is not None and outcome.trial is not None:
            run = run_of(
                weights[0], outcome.plan, outcome.trial, outcome.report, outcome.receipt, outcome.seconds,
                outcome.calibration, outcome.texts,
            )  # fmt: skip
            self.runs.add(run)
            outcome = replace(outcome, run=run.key)
        with self._lock:
            return self._joined((weights, outcome.plan.key, outcome.calibration, outcome.texts), outcome)

    def _joined(self, key: Key, outcome: Outcome) -> Outcome:
        known = self.outcomes.pop(key, None)
        if known is not None:
            outcome = replace(
                outcome,
                receipt=outcome.receipt or known.receipt,
                report=outcome.report or known.report,
                trial=outcome.trial or known.trial,
                seconds=outcome.seconds or known.seconds,
                run=outcome.run or known.run,
            )
        self.outcomes[key] = outcome
        while len(self.outcomes) > OUTCOMES_KEPT:
            self.outcomes.pop(next(iter(self.outcomes)))
        return outcome

    def known(
        self, weights: Weights, plan: MergePlan, run: str = "", calibration: Calibration | None = None
    ) -> Outcome | None:
        """What is known of a plan on a model, with the report of the run of key `run` where that is of this plan, else
        of its latest run whose repair was worked out from `calibration`; None where nothing was done with it."""
        runs = [one for one in self.runs.of_plan(weights[0], plan.key) if one.weights == weights]
        alike = [one for one in runs if _worked_out_from(one, calibration)]
        shown = next((one for one in runs if one.key == run), alike[-1] if alike else None)
        if shown is None:
            return self._outcome(weights, plan, calibration)
        known = self.outcomes.get((weights, plan.key, shown.calibration, shown.texts))
        mine = known or Outcome(plan, calibration=shown.calibration, texts=shown.texts)
        return replace(
            mine,
            receipt=mine.receipt or shown.receipt,
            report=shown.report,
            trial=shown.trial,
            seconds=shown.seconds,
            run=shown.key,
        )

    def _outcome(self, weights: Weights, plan: MergePlan, calibration: Calibration | None) -> Outcome | None:
        with self._lock:
            of_plan = [one for key, one in self.outcomes.items() if key[:2] == (weights, plan.key)]
        return next((one for one in reversed(of_plan) if _worked_out_from(one, calibration)), None)


def _worked_out_from(made: Run | Outcome, calibration: Calibration | None) -> bool:
    """Whether the repair of what was made read these texts: those of this name, and where it is known what they say,
    no others."""
    if calibration is None:
        return made.calibration == ""
    return made.calibration == calibration.words and calibration.key in (None, made.texts)
