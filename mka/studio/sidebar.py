"""The sidebar of every page: the model, the plan in one line, and the running job."""

from __future__ import annotations

import streamlit as st

from mka.studio import session
from mka.studio.jobs import RUNNING, Job
from mka.studio.memory import count_text
from mka.studio.state import one_line
from mka.studio.widgets import plain


def sidebar() -> None:
    """Draw it; called by app.py on every run."""
    with st.sidebar:
        desk = session.desk()
        if desk is not None:
            summary = desk.summary
            st.caption("Model")
            st.markdown(
                f"**{plain(summary.source)}**  \n{summary.layers} layers · {count_text(summary.parameters)} parameters"
            )
            st.caption("Plan")
            st.markdown(plain(one_line(session.state())))
        _jobs()
        _notice()


def _jobs() -> None:
    active = session.process().queue.active()
    if not active:
        return
    st.caption("Working")
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
    title = plain(job.title) if mine else "A job of another window"
    st.markdown(f"**{title}**")
    if job.state == RUNNING:
        st.progress(job.share)
    st.caption(plain(job.describe()))
    if job.cancel.requested:
        st.caption("Stopping at the next step…")
    elif mine and st.button("Cancel", key=f"cancel-{job.number}", width="stretch"):
        session.process().queue.stop(job)
        st.rerun(scope="app" if not job.active else "fragment")


def _notice() -> None:
    notice = session.notice()
    if notice is None:
        return
    kind, text = notice
    {"error": st.error, "info": st.info, "success": st.success}[kind](plain(text))
    st.button("Dismiss", on_click=session.dismiss_notice, width="stretch")
