"""What each strategy would do, beside the button that proposes it; nothing is in the plan before a person says so."""

from __future__ import annotations

import streamlit as st

from mka.errors import MkaError
from mka.objects.plan import MergePlan
from mka.planning.guided import GUIDED
from mka.planning.strategies import STRATEGIES
from mka.studio.jobs import work
from mka.studio.plan import proposals
from mka.studio.plan.savings_view import size_words
from mka.studio.selection.naming import listed, sentence
from mka.studio.visits import session
from mka.studio.visits.desk import Desk

REMOVED = 3
"""So many layers are asked for at first, where the model is deep enough."""
VERBS = {"average": "Merges", "slerp": "Interpolates", "rdsc": "Adds up", "keep": "Keeps one of", "drop": "Drops"}


def strategies(desk: Desk) -> None:
    """Ask for a number of layers; each strategy says what it would do with it."""
    most = desk.summary.layers - 1
    if most < 1:
        st.caption("This model has one layer: there is nothing to remove.")
        return
    remove = int(
        st.number_input("Layers to remove", 1, most, min(REMOVED, most), key=f"remove-{most}", persist_state="session")
    )
    for name in STRATEGIES:
        with st.container(border=True):
            _offer(desk, name, remove)
    for name in GUIDED:
        with st.container(border=True):
            _offer_to_try(desk, name, remove)


def _offer(desk: Desk, name: str, remove: int) -> None:
    st.markdown(f"**{name}**")
    st.caption(STRATEGIES[name].sentence)
    try:
        proposal, why_not = proposals.propose(desk, name, remove), ""
    except MkaError as error:
        proposal, why_not = None, str(error)
    if proposal is None:
        st.text(sentence(why_not))
        if proposals.missing_measure(desk, name):
            st.page_link("pages/model.py", label="Analyze on the Model page", icon=":material/deployed_code:")
    else:
        st.text(f"{deeds(proposal)}: {size_words(desk.summary, proposal)}.")
    st.button(
        f"Propose by {name}",
        disabled=proposal is None,
        on_click=session.act,
        args=(lambda now: now.propose(proposal),),
    )


def _offer_to_try(desk: Desk, name: str, remove: int) -> None:
    """A strategy that must run the model to propose anything."""
    st.markdown(f"**{name}**")
    st.caption(GUIDED[name].sentence)
    st.text(trying_words(desk))
    if desk.calibration is None:
        st.page_link("pages/model.py", label="Name texts in an analysis", icon=":material/deployed_code:")
    st.button(
        f"Try plans by {name}",
        disabled=desk.calibration is None,
        on_click=session.start,
        args=("plan", f"Choosing layers by {name}", work.try_plans(session.process(), desk, name, remove)),
    )


def trying_words(desk: Desk) -> str:
    """What it costs to try plans, before it begins."""
    if desk.calibration is None:
        return "It tries plans on calibration texts of this model's own kind, and none are named yet."
    return (
        f"Tries plan after plan on {desk.calibration.words}: a minute or two for the demo model, longer for a larger "
        "one."
    )


def deeds(plan: MergePlan) -> str:
    """What a plan does with which layers, in one line: "Merges 4–5, 7–9; drops 11"."""
    said = [
        f"{verb} {listed(group.layers for group in plan.groups if group.method == method)}"
        for method, verb in VERBS.items()
        if any(group.method == method for group in plan.groups)
    ]
    return "; ".join([said[0], *(one[:1].lower() + one[1:] for one in said[1:])]) if said else "Leaves every layer"
