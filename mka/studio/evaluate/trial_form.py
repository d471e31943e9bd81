"""What to measure of a merge: its cost said, one button, and what else could be chosen."""

from __future__ import annotations

import streamlit as st

from mka.objects.plan import MergePlan
from mka.studio.export.commands import can_repair
from mka.studio.jobs import work
from mka.studio.parts.room import TEXT, room_for
from mka.studio.plan.repair_view import REPAIR_CHOICES, repair_cost
from mka.studio.visits import session
from mka.studio.visits.desk import Desk, Trial

TASKS = {
    "perplexity": "Perplexity",
    "choices": "Four-choice questions",
    "divergence": "Divergence from unmerged",
    "generation": "What they write",
}
CHOICES = "What is measured, and on what"


def ask_first(desk: Desk, plan: MergePlan) -> Trial:
    """Before a result: the cost, the button, the rest folded away unless it must be filled in. Returns what is
    chosen now."""
    with st.container(border=True):
        cost = st.container()
        with st.expander(CHOICES, expanded=not desk.own_data):
            trial = _choose(desk)
            _merge_only(desk, plan)
        with cost:
            _start(desk, plan, trial)
    return trial


def ask_again(desk: Desk, plan: MergePlan) -> Trial:
    """Above a result: all of it folded away. Returns what is chosen now."""
    with st.expander("Measure this plan again", icon=":material/replay:"):
        cost = st.container()
        trial = _choose(desk)
        with cost:
            _start(desk, plan, trial)
    return trial


def cost_sentence(trial: Trial, repair: str) -> str:
    """How much work a run is, before it starts; one of the same repair says how long it took."""
    parts = []
    if {"perplexity", "divergence"} & set(trial.tasks):
        parts.append(f"up to {trial.limit} texts")
    if "choices" in trial.tasks:
        parts.append(f"up to {trial.limit} questions with 4 options each")
    if "generation" in trial.tasks:
        parts.append("a few continuations")
    if not parts:
        return "Choose what to measure."
    such = (one for one in reversed(session.measured()) if one.trial == trial and one.plan.repair == repair)
    known = next(such, None)
    last = f" The last such run took {known.seconds:.0f} s." if known else ""
    return (
        f"Cost: {', '.join(parts)}, through four models: merged, unmerged, and as many layers deleted "
        f"in two ways (truncate, drop-keep-last).{last}"
    )


def _choose(desk: Desk) -> Trial:
    tasks = tuple(
        st.multiselect(
            "Measure", list(TASKS), list(TASKS), format_func=TASKS.__getitem__, key="tasks", persist_state="session"
        )
    )
    if "choices" in tasks and "perplexity" not in tasks:
        tasks = ("perplexity", *tasks)
        st.caption("Perplexity is measured too: accuracy alone can hide that the language is lost.")
    first, second, third = st.columns([3, 1.5, 1.5])
    data = first.text_input(
        "Texts and questions",
        desk.own_data,
        key=f"data-{desk.summary.fingerprint}",
        persist_state="session",
        placeholder="a .txt, .jsonl or .csv file, or a folder",
        help="demo for the demo model; else a folder in MMLU's layout, a .txt, .jsonl or .csv file.",
    ).strip()
    limit = second.number_input("At most, of each", 4, 100_000, 200, key="limit", persist_state="session")
    shots = third.number_input(
        "Shots", 0, 5, 0, key="shots", persist_state="session", help="Solved questions before each question."
    )
    return Trial(tasks, data, int(limit), int(shots))


def _start(desk: Desk, plan: MergePlan, trial: Trial) -> None:
    with room_for("trial-cost", [cost_sentence(trial, repair) for repair in REPAIR_CHOICES], TEXT):
        st.text(cost_sentence(trial, plan.repair))
    repair_cost(desk, plan)
    if not trial.data:
        st.text("Name the texts and questions below first.")
    st.button(
        "Merge and evaluate",
        type="primary",
        disabled=not (trial.tasks and trial.data and can_repair(desk, plan)),
        on_click=session.start,
        args=("evaluate", "Evaluating the merge", work.evaluate(session.process(), desk, plan, trial)),
    )


def _merge_only(desk: Desk, plan: MergePlan) -> None:
    merge = ("merge", "Merging", work.merge(session.process(), desk, plan))
    st.button(
        "Merge only",
        disabled=not can_repair(desk, plan),
        on_click=session.start,
        args=merge,
        help="Measures nothing; the receipt says what was changed.",
    )
