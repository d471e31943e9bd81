"""Where pages get their state: the visit of one browser session, and what the process shares."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import streamlit as st

from mka.figures.theme import Theme, theme_named
from mka.objects.model_summary import ModelSummary
from mka.objects.run import Run
from mka.studio.desk import Desk, Outcome
from mka.studio.jobs import Job, Work
from mka.studio.state import Message, StudioState
from mka.studio.visit import Process, Visit

VISIT = "mka_visit"
NAME = "mka_visit_name"
WANTED = "mka_wanted"
ADDRESS = "visit"
"""The name of a visit in the page's address."""


@st.cache_resource(show_spinner=False)
def process() -> Process:
    """The process-wide job queue, model store, outcomes and visits."""
    return Process()


def guard(page: str) -> None:
    """First line of each page: on a fresh server a deep link runs the page without app.py; go there first."""
    if VISIT not in st.session_state:
        st.session_state[WANTED] = (page, st.query_params.to_dict())
        st.switch_page("app.py")
    visit().turn_to(page)


def begin() -> bool:
    """First line of app.py: find the visit that the address names, or begin one; True where it is new."""
    fresh = False
    if VISIT not in st.session_state:
        _, query = st.session_state.get(WANTED, ("", {}))
        asked = st.query_params.get(ADDRESS) or query.get(ADDRESS, "")
        st.session_state[NAME], st.session_state[VISIT] = process().enter(asked)
        fresh = visit() == Visit()
    if st.query_params.get(ADDRESS) != st.session_state[NAME]:
        st.query_params[ADDRESS] = st.session_state[NAME]
    visit().receive(process().queue)
    return fresh


def visit() -> Visit:
    """This browser session's visit."""
    found: Visit = st.session_state[VISIT]
    return found


def desk() -> Desk | None:
    """What this visit has open."""
    return visit().desk


def summary() -> ModelSummary:
    """The open model's description; only pages with a desk ask for it."""
    open_now = desk()
    assert open_now is not None
    return open_now.summary


def put_on_desk(new: Desk) -> None:
    """The same model's desk, arranged otherwise; fit for a widget's callback."""
    visit().desk = new


def state() -> StudioState:
    """This visit's plan and candidate; only pages with a desk ask for it."""
    found = visit().state
    assert found is not None
    return found


def act(transition: Callable[[StudioState], StudioState]) -> None:
    """Replace the state by what `transition` makes of it; fit for a widget's callback."""
    visit().state = transition(state())


def measure() -> str:
    """The measure that the Explore page shows; "" before an analysis."""
    return visit().measure_shown


def choose_measure(name: str) -> None:
    """Show the model by another measure; fit for a widget's callback."""
    visit().measure = name


def refuse(why: str) -> None:
    """Say beside the plan why something was not done."""
    act(lambda now: replace(now, message=Message(why, refused=True)))


def clicks() -> int:
    """Counts chart clicks; part of each chart's key, so that a click on the same cell counts again."""
    return visit().clicks


def count_click() -> None:
    visit().clicks += 1


def theme() -> Theme:
    """The page's theme, as the browser shows it."""
    return theme_named(st.context.theme.type)


def outcome() -> Outcome | None:
    """What is known of the present plan on the present model; its report is the chosen run's, else the latest."""
    return process().known(summary().fingerprint, state().plan, visit().run)


def measured() -> list[Outcome]:
    """What this visit evaluated on the open model, in that order."""
    return [
        Outcome(run.plan, run.receipt, run.report, run.trial, seconds=run.seconds, run=run.key) for run in made_here()
    ]


def made_here() -> list[Run]:
    """The runs that this visit made of the open model, in that order."""
    found = map(process().runs.find, visit().measured)
    return [run for run in found if run is not None and run.fingerprint == summary().fingerprint]


def find_run(key: str) -> Run | None:
    """The run of this key, whoever made it; None where there is none."""
    return process().runs.find(key)


def choose_run(key: str) -> None:
    """Look at a run; fit for a widget's callback."""
    visit().run = key


def start(kind: str, title: str, work: Work) -> None:
    """Queue a job and follow it, where the same job is at work already only that; fit for a widget's callback."""
    visit().notice = None
    job = process().queue.submit(kind, title, work)
    if job.number not in visit().followed:
        visit().followed.append(job.number)
    if job.asked > 1:
        notify("note", f"{title} is at work already: it goes on and is not started again.")


def cancel(job: Job) -> None:
    """Stop a job, unless another visit waits for it too: then only this one turns away; fit for a callback."""
    others = [one for one in process().visits.values() if one is not visit() and job.number in one.followed]
    if not others:
        process().queue.stop(job)
        return
    visit().followed.remove(job.number)
    notify("note", f"{job.title} goes on, since another window waits for it too; here it is not waited for any more.")


def notify(kind: str, text: str) -> None:
    """Say something above the page, until it is dismissed; kind as `widgets.message`."""
    visit().notice = (kind, text)


def dismiss_notice() -> None:
    visit().notice = None


def address(page: str, **query: str) -> str:
    """The address of a page for a link in a text, with this visit's name, so that a new window finds the same work."""
    words = {ADDRESS: st.session_state[NAME], **query}
    return f"/{page}?" + "&".join(f"{name}={value}" for name, value in words.items())


def out_folder() -> Path:
    """Where exports go: MKA_OUT, else `out` in the working directory."""
    return Path(os.environ.get("MKA_OUT") or "out")
