"""The sidebar of every page: the way back and forth, and the model, the selection and the plan in a few lines."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from mka.studio.jobs.memory import count_text
from mka.studio.plan.savings_view import saved_words
from mka.studio.selection.naming import listed, one_line
from mka.studio.selection.state import StudioState
from mka.studio.visits import session


def sidebar() -> None:
    """Draw it; called by app.py on every run."""
    desk = session.desk()
    with st.sidebar:
        if desk is None:
            _fact("Model", "None is open: open one on the Model page.")
            return
        summary, state = desk.summary, session.state()
        _history(state)  # above the facts, which grow and shrink, so that it stays under a finger that undoes twice
        _fact("Model", summary.source, f"{summary.layers} layers, {count_text(summary.parameters)} parameters")
        _fact("Selection", selection_words(state))
        saved = saved_words(summary, replace(state.plan, groups=()), state.plan) if state.plan.groups else ""
        _fact("Plan", one_line(state.plan), saved)
        if session.visit().unkept:
            st.text(f"A restart of the studio loses what is open here: {session.visit().unkept}.")


def selection_words(state: StudioState) -> str:
    """What is selected, or how something is."""
    if state.picked is not None:
        return f"Layer {state.picked}"
    if not state.candidate:
        return "None: click a cell or a layer"
    proposer = "" if state.origin.strategy == "manual" else f", proposed by {state.origin.strategy}"
    return f"Layers {listed(state.candidate_layers)}{proposer}"


def _fact(name: str, *lines: str) -> None:
    with st.container(gap=None):
        st.caption(name)
        for line in filter(None, lines):
            st.text(line)


def _history(state: StudioState) -> None:
    with st.container(horizontal=True, gap="small"):
        for label, step, possible in (
            ("Undo", StudioState.undo, bool(state.past)),
            ("Redo", StudioState.redo, bool(state.future)),
        ):
            st.button(
                label,
                icon=f":material/{label.lower()}:",
                disabled=not possible,
                on_click=session.act,
                args=(step,),
                width="stretch",
            )
