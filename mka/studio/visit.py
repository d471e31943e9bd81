"""One person's work in the studio, and what all of them share. No streamlit here.

A visit lives in the process and is named in the page's address, so that a reload finds the plan again.
"""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace

from mka.studio.desk import Desk, Outcome
from mka.studio.jobs import FAILED, STOPPED, Job, JobQueue
from mka.studio.models import ModelStore
from mka.studio.state import StudioState

OUTCOMES_KEPT = 50
VISITS_KEPT = 20

Key = tuple[str, str]
"""Fingerprint of a model and content key of a plan."""


@dataclass
class Visit:
    """desk: what is open; state: the plan for it; aside: both for the other models that were open before, by
    fingerprint; page: where the person is; followed: numbers of the jobs whose end is waited for;
    measured: the plans evaluated, in that order; notice: how the last job ended, as (kind, sentence);
    clicks: how often a chart was clicked; measure: the one chosen on the Explore page, "" before a choice."""

    desk: Desk | None = None
    state: StudioState | None = None
    aside: dict[str, tuple[Desk, StudioState]] = field(default_factory=dict)
    page: str = ""
    followed: list[int] = field(default_factory=list)
    measured: list[Key] = field(default_factory=list)
    notice: tuple[str, str] | None = None
    clicks: int = 0
    measure: str = ""

    @property
    def measure_shown(self) -> str:
        """The measure chosen where the open analysis has it, else its first; "" without an analysis."""
        known = {} if self.desk is None else self.desk.similarities
        return self.measure if self.measure in known else next(iter(known), "")

    def open(self, new: Desk) -> None:
        """Put `new` on the desk; a model that was open before finds its plan and analysis again."""
        if self.desk is not None and self.state is not None:
            self.aside[self.desk.summary.fingerprint] = (self.desk, self.state)
        known = self.aside.get(new.summary.fingerprint)
        if known is None:
            self.desk, self.state = new, StudioState.of(new.summary)
        else:
            old, state = known
            self.desk, self.state = new.joined(old), replace(state, message=None)

    def turn_to(self, page: str) -> None:
        """Go to a page; what was said of the last step stays behind."""
        if page != self.page and self.state is not None:
            self.state = replace(self.state, message=None)
        self.page = page

    def receive(self, queue: JobQueue) -> None:
        """Take in the results of followed jobs that have ended."""
        jobs = [job for job in map(queue.find, self.followed) if job is not None]
        self.followed = [job.number for job in jobs if job.active]
        for job in jobs:
            if not job.active:
                self._take(job)

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
            elif isinstance(job.result, Outcome) and job.result.report is not None and self.desk is not None:
                key = (self.desk.summary.fingerprint, job.result.plan.key)
                self.measured = [*(one for one in self.measured if one != key), key]


@dataclass
class Process:
    """What every visit of this server shares. Outcomes are keyed by model and plan content, so no visit sees
    another's plan."""

    queue: JobQueue = field(default_factory=JobQueue)
    models: ModelStore = field(default_factory=ModelStore)
    outcomes: MutableMapping[Key, Outcome] = field(default_factory=dict)
    visits: MutableMapping[str, Visit] = field(default_factory=dict)

    def enter(self, name: str) -> tuple[str, Visit]:
        """The visit called `name`, else a new one under a name of its own; the longest unseen are forgotten."""
        visit = self.visits.pop(name, None)
        if visit is None:
            name, visit = secrets.token_urlsafe(6), Visit()
        self.visits[name] = visit
        while len(self.visits) > VISITS_KEPT:
            self.visits.pop(next(iter(self.visits)))
        return name, visit

    def remember(self, fingerprint: str, outcome: Outcome) -> Outcome:
        """Join `outcome` with what is known of the same plan; the oldest outcomes go first."""
        key = (fingerprint, outcome.plan.key)
        known = self.outcomes.pop(key, None)
        if known is not None:
            outcome = replace(
                outcome,
                receipt=outcome.receipt or known.receipt,
                report=outcome.report or known.report,
                trial=outcome.trial or known.trial,
                saved=outcome.saved or known.saved,
                seconds=outcome.seconds or known.seconds,
            )
        self.outcomes[key] = outcome
        while len(self.outcomes) > OUTCOMES_KEPT:
            self.outcomes.pop(next(iter(self.outcomes)))
        return outcome
