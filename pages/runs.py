"""Runs: everything evaluated so far of the open model, as a picture and as a table; any run gives its plan back."""

from __future__ import annotations

import streamlit as st

from mka.studio.parts import columns, widgets
from mka.studio.runs import runs_view
from mka.studio.visits import session

session.guard("pages/runs.py")
st.title("Which plan keeps the most?", anchor=False)
if session.desk() is None:
    widgets.nothing_open()
    st.stop()
runs = runs_view.listed_runs()
if not runs:
    runs_view.nothing_run()
    st.stop()
runs, size, quality = runs_view.choices(runs)
picture, beside = columns.side_by_side("runs", runs_view.PICTURE, runs_view.SIDE)
with picture:
    runs_view.picture(runs, size, quality)
with beside:
    runs_view.run_card(runs)
st.subheader("Every run", anchor=False)
runs_view.run_table(runs)
