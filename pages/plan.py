"""Plan: strategies propose, the person decides; weights, savings, files."""

from __future__ import annotations

import json

import streamlit as st

from mka.errors import MkaError
from mka.figures import takeaways
from mka.figures.plan_ruler import plan_ruler
from mka.objects.plan import MergePlan, Provenance
from mka.planning.strategies import STRATEGIES
from mka.studio import block_panel, proposals, session, widgets
from mka.studio.commands import plan_lines
from mka.studio.desk import Desk
from mka.studio.plan_editor import group_editor
from mka.studio.savings_view import savings_view


def ask_strategy(desk: Desk) -> None:
    """Ask a strategy for a proposal."""
    with st.container(border=True):
        name = st.radio(
            "Strategy",
            list(STRATEGIES),
            captions=[strategy.sentence for strategy in STRATEGIES.values()],
            key="strategy",
            persist_state="session",
        )
        most = proposals.most_removed(name, desk.summary.layers)
        if most < 1:
            st.caption("This model is too shallow for it.")
            return
        remove = int(st.number_input("Layers to remove", 1, most, min(3, most), key=f"remove-{name}-{most}"))
        st.button("Ask for a proposal", on_click=_propose, args=(desk, name, remove))


def _propose(desk: Desk, strategy: str, remove: int) -> None:
    try:
        proposal = proposals.propose(desk, strategy, remove)
    except MkaError as error:
        session.refuse(str(error))
    else:
        session.act(lambda now: now.propose(proposal))


def files(plan: MergePlan) -> None:
    """Take the plan away as JSON, or bring one."""
    text = json.dumps(plan.to_json(), indent=2) + "\n"
    widgets.download("Plan as JSON", text, "plan.json", disabled=not plan.groups)
    key = f"plan-file-{session.clicks()}"
    st.file_uploader("Open a plan file", type="json", key=key, on_change=_open_plan, args=(key,))


def _open_plan(key: str) -> None:
    uploaded = st.session_state[key]
    session.count_click()  # the next run shows an empty place for a file
    try:
        opened = proposals.parse_plan(uploaded.getvalue() if uploaded else b"")
    except MkaError as error:
        session.refuse(str(error))
    else:
        session.act(lambda now: now.replace_plan(opened))


session.guard("pages/plan.py")
desk = session.desk()
st.title("Which layers become one?", anchor=False)
if desk is None:
    widgets.nothing_open()
    st.stop()
state = session.state()
takeaway = takeaways.of_plan(state.plan)
widgets.chart(plan_ruler(state.plan, session.theme(), candidates=state.candidate_layers), "plan", takeaway)
st.text(takeaway)
savings_view(desk.summary, state.plan)

left, right = st.columns([3, 2], gap="large")
with left:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Groups", anchor=False, width="content")
        block_panel.clear()
    if not state.plan.groups and not state.candidate:
        st.info("No group yet. Name a block here, click one on the Explore page, or ask a strategy.")
    block_panel.candidate_card()
    for index, group in enumerate(state.plan.groups):
        group_editor(index, group)
    st.subheader("Propose a block", anchor=False)
    block_panel.propose_block(Provenance())
    if state.plan.groups:
        block_panel.go_on()
with right:
    st.subheader("Ask a strategy", anchor=False)
    ask_strategy(desk)
    st.subheader("Files", anchor=False)
    files(state.plan)

if state.plan.groups:
    widgets.command(plan_lines(desk, state.plan, session.out_folder()))
