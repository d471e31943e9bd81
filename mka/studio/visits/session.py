"""Where pages get their state: the visit of one browser session, and what the process shares."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import streamlit as st

from mka.figures.theme import Theme, theme_named
from mka.objects.model_summary import ModelSummary
from mka.objects.run import Run
from mka.objects.similarity import Similarity
from mka.studio.jobs.jobs import Job, Work
from mka.studio.selection.state import Message, StudioState
from mka.studio.visits.address import Address, query_string
from mka.studio.visits.desk import Desk, Outcome
from mka.studio.visits.example import example_desk
from mka.studio.visits.restoring import Sources, address_of, keep, show, view_of
from mka.studio.visits.visit import Process, Visit

VISIT = "mka_visit"
NAME = "mka_visit_name"
WANTED = "mka_wanted"
OWNER = "mka_owner"
PAGE = "mka_page"
COOKIE = "mka_browser"
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


@st.cache_resource(show_spinner=False)
def process() -> Process:
    """The process-wide job queue, model store, outcomes and visits."""
    return Process()


def guard(page: str) -> None:
    """First line of each page: on a fresh server a deep link runs the page without app.py; go there first."""
    if VISIT not in st.session_state:
        st.session_state[WANTED] = (page, st.query_params.to_dict())
        st.switch_page("app.py")


def begin() -> None:
    """First line of app.py: find the visit that the address names, or begin one that shows what the address says."""
    if VISIT not in st.session_state:
        _, query = st.session_state.get(WANTED, ("", {}))
        _enter(Address.read(st.query_params.to_dict() or query))
    visit().receive(process().queue)
    visit().unkept = keep(visit(), process().store)


def _enter(asked: Address) -> None:
    """A visit that its own browser comes back to stays as it is, unless the address says otherwise: then a copy of it
    shows that. Whoever else comes gets a visit of their own."""
    owner = st.session_state.setdefault(OWNER, browser_token())
    now = process().find(asked.visit, owner)
    begun = Visit(owner=owner) if now is None else now
    view = view_of(asked, begun, Sources(process().store, process().runs, example_desk))
    if now is not None and view.moves:
        begun = now.copy()
    show(view, begun)
    st.session_state[VISIT] = begun
    st.session_state[NAME] = asked.visit if begun is now else process().add(begun)


def browser_token() -> str:
    """What tells this browser from others: its cookie, or a new token that will be its cookie."""
    known = str(st.context.cookies.get(COOKIE, ""))
    return known if TOKEN.fullmatch(known) else secrets.token_urlsafe(24)


def owner() -> str:
    """The token of this browser."""
    return str(st.session_state[OWNER])


def arrive(page: str) -> None:
    """Once app.py knows the page: on another one than before, what was said there stays behind. The first page is
    without a name, since it only leads on."""
    if not page:
        return
    before, notice = st.session_state.get(PAGE, (page, None))
    if before != page:
        visit().leave_page(notice)
    st.session_state[PAGE] = (page, visit().notice)


def unknown_page(known: Iterable[str]) -> str:
    """The page that the browser asks for where it is none of `known`; "" where it is, and for a path of folders."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    path = urlsplit(st.context.url or "").path.strip("/").removeprefix(base)
    asked = unquote(path.strip("/"))
    return "" if asked in ("", *known) or "/" in asked else asked


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


def similarity() -> Similarity | None:
    """What the Explore page shows; None before an analysis."""
    open_now = desk()
    return None if open_now is None else open_now.similarities.get(measure())


def choose_measure(name: str) -> None:
    """Show the model by another measure; fit for a widget's callback."""
    visit().measure = name


def refuse(why: str) -> None:
    """Say beside the plan why something was not done."""
    act(lambda now: replace(now, message=Message(why, refused=True)))


def theme() -> Theme:
    """The page's theme, as the browser shows it."""
    return theme_named(st.context.theme.type)


def outcome() -> Outcome | None:
    """What is known of the present plan on the present model; its report is the chosen run's, else the latest."""
    open_now = desk()
    assert open_now is not None
    plan = state().plan
    return process().known(open_now.weights, plan, visit().run, open_now.calibration_of(plan))


def measured() -> list[Outcome]:
    """What this visit evaluated on the open model, in that order."""
    return [
        Outcome(run.plan, run.receipt, run.report, run.trial, None, run.seconds, run.key, run.calibration, run.texts)
        for run in made_here()
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
    job = process().queue.submit(kind, title, work, owner())
    if job.number not in visit().followed:
        visit().followed.append(job.number)
    if job.asked > 1:
        notify("note", f"{title} is at work already: it goes on and is not started again.")


def is_mine(job: Job) -> bool:
    """Whether this browser asked for a job, in whichever of its windows."""
    return owner() in job.owners


def cancel(job: Job) -> None:
    """Stop a job of this browser, unless another browser waits for it too: then only this one turns away. Fit for a
    callback."""
    if process().queue.turn_away(job, owner()):
        if job.number not in visit().followed:
            visit().followed.append(job.number)  # it was begun in another window, which may be gone
        return
    visit().followed = [number for number in visit().followed if number != job.number]
    notify("note", f"{job.title} goes on, since another window waits for it too; here it is not waited for any more.")


def notify(kind: str, text: str) -> None:
    """Say something above the page, until it is dismissed; kind as `widgets.message`."""
    visit().notice = (kind, text)


def dismiss_notice() -> None:
    visit().notice = None


def here() -> Address:
    """The address of what is shown now."""
    return address_of(visit(), st.session_state[NAME], process().runs)


def permalink() -> str:
    """The parameters that lead anybody to what is shown now."""
    return query_string(here().permalink.words)


def address(page: str, **query: str) -> str:
    """The address of a page for a link in a text, with this visit's name, so that a new window finds the same work."""
    return f"/{page}?{query_string(here().among(query))}"


def out_folder() -> Path:
    """Where exports go: MKA_OUT, else `out` in the working directory."""
    return Path(os.environ.get("MKA_OUT") or "out")
