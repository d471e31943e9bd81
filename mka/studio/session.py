"""Where pages get their state: one browser session's plan and desk, and what the process shares."""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import streamlit as st

from mka.figures.theme import Theme, theme_named
from mka.objects.model_summary import ModelSummary
from mka.studio.desk import Desk, Outcome
from mka.studio.jobs import FAILED, STOPPED, Job, JobQueue, Work
from mka.studio.models import ModelStore
from mka.studio.state import Message, StudioState

READY = "mka_ready"
WANTED = "mka_wanted"
_STATE, _DESK, _FOLLOWED, _NOTICE = "mka_state", "mka_desk", "mka_followed", "mka_notice"
_CLICKS, _MEASURED = "mka_clicks", "mka_measured"
OUTCOMES_KEPT = 50


@dataclass
class Process:
    """What every session of this server shares. Outcomes are keyed by model and plan content, so no session
    sees another's plan."""

    queue: JobQueue = field(default_factory=JobQueue)
    models: ModelStore = field(default_factory=ModelStore)
    outcomes: MutableMapping[tuple[str, str], Outcome] = field(default_factory=dict)

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


@st.cache_resource(show_spinner=False)
def process() -> Process:
    """The process-wide job queue, model store and outcomes."""
    return Process()


def guard(page: str) -> None:
    """First line of each page: on a fresh server a deep link runs the page without app.py; go there first."""
    if READY not in st.session_state:
        st.session_state[WANTED] = (page, st.query_params.to_dict())
        st.switch_page("app.py")


def desk() -> Desk | None:
    """What this session has open."""
    found: Desk | None = st.session_state.get(_DESK)
    return found


def open_desk(new: Desk) -> None:
    """Put `new` on the desk; plan and analysis stay where it is the same model, opened once more."""
    old = desk()
    if old is None or old.summary.fingerprint != new.summary.fingerprint:
        st.session_state[_STATE] = StudioState.of(new.summary)
    elif new.analysis is None:
        new = replace(new, analysis=old.analysis)
    st.session_state[_DESK] = new


def summary() -> ModelSummary:
    """The open model's description; only pages with a desk ask for it."""
    open_now = desk()
    assert open_now is not None
    return open_now.summary


def state() -> StudioState:
    """This session's plan and candidate."""
    found: StudioState = st.session_state[_STATE]
    return found


def act(transition: Callable[[StudioState], StudioState]) -> None:
    """Replace the state by what `transition` makes of it; fit for a widget's callback."""
    st.session_state[_STATE] = transition(state())


def refuse(why: str) -> None:
    """Say beside the plan why something was not done."""
    act(lambda now: replace(now, message=Message(why, refused=True)))


def clicks() -> int:
    """Counts chart clicks; part of each chart's key, so that a click on the same cell counts again."""
    return int(st.session_state.get(_CLICKS, 0))


def count_click() -> None:
    st.session_state[_CLICKS] = clicks() + 1


def theme() -> Theme:
    """The page's theme, as the browser shows it."""
    return theme_named(st.context.theme.type)


def outcome() -> Outcome | None:
    """What is known of the present plan on the present model."""
    return process().outcomes.get((summary().fingerprint, state().plan.key))


def measured() -> list[Outcome]:
    """The plans that this session evaluated on the open model, in that order."""
    known = process().outcomes
    keys: list[tuple[str, str]] = st.session_state.get(_MEASURED, [])
    return [known[key] for key in keys if key in known and key[0] == summary().fingerprint]


def follow(job: Job) -> None:
    """Take this job's result when it ends, and keep its number in the URL for a reload."""
    st.session_state[_FOLLOWED] = [*followed_numbers(), job.number]
    st.query_params["job"] = str(job.number)


def start(kind: str, title: str, work: Work) -> None:
    """Queue a job and follow it; fit for a widget's callback."""
    dismiss_notice()
    follow(process().queue.submit(kind, title, work))


def followed_numbers() -> list[int]:
    """The jobs whose end this session waits for; a reload finds them in the URL."""
    if _FOLLOWED not in st.session_state:
        raw = st.query_params.get("job", "")
        st.session_state[_FOLLOWED] = [int(raw)] if raw.isdecimal() else []
    found: list[int] = st.session_state[_FOLLOWED]
    return found


def receive() -> None:
    """Take in the results of followed jobs that have ended."""
    rest = []
    for number in followed_numbers():
        job = process().queue.find(number)
        if job is not None and job.active:
            rest.append(number)
        elif job is not None:
            _take(job)
    st.session_state[_FOLLOWED] = rest
    if rest:
        st.query_params["job"] = str(rest[-1])
    elif "job" in st.query_params:
        del st.query_params["job"]


def _take(job: Job) -> None:
    if job.state == FAILED:
        notify("failed", f"{job.title} failed: {job.error}")
    elif job.state == STOPPED:
        notify("note", f"{job.title}: cancelled. Nothing was changed.")
    elif isinstance(job.result, Desk):
        open_desk(job.result)
        notify("done", f"{job.title}: done in {job.seconds:.0f} s.")
    elif isinstance(job.result, Outcome):
        _take_outcome(job.result)
        notify("done", f"{job.title}: done in {job.seconds:.0f} s.")
    else:
        notify("note", str(job.result))


def _take_outcome(outcome: Outcome) -> None:
    """Note what was evaluated; after a reload, which loses the plan, take that from the outcome."""
    if desk() is None or outcome.plan.fingerprint != summary().fingerprint:
        return
    if not state().plan.groups:
        act(lambda now: now.replace_plan(outcome.plan))
    if outcome.report is not None:
        key = (summary().fingerprint, outcome.plan.key)
        before = [one for one in st.session_state.get(_MEASURED, []) if one != key]
        st.session_state[_MEASURED] = [*before, key]


def notify(kind: str, text: str) -> None:
    """Say how something ended, above the page, until it is dismissed; kind as `widgets.message`."""
    st.session_state[_NOTICE] = (kind, text)


def notice() -> tuple[str, str] | None:
    """The last job's end, as (kind, sentence), until it is dismissed."""
    found: tuple[str, str] | None = st.session_state.get(_NOTICE)
    return found


def dismiss_notice() -> None:
    st.session_state.pop(_NOTICE, None)


def out_folder() -> Path:
    """Where exports go: MKA_OUT, else `out` in the working directory."""
    return Path(os.environ.get("MKA_OUT") or "out")
