"""Above every page: the jobs at work, with progress and a way to stop them, and how the last one ended."""

from __future__ import annotations

import streamlit as st

from mka.studio import session
from mka.studio.jobs import RUNNING, Job
from mka.studio.widgets import message

EVERY = 0.7
"""Seconds between two looks at the jobs."""


def job_strip() -> None:
    """Draw it; called by app.py on every run. Nothing where nothing runs and nothing ended."""
    # A job that ended since this run began is not active, and its end is not taken in yet.
    if session.process().queue.active() or session.visit().followed:
        st.fragment(_draw_jobs, run_every=EVERY)()
    notice = session.visit().notice
    if notice is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            message(*notice)
            st.button("Dismiss", on_click=session.dismiss_notice, type="tertiary")


def _draw_jobs() -> None:
    """Redrawn while a job runs; the whole page follows once when one ends."""
    active = session.process().queue.active()
    mine = set(session.visit().followed)
    if mine - {job.number for job in active} or not active:
        st.rerun(scope="app")
    for job in active:
        _draw_job(job, job.number in mine)


def _draw_job(job: Job, mine: bool) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(job.title if mine else "A job of another window", width="stretch")
            stopping = job.cancel.requested
            if mine and st.button("Stopping…" if stopping else "Cancel", key=f"cancel-{job.number}", disabled=stopping):
                session.process().queue.stop(job)
                st.rerun(scope="fragment" if job.active else "app")
        st.progress(job.share if job.state == RUNNING else 0.0)
        st.text(job.describe())
