"""The sidebar of every page: the model, the plan in one line, and the running job."""

from __future__ import annotations

import streamlit as st

from mka.studio import session
from mka.studio.jobs import RUNNING, Job
from mka.studio.memory import count_text
from mka.studio.state import listed, one_line
from mka.studio.widgets import message


def sidebar() -> None:
    """Draw it; called by app.py on every run."""
    with st.sidebar:
        desk = session.desk()
        if desk is not None:
            _fact("Model", desk.summary.source)
            _fact("Size", f"{desk.summary.layers} layers, {count_text(desk.summary.parameters)} parameters")
            _fact("Plan", one_line(session.state().plan))
            if session.state().candidate:
                _fact("Proposed", listed(session.state().candidate_layers))
        _jobs()
        _notice()


def _fact(name: str, text: str) -> None:
    with st.container(gap=None):
        st.caption(name)
        st.text(text)


def _jobs() -> None:
    if session.process().queue.active():
        st.fragment(_draw_jobs, run_every=0.5)()


def _draw_jobs() -> None:
    """Redrawn twice a second while a job runs; the whole page follows once when one ends."""
    queue = session.process().queue
    mine = set(session.followed_numbers())
    active = queue.active()
    if mine - {job.number for job in active} or not active:
        st.rerun(scope="app")
    for job in active:
        _draw_job(job, job.number in mine)


def _draw_job(job: Job, mine: bool) -> None:
    with st.container(border=True):
        st.text(job.title if mine else "A job of another window")
        if job.state == RUNNING:
            st.progress(job.share)
        st.caption("Stopping at the next step…" if job.cancel.requested else "")
        st.text(job.describe())
        if mine and not job.cancel.requested and st.button("Cancel", key=f"cancel-{job.number}", width="stretch"):
            session.process().queue.stop(job)
            st.rerun(scope="fragment" if job.active else "app")


def _notice() -> None:
    notice = session.notice()
    if notice is None:
        return
    message(*notice)
    st.button("Dismiss", on_click=session.dismiss_notice, type="tertiary")
