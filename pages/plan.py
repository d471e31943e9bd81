"""Plan: strategies propose, the person decides; weights, savings, files."""

from __future__ import annotations

import json

import streamlit as st
from mka.planning.savings import savings

from mka.errors import MkaError
from mka.figures import takeaways
from mka.figures.plan_ruler import plan_ruler
from mka.objects.plan import MergePlan
from mka.studio import proposals, session, widgets
from mka.studio.commands import plan_command
from mka.studio.desk import Desk
from mka.studio.memory import bytes_text, count_text
from mka.studio.plan_editor import group_editor
from mka.studio.state import StudioState


def show_savings(desk: Desk, plan: MergePlan) -> None:
    """Layers, parameters and bytes, before and after."""
    saved = savings(desk.summary, plan)
    rows = (("Layers", saved.layers, str), ("Parameters", saved.parameters, count_text))
    rows += (("Weights", saved.bytes, bytes_text), ("Cache per token", saved.cache_bytes_per_token, bytes_text))
    for cell, (label, (before, after), text) in zip(st.columns(4), rows, strict=True):
        change = (after - before) / before if before else 0.0
        cell.metric(
            label,
            text(after),
            f"{change:+.1%}" if change else "as before",
            delta_color="off",
            border=True,
            delta_arrow="off",
        )


def propose_form(desk: Desk) -> None:
    """Ask a strategy for a proposal."""
    with st.form("strategy"):
        names = list(proposals.strategies())
        name = st.selectbox("Strategy", names, help="Each proposes layers; you decide.")
        most = max(1, desk.summary.layers - 1)
        remove = int(st.number_input("Layers to remove", 1, most, min(3, most)))
        if st.form_submit_button("Propose", width="stretch"):
            try:
                proposal = proposals.propose(desk, name, remove)
            except MkaError as error:
                session.say(str(error), refused=True)
            else:
                session.act(lambda now: now.propose(proposal))
            st.rerun()
    for name, said in proposals.strategies().items():
        st.caption(f"**{widgets.plain(name)}**: {widgets.plain(said)}")


def files(plan: MergePlan) -> None:
    """Take the plan away as JSON, or bring one."""
    st.download_button(
        "Plan as JSON",
        json.dumps(plan.to_json(), indent=2) + "\n",
        file_name="plan.json",
        mime="application/json",
        on_click="ignore",
        icon=":material/download:",
        disabled=not plan.groups,
        width="stretch",
    )
    uploaded = st.file_uploader("Open a plan file", type="json", key=f"plan-file-{session.clicks()}")
    if uploaded is not None:
        session.count_click()
        try:
            opened = proposals.parse_plan(uploaded.getvalue())
        except MkaError as error:
            session.say(str(error), refused=True)
        else:
            session.act(lambda now: now.replace_plan(opened))
        st.rerun()


session.guard("pages/plan.py")
desk = session.desk()
st.title("Which layers become one?")
if desk is None:
    widgets.nothing_open()
    st.stop()
state = session.state()
takeaway = takeaways.of_plan(state.plan)
widgets.chart(plan_ruler(state.plan, session.theme(), candidates=state.candidate_layers), "plan", takeaway)
widgets.sentence(takeaway)
show_savings(desk, state.plan)

left, right = st.columns([3, 2], gap="large")
with left:
    st.subheader("Groups")
    if not state.plan.groups:
        st.info("No group yet. Choose a block by its layers here, click one on the Similarity page, or ask a strategy.")
    for index, group in enumerate(state.plan.groups):
        group_editor(index, group)
    st.subheader("Add a block")
    widgets.candidate_actions("plan")
    st.button("Clear the plan", on_click=session.act, args=(StudioState.clear,), disabled=not state.plan.groups)
with right:
    st.subheader("Ask a strategy")
    propose_form(desk)
    st.subheader("Files")
    files(state.plan)

if state.plan.groups:
    widgets.command(*plan_command(desk, state.plan))
