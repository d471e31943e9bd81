"""The sidebar of every page: the model and the plan in a few lines."""

from __future__ import annotations

import streamlit as st

from mka.studio import session
from mka.studio.memory import count_text
from mka.studio.naming import listed, one_line


def sidebar() -> None:
    """Draw it; called by app.py on every run."""
    desk = session.desk()
    if desk is None:
        return
    state = session.state()
    with st.sidebar:
        _fact("Model", desk.summary.source)
        _fact("Size", f"{desk.summary.layers} layers, {count_text(desk.summary.parameters)} parameters")
        _fact("Plan", one_line(state.plan))
        if state.candidate:
            _fact("Proposed", listed(state.candidate_layers))


def _fact(name: str, text: str) -> None:
    with st.container(gap=None):
        st.caption(name)
        st.text(text)
