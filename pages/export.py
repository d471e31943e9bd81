"""Export: the merged checkpoint as a folder that any other tool loads, and the small files beside it."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways
from mka.studio.export import export_view
from mka.studio.parts import widgets
from mka.studio.visits import session

session.guard("pages/export.py")
st.title("Export the merged model", anchor=False)
desk = session.desk()
if desk is None:
    widgets.nothing_open()
    st.stop()
plan = session.state().plan
if not plan.groups:
    notice, below = st.container(), st.container()
    with below:
        export_view.figures_card(desk, None)
    with notice:
        widgets.nothing_planned()
st.text(takeaways.of_plan(plan))
outcome = session.outcome()
if outcome is None or outcome.report is None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("This plan is not evaluated yet: its model card will say so.", width="content")
        st.page_link("pages/evaluate.py", label="Evaluate it first", icon=":material/query_stats:")
saved = session.visit().saved(outcome)
folder = export_view.checkpoint_form(desk, plan, saved)
if saved is not None:
    export_view.written(saved)
st.subheader("Or without the weights", anchor=False)
export_view.small_files(desk, plan, outcome, saved, folder)
export_view.command_lines(desk, plan, folder)
