"""One planned group on the Plan page: how its layers merge, how much each weighs, where it ends."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from mka.objects.plan import METHODS, WEIGHTED, MergeGroup
from mka.studio.selection.naming import named
from mka.studio.selection.state import StudioState
from mka.studio.visits import session

BECOMES = {
    "average": "become one",
    "slerp": "become one on the arc between them",
    "rdsc": "become one by their differences",
    "drop": "are dropped",
    "keep": "become one of them",
}
"""What a group's layers do, by its method."""
CHOICES = {
    "average": "Average", "slerp": "Slerp", "rdsc": "Add differences", "keep": "Keep one", "drop": "Drop all",
}  # fmt: skip
CHOSEN = "plan-group"
"""Which group is edited, counted in the plan's order."""
STEP = 0.01
SLIDER, SELECT = 190, 160
"""Pixels: so many stand beside each other as the page has room for."""

Transition = Callable[[StudioState, object], StudioState]
"""What a widget's value makes of the state."""


def chosen_group() -> int | None:
    """The group that is edited; None in an empty plan."""
    last = len(session.state().plan.groups) - 1
    return min(int(st.session_state.get(CHOSEN, 0)), last) if last >= 0 else None


def choose_group(index: int) -> None:
    """Edit this group; fit for a callback."""
    st.session_state[CHOSEN] = index


def groups_editor() -> None:
    """Choose a group and edit it; nothing in an empty plan."""
    groups, chosen = session.state().plan.groups, chosen_group()
    if chosen is None:
        return
    st.session_state[CHOSEN] = chosen
    st.pills(
        "Group",
        range(len(groups)),
        format_func=lambda index: f"Group {index + 1}: {named(groups[index].layers)}",
        key=CHOSEN,
        required=True,
        persist_state="session",
    )
    with st.container(border=True):
        _editor(session.state(), chosen, groups[chosen])


def _editor(now: StudioState, index: int, group: MergeGroup) -> None:
    part = ", projections only" if group.tensors == "projections" else ""
    verb = BECOMES[group.method] if len(group.layers) > 1 else "is dropped"
    word = "layers" if len(group.layers) > 1 else "layer"
    st.markdown(f"**Group {index + 1}** · {word} {named(group.layers)} {verb}{part}")
    _method(now, index, group)
    if group.method in WEIGHTED:
        _weights(now, index, group)
    _boundaries(now, index, group)


def held(key: str, value: object) -> str:
    """The key of a widget that shows what the state holds, whatever was typed there and refused."""
    st.session_state[key] = value
    return key


def typed(key: str, transition: Transition) -> Callable[[], None]:
    """A callback that takes what stands in the widget into the state."""
    return lambda: session.act(lambda now: transition(now, st.session_state[key]))


def _method(now: StudioState, index: int, group: MergeGroup) -> None:
    """Only the ways that this group can take are offered; why not the others stands beside them."""
    refused = {method: now.set_method(index, method).refusal for method in METHODS if method != group.method}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = held("group-method", group.method)
        st.segmented_control(
            "Method",
            [method for method in CHOICES if not refused.get(method)],
            format_func=lambda method: CHOICES[method],
            key=key,
            required=True,
            wrap=True,
            on_change=typed(key, lambda state, method: state.set_method(index, str(method))),
        )
        if group.method == "keep":
            key = held("group-survivor", group.layer)
            st.selectbox(
                "Layer that stays",
                group.layers,
                key=key,
                width=SELECT,
                on_change=typed(key, lambda state, layer: state.set_method(index, "keep", int(str(layer)))),
            )
    for method, why in refused.items():
        if why:
            st.text(f"Not “{CHOICES[method]}”: {why}")


def _weights(now: StudioState, index: int, group: MergeGroup) -> None:
    """A slider per member; the others share what one leaves."""
    with st.container(horizontal=True, gap="medium"):
        for layer, weight in zip(group.layers, group.weights, strict=True):
            key = held(f"weight-{layer}", weight)
            st.slider(
                f"Weight of layer {layer}",
                0.0,
                1.0,
                step=STEP,
                format="%.3f",
                key=key,
                width=SLIDER,
                on_change=typed(key, _weigh(index, layer)),
            )
    equal = now.set_weights(index, [1.0] * len(group.layers))
    st.button(
        "Equal weights",
        icon=":material/balance:",
        disabled=equal.plan == now.plan,
        help="The weights of a group sum to 1: when one changes, the others share the rest in their old ratios.",
        on_click=session.act,
        args=(lambda state: state.set_weights(index, [1.0] * len(group.layers)),),
    )


def _weigh(index: int, layer: int) -> Transition:
    return lambda state, weight: state.set_weight(index, layer, float(str(weight)))


def _boundaries(now: StudioState, index: int, group: MergeGroup) -> None:
    """Split, join, remove; a conflict stands below in words."""
    joined = now.join(index) if index < len(now.plan.groups) - 1 else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if now.split(index, group.layers[-1]).plan.groups != now.remove_group(index).plan.groups:
            key = f"split-{group.layers}"
            st.selectbox("Second part begins at layer", group.layers[1:], key=key, width=SELECT)
            st.button(
                "Split",
                icon=":material/content_cut:",
                help="A part of one layer leaves the plan, unless it is dropped.",
                on_click=typed(key, lambda state, at: state.split(index, int(str(at)))),
            )
        if joined is not None:
            st.button(
                "Join with the next group",
                icon=":material/link:",
                disabled=bool(joined.refusal),
                on_click=session.act,
                args=(lambda state: state.join(index),),
            )
        st.button(
            "Remove",
            icon=":material/close:",
            on_click=session.act,
            args=(lambda state: state.remove_group(index),),
        )
    if joined is not None and joined.refusal:
        st.text(joined.refusal)
