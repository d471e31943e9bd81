"""Model: open one, see what it is made of, analyze it."""

from __future__ import annotations

import streamlit as st

from mka.objects.sizes import bytes_text
from mka.studio import model_view, session, widgets, work
from mka.studio.analysis_form import analysis_form
from mka.studio.commands import analyze_lines, inspect_lines
from mka.studio.desk import OpenOrder
from mka.studio.memory import free_bytes
from mka.studio.offers import offered_models


def open_form() -> None:
    """Ask for a model, say what it needs, then load it."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = st.selectbox(
                "Open a model",
                offered_models(),
                accept_new_options=True,
                key="source",
                persist_state="session",
                help="demo, a folder with a Hugging Face checkpoint, or a hub id such as owner/name.",
            )
            source = (chosen or "").strip()
            st.button(
                "What will it need?",
                disabled=not source,
                on_click=session.start,
                args=("estimate", f"Size of {source}", work.estimate(source)),
            )
            st.button(
                "Open",
                type="primary",
                disabled=not source,
                on_click=session.start,
                args=("open", f"Opening {source}", work.open_model(session.process(), OpenOrder(source))),
            )
        st.caption(
            "Choose one, or type a folder or a hub id. "
            f"Free memory now: {bytes_text(free_bytes())}; opening a model first releases the one before it."
        )


session.guard("pages/model.py")
st.title("What is the model made of?", anchor=False)
desk = session.desk()
if desk is None:
    st.info("Nothing is open yet. Open the demo model, a folder or a hub id.")
open_form()
if desk is not None:
    st.subheader("What is open", anchor=False)
    st.text(f"{desk.summary.source}, {desk.summary.architecture}")
    if desk.bundled:
        st.caption("This description and its analysis came with the program; the model itself is not loaded yet.")
    model_view.describe(desk.summary)
    analysis_form(desk)
    model_view.details(desk.summary)
    widgets.command([*inspect_lines(desk), *analyze_lines(desk, session.out_folder())])
