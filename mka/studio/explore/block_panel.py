"""The way to a plan beside a picture: name a block, see what it would save, add it, take it back.

Every click on a picture can be done here from the keyboard.
"""

from __future__ import annotations

import streamlit as st

from mka.objects.plan import MergeGroup, Provenance
from mka.studio.parts import widgets
from mka.studio.plan.plan_editor import BECOMES
from mka.studio.plan.savings_view import saved_words, size_words
from mka.studio.selection.ends import ends
from mka.studio.selection.naming import listed, named
from mka.studio.selection.state import StudioState
from mka.studio.visits import session


def propose_block(seen: Provenance) -> None:
    """Two layers and a button. `seen`: what the person has before their eyes while they choose."""
    depth = session.state().plan.depth
    # The same fields in every run, so that the keyboard stays where it is; only what they hold follows the selection,
    # and goes along to the next page.
    keys = (f"from-of-{depth}", f"to-of-{depth}")
    _follow_selection(keys)

    def propose() -> None:
        first, final = (int(st.session_state[key]) for key in keys)
        session.act(lambda state: state.drag_range(first, final, seen))

    with (
        st.form(f"block-of-{depth}", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.number_input("From layer", 0, depth - 1, key=keys[0], persist_state="session", width=100)
        st.number_input("To layer", 0, depth - 1, key=keys[1], persist_state="session", width=100)
        st.form_submit_button("Propose", on_click=propose)


def _follow_selection(keys: tuple[str, str]) -> None:
    """Put the ends of a newly made selection into the fields; without one they hold what was typed."""
    chosen = ends(session.state())
    followed = f"followed-by-{keys[0]}"
    if any(key not in st.session_state for key in keys) or (chosen and chosen != st.session_state.get(followed)):
        st.session_state[keys[0]], st.session_state[keys[1]] = chosen or (0, min(1, session.state().plan.depth - 1))
    st.session_state[followed] = chosen


def selection_card() -> None:
    """Beside a picture: what is selected and the answers to it, else the plan so far and where to go on with it."""
    now = session.state()
    if now.selected or not now.plan.groups:
        candidate_card()
        return
    with st.container(border=True):
        st.badge("plan", color="gray")
        st.text(size_words(session.summary(), now.plan))
        go_on()
    _last_step(now)


def candidate_card() -> None:
    """What is selected, what it would save, and the two answers to it; then what the last step did."""
    now = session.state()
    if now.selected:
        with st.container(border=True):
            if now.picked is not None:
                _picked(now.picked)
            elif now.held is not None:
                _held(now.held)
            else:
                _proposed(now)
    _last_step(now)


def _last_step(now: StudioState) -> None:
    if now.refusal:
        widgets.message("refused", now.refusal)
    elif now.message is not None:
        st.caption(now.message.text)


def _picked(layer: int) -> None:
    st.badge("selected", color="gray")
    st.text(f"Layer {layer} is one end of a block: choose the layer at its other end.")
    st.caption("Or choose further layers, one by one, in the table of layers (Explore and Layers pages).")
    _drop()


def _proposed(now: StudioState) -> None:
    proposer = "" if now.origin.strategy == "manual" else f" by {now.origin.strategy}"
    st.badge(f"proposed{proposer}", color="gray")
    for group in now.candidate:
        st.text(group_words(group))
    after = now.with_candidate
    if after is not None:
        st.text(saved_words(session.summary(), now.plan, after))
    if now.displaced:
        gone = listed(group.layers for group in now.displaced)
        if now.origin.strategy == "manual":
            st.text(f"It takes the place of the planned group{'s' if len(now.displaced) > 1 else ''} {gone}.")
        else:
            st.text(f"It replaces the whole plan: {gone}.")
    with st.container(horizontal=True):
        st.button(
            "Add to plan" if now.origin.strategy == "manual" else "Use as plan",
            key="add-candidate",
            type="primary",
            disabled=after is None,
            on_click=session.act,
            args=(StudioState.add_candidate,),
        )
        _drop()


def _held(index: int) -> None:
    st.badge("in the plan", color="gray")
    st.text(group_words(session.state().plan.groups[index]))
    with st.container(horizontal=True):
        st.button(
            "Remove from plan",
            key="remove-held",
            on_click=session.act,
            args=(lambda state: state.remove_group(index),),
        )
        _drop("Let go")


def _drop(label: str = "Drop") -> None:
    st.button(label, key="drop-selection", on_click=session.act, args=(StudioState.drop_candidate,))


def clear() -> None:
    """Empty the plan; the way back is in the sidebar."""
    st.button(
        "Clear",
        type="tertiary",
        icon=":material/delete:",
        disabled=not session.state().plan.groups,
        on_click=session.act,
        args=(StudioState.clear,),
    )


def plan_card() -> None:
    """The groups of the plan, each to be taken out."""
    now = session.state()
    if not now.plan.groups:
        st.caption("Empty: every layer stays. What you add stands here, and on the Plan page with its weights.")
    for index, group in enumerate(now.plan.groups):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(group_words(group), width="stretch")
            st.button(
                "Remove",
                key=f"take-out-{group.layers}",
                type="tertiary",
                icon=":material/close:",
                on_click=session.act,
                args=(lambda state, at=index: state.remove_group(at),),
            )
    clear()


def go_on() -> None:
    """The next step with a plan."""
    if st.button("Evaluate this plan", icon=":material/query_stats:"):
        st.switch_page("pages/evaluate.py")


def group_words(group: MergeGroup) -> str:
    """A group as a line of a list."""
    if len(group.layers) == 1:
        return f"Layer {group.layers[0]} is dropped"
    part = ", projections only" if group.tensors == "projections" else ""
    return f"Layers {named(group.layers)} {BECOMES[group.method]}{part}"
