"""Plan: strategies propose, the person decides; weights, savings, another plan beside it, files."""

from __future__ import annotations

import streamlit as st

from mka.objects.plan import Provenance
from mka.studio.explore import block_panel
from mka.studio.export.commands import plan_lines
from mka.studio.parts import widgets
from mka.studio.plan.plan_comparison import comparison
from mka.studio.plan.plan_editor import groups_editor
from mka.studio.plan.plan_files import files
from mka.studio.plan.repair_view import repair_choice, repair_cost
from mka.studio.plan.ruler_view import edited_ruler
from mka.studio.plan.savings_view import savings_view
from mka.studio.plan.strategy_view import strategies
from mka.studio.visits import session

session.guard("pages/plan.py")
desk = session.desk()
st.title("Which layers become one?", anchor=False)
if desk is None:
    widgets.nothing_open()
    st.stop()
state = session.state()
edited_ruler()
savings_view(desk.summary, state.proposal or state.plan)

left, right = st.columns([3, 2], gap="large")
with left:
    st.subheader("Propose a block", anchor=False)
    block_panel.propose_block(Provenance())
    block_panel.candidate_card()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Groups", anchor=False, width="content")
        block_panel.clear()
    if state.plan.groups:
        groups_editor()
        repair_choice(desk)
        repair_cost(desk, state.plan)
        block_panel.go_on()
    else:
        st.caption("No group yet. Click blocks above or drag over them, name a block here, or ask a strategy.")
with right:
    st.subheader("Ask a strategy", anchor=False)
    strategies(desk)
    st.subheader("Files", anchor=False)
    files(state.plan)

st.subheader("Another plan beside it", anchor=False)
comparison(desk)
if state.plan.groups:
    widgets.command(plan_lines(desk, state.plan, session.out_folder()))
