"""The jobs at work, in the sidebar of every page, with progress and a way to stop them; how the last one ended, above
the page. Where the sidebar is folded, a line above the page says what is at work.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mka.studio.frame.style import WHERE_FOLDED
from mka.studio.jobs.jobs import RUNNING, WAITING, Job, duration
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
    if set(session.visit().followed) - {job.number for job in active} or not active:
        st.rerun(scope="app")
    _draw_line(line, active[0])
    st.caption("At work" if len(active) == 1 else f"At work, {len(active) - 1} waiting")
    before = ""
    for job in active:
        _draw_job(job, before)
        before = _title(job)


def _draw_job(job: Job, before: str) -> None:
    """One job of the queue; `before`: what it waits for, "" where it is the first."""
    with st.container(border=True, gap="small"):
        st.text(_title(job))
        if job.state == RUNNING and job.share is not None:
            st.progress(job.share)
        st.text(f"waits for: {before}" if before else _where(job))
        if session.is_mine(job) and st.button("Cancel", key=f"cancel-{job.number}", width="stretch"):
            session.cancel(job)
            st.rerun(scope="app")


def _draw_line(line: DeltaGenerator, job: Job) -> None:
    """The job at work in one line, where there is no sidebar to see."""
    with line.container(gap="small"):
        st.text(f"{_title(job)} · {_where(job)}")
        if job.share is not None:
            st.progress(job.share)
        if session.is_mine(job):
            st.caption("Cancel is in the sidebar.")


def _title(job: Job) -> str:
    return job.title if session.is_mine(job) else ANOTHERS


def _where(job: Job) -> str:
    """How far the first job of the queue is; of another browser's job, whose stages name its model, only for how long
    it has been at work."""
    ending = session.process().queue.ending
    if job.state == WAITING and ending is not None:
        step = f": {ending.stage}" if session.is_mine(ending) and ending.stage else ""
        return f"waits until a cancelled job has ended the step that it is in{step}"
    return job.describe() if session.is_mine(job) else f"at work for {duration(job.seconds)}"
