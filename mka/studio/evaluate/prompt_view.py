"""A beginning of a text, written by the person, that both models continue."""

from __future__ import annotations

import streamlit as st

from mka.objects.plan import MergePlan
from mka.objects.repairs import NONE
from mka.studio.evaluate.generation_view import generation_view
from mka.studio.jobs import work
from mka.studio.selection.naming import blocks
from mka.studio.visits import session
from mka.studio.visits.desk import Continuation, Desk

PROMPT, TOKENS = "prompt", "prompt-tokens"
FEW, MOST = 32, 256
"""Tokens that are written unless asked otherwise, and at most."""


def prompt_view(desk: Desk, plan: MergePlan) -> None:
    """The form, and what came of the last prompts of this visit, the latest first."""
    st.subheader("Let both continue a text", anchor=False)
    st.caption(
        "Write a beginning; the unmerged and the merged model continue it with their most likely next token. "
        + loading_words(desk, plan)
    )
    with st.form(f"{PROMPT}-form"):
        st.text_area(
            "Beginning of a text", key=PROMPT, persist_state="session", height=80, placeholder="The capital of",
            help="One that is longer than the context loses its beginning.",
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.number_input("New tokens", 1, MOST, FEW, key=TOKENS, persist_state="session", width=140)
            st.form_submit_button("Continue", type="primary", on_click=_ask, args=(desk, plan), help="Ctrl+Enter")
    for one in session.visit().prompts:
        if one.fingerprint == desk.summary.fingerprint:
            generation_view(one.generation, remark_on(one, plan))


def loading_words(desk: Desk, plan: MergePlan) -> str:
    """What the first prompt has to do before the models write."""
    held = session.process().models.held
    repairs = "" if plan.repair == NONE else f", and repairs it by {plan.repair}"
    if held is not None and held.order == desk.order:
        return f"The model is loaded{repairs and f'; the first prompt merges it{repairs}'}."
    return (
        f"The model is not loaded yet: the first prompt loads it and merges it{repairs}, which takes longer than the "
        "writing."
    )


def remark_on(one: Continuation, plan: MergePlan) -> str:
    """Which plan made the merged text, where it is not the present one."""
    if one.plan.key == plan.key:
        return ""
    return f"By another plan: layers {blocks(one.plan)}."


def _ask(desk: Desk, plan: MergePlan) -> None:
    text = st.session_state[PROMPT]
    if not text.strip():
        session.notify("refused", "There is nothing to continue; write at least one word.")
        return
    task = work.prompt(session.process(), desk, plan, text, int(st.session_state[TOKENS]))
    session.start("prompt", "Continuing a text", task)
