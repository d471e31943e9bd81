"""The Model page's form for opening a model: what, how, whether there is room for it; nothing is loaded unasked."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

import streamlit as st

from mka.errors import BadInput
from mka.models.locate import HubModel, resolve
from mka.models.memory import estimate
from mka.studio.jobs import work
from mka.studio.jobs.jobs import WAITING, Job
from mka.studio.jobs.memory import Fit, fit_bar, free_bytes
from mka.studio.jobs.models import Held
from mka.studio.model.offers import DTYPES, offered_devices, offered_models
from mka.studio.parts import widgets
from mka.studio.selection.naming import sentence
from mka.studio.visits import session
from mka.studio.visits.desk import OpenOrder
from mka.workflows.opening import Opening

OPEN = "open"
"""The kind of the jobs that open a model."""
ASKED = "mka_open_anyway"
"""The order of which the person was told that it does not fit."""
ANOTHERS = "a job of another window"
EVERY = 1.0
"""Seconds between two looks at whether an opening still waits."""


@dataclass(frozen=True)
class Prospect:
    """What is known of an order before it is carried out.

    refusal: why it cannot be; "" where it can, so far as files tell
    on_hub:  whether it is a model of the hub
    need:    bytes of its weights; None where nobody asked the hub yet
    """

    refusal: str = ""
    on_hub: bool = False
    need: int | None = None


def open_form() -> None:
    """Draw the form."""
    with st.container(border=True):
        source = _ask_source()
        with st.container(horizontal=True, vertical_alignment="bottom"):
            order = OpenOrder(source, _ask_opening(source))
            prospect = prospect_of(order, session.process().models.needs.get(order))
            fit = _fit(prospect)
            _buttons(order, prospect, fit)
        _draw_prospect(prospect, fit)
        if fit is not None and not fit.fits and st.session_state.get(ASKED) == order:
            _ask_again(order)
        _draw_turn(order)


def _ask_source() -> str:
    chosen = st.selectbox(
        "Open a model",
        offered_models(),
        accept_new_options=True,
        key="source",
        persist_state="session",
        help="demo, a folder with a Hugging Face checkpoint, or a hub id such as owner/name: choose one or type it. "
        "Code that comes with a model is never run here.",
    )
    return (chosen or "").strip()


def _ask_opening(source: str) -> Opening:
    dtype = st.selectbox(
        "Weights as", DTYPES, key="dtype", persist_state="session", width=180, help="auto: as most of them are stored."
    )
    device = st.selectbox(
        "Device",
        offered_devices(),
        key="device",
        persist_state="session",
        width=140,
        help="auto: an accelerator where there is one.",
    )
    revision = ""
    if _is_on_hub(source) and "@" not in source:
        revision = st.text_input(
            "Revision",
            key="revision",
            persist_state="session",
            width=200,
            placeholder="the default branch",
            help="Branch, tag or commit on the hub.",
        ).strip()
    return Opening(dtype=str(dtype), device=str(device), revision=revision or None)


def _buttons(order: OpenOrder, prospect: Prospect, fit: Fit | None) -> None:
    if prospect.on_hub:
        st.button(
            "What will it need?",
            on_click=session.start,
            args=("estimate", f"Size of {order.source}", work.estimate(session.process(), order)),
        )
    st.button(
        "Open",
        type="primary",
        disabled=bool(prospect.refusal) or not order.source,
        on_click=_open,
        args=(order, fit),
    )


def _is_on_hub(source: str) -> bool:
    try:
        return isinstance(resolve(source), HubModel)
    except BadInput:
        return False


def prospect_of(order: OpenOrder, told: int | None) -> Prospect:
    """What the files of a folder say, in a millisecond; of a hub model, which is asked only by a button, what it
    `told` before."""
    if not order.source:
        return Prospect()
    try:
        if isinstance(resolve(order.source, order.opening.revision), HubModel):
            return Prospect(on_hub=True, need=told)
        return Prospect(need=estimate(order.source, dtype=order.opening.dtype))
    except BadInput as error:
        return Prospect(refusal=sentence(str(error)))


def _fit(prospect: Prospect) -> Fit | None:
    """What it needs beside what there is; None where that is not known."""
    if prospect.need is None:
        return None
    held = session.process().models.held
    return Fit(prospect.need, free_bytes(), held.bytes if held is not None else 0)


def _draw_prospect(prospect: Prospect, fit: Fit | None) -> None:
    if prospect.refusal:
        widgets.message("refused", prospect.refusal)
    elif fit is not None:
        st.text(fit.sentence)
        st.html(fit_bar(fit, session.theme()))
    elif prospect.on_hub:
        st.caption("How large it is stands on the hub: ask for it first. Opening fetches the model if it is not here.")


def _open(order: OpenOrder, fit: Fit | None) -> None:
    """Open it; what does not fit is asked for again first."""
    if fit is not None and not fit.fits:
        st.session_state[ASKED] = order
    else:
        session.start(OPEN, f"Opening {order.source}", work.open_model(session.process(), order))


def _ask_again(order: OpenOrder) -> None:
    with st.container(border=True):
        st.text(
            "It does not fit into the free memory: the machine may become slow, or the system may end the studio and "
            "what is not saved is lost. A smaller type of weights, such as bfloat16, may fit."
        )
        with st.container(horizontal=True):
            st.button("Open anyway", on_click=_open_anyway, args=(order,))
            st.button("Leave it", on_click=_leave, type="tertiary")


def _open_anyway(order: OpenOrder) -> None:
    _leave()
    session.start(OPEN, f"Opening {order.source}", work.open_anyway(session.process(), order))


def _leave() -> None:
    st.session_state.pop(ASKED, None)


def _draw_turn(order: OpenOrder) -> None:
    """What has to end and to go before a model is opened."""
    jobs, mine = at_work()
    if any(job.kind == OPEN and job.state == WAITING and job.number in mine for job in jobs):
        st.fragment(_draw_waiting, run_every=EVERY)()
        return
    said = turn_words(jobs, mine, session.process().models.held, order)
    if said:
        st.caption(said)


def at_work() -> tuple[Sequence[Job], list[int]]:
    """The jobs that have not ended, and the numbers of those that this browser asked for."""
    jobs = session.process().queue.active()
    return jobs, [job.number for job in jobs if session.is_mine(job)]


def _draw_waiting() -> None:
    """Redrawn while an opening waits; nothing as soon as it is its turn."""
    jobs, mine = at_work()
    said = waiting_words(jobs, mine, session.process().models.held)
    if said:
        widgets.message("note", said)


def turn_words(jobs: Sequence[Job], mine: Container[int], held: Held | None, order: OpenOrder) -> str:
    """What opening `order` now would wait for and release; "" where nothing. No name of ours is markup: the model's
    stands in `waiting_words` alone."""
    said = []
    if jobs:
        whose = "a job" if jobs[0].number in mine else ANOTHERS
        said.append(f"Opening waits for {whose} that is at work.")
    if held is not None and held.order != order:
        said.append("It then releases the model that is loaded now; a window that needs that one loads it again.")
    return " ".join(said)


def waiting_words(jobs: Sequence[Job], mine: Container[int], held: Held | None) -> str:
    """What an opening of this window waits for, and what it will release; "" where none waits."""
    for place, job in enumerate(jobs):
        if job.kind == OPEN and job.state == WAITING and job.number in mine:
            before = jobs[place - 1]
            what = f"the job “{before.title}”" if before.number in mine else ANOTHERS
            then = "" if held is None else f"; then the model {held.order.source} is released"
            return f"{job.title} waits for {what}{then}."
    return ""
