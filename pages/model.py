"""Model: open one, see what it is made of and which plans it allows, analyze it."""

from __future__ import annotations

import streamlit as st

from mka.studio.export.commands import analyze_lines, inspect_lines
from mka.studio.model import model_view
from mka.studio.model.allowed_view import plans_allowed
from mka.studio.model.analysis_form import analysis_form
from mka.studio.model.open_form import open_form
from mka.studio.parts import widgets
from mka.studio.visits import session

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
        st.caption(model_view.bundled_words(desk))
    model_view.describe(desk.summary)
    model_view.parts_and_tensors(desk.summary)
    plans_allowed(desk.summary)
    analysis_form(desk)
    model_view.facts(desk.summary)
    widgets.command([*inspect_lines(desk), *analyze_lines(desk, session.out_folder())])
