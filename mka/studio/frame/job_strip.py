"""The jobs at work, in the sidebar of every page, with progress and a way to stop them; how the last one ended, above
the page. Where the sidebar is folded, a line above the page says what is at work.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mka.studio.frame.style import WHERE_FOLDED
from mka.studio.jobs.jobs import RUNNING, Job, duration
from mka.studio.parts.widgets import message
from mka.studio.visits import session

EVERY = 1.0
"""Seconds between two looks at the jobs."""
ANOTHERS = "A job of another window"


def job_strip() -> None:
    """Draw it; called by app.py on every run. Nothing where nothing runs and nothing ended."""
    # A job that ended since this run began is not active, and its end is not taken in yet.
    if session.process().queue.active() or session.visit().followed:
        with st.container(key=WHERE_FOLDED):
            line = st.empty()
        with st.sidebar:
            st.fragment(_draw_jobs, run_every=EVERY)(line)
    notice = session.visit().notice
    if notice is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            message(*notice)
            st.button("Dismiss", on_click=session.dismiss_notice, type="tertiary")


def _draw_jobs(line: DeltaGenerator) -> None:
    """Redrawn while a job runs; the whole page follows once when one ends."""
    active = session.process().queue.active()
    mine = set(session.visit().followed)
    if mine - {job.number for job in active} or not active:
        st.rerun(scope="app")
    _draw_line(line, active[0], active[0].number in mine)
    st.caption("At work" if len(active) == 1 else f"At work, {len(active) - 1} waiting")
    before = ""
    for job in active:
        title = job.title if job.number in mine else ANOTHERS
        _draw_job(job, title, before, mine=job.number in mine)
        before = title


def _draw_job(job: Job, title: str, before: str, *, mine: bool) -> None:
    """One job of the queue; `before`: what it waits for."""
    with st.container(border=True, gap="small"):
        st.text(title)
        if job.state == RUNNING:
            if job.share is not None:
                st.progress(job.share)
            st.text(_where(job, mine))
        else:
            st.text(f"waits for: {before}")
        if mine:
            stopping = job.cancel.requested
            label = "Stopping…" if stopping else "Cancel"
            if st.button(label, key=f"cancel-{job.number}", disabled=stopping, width="stretch"):
                session.cancel(job)
                st.rerun(scope="app")


def _draw_line(line: DeltaGenerator, job: Job, mine: bool) -> None:
    """The job at work in one line, where there is no sidebar to see."""
    with line.container(gap="small"):
        st.text(f"{job.title if mine else ANOTHERS} · {_where(job, mine)}")
        if job.share is not None:
            st.progress(job.share)
        if mine:
            st.caption("Cancel is in the sidebar.")


def _where(job: Job, mine: bool) -> str:
    """How far it is; of another window's job, whose stages name its model, only for how long it has been at work."""
    return job.describe() if mine else f"at work for {duration(job.seconds)}"
