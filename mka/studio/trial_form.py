"""What to measure of a merge: asked, its cost said, then run."""

from __future__ import annotations

import streamlit as st

from mka.objects.plan import MergePlan
from mka.studio import session, work
from mka.studio.desk import Desk, Trial

TASKS = {
    "perplexity": "Perplexity",
    "choices": "Four-choice questions",
    "divergence": "Divergence from the unmerged model",
    "generation": "What they write",
}


def ask(desk: Desk, plan: MergePlan) -> Trial:
    """The form; starts the job when it is told to. Returns what is chosen now."""
    with st.container(border=True):
        tasks = tuple(
            st.multiselect(
                "Measure", list(TASKS), list(TASKS), format_func=TASKS.__getitem__, key="tasks", persist_state="session"
            )
        )
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
        if "choices" in tasks and "perplexity" not in tasks:
            tasks = ("perplexity", *tasks)
            st.caption("Perplexity is measured too: accuracy alone can hide that the language is lost.")
        trial = Trial(tasks, data, int(limit), int(shots))
        st.caption(cost_sentence(trial))
        _start(desk, plan, trial)
    return trial


def _start(desk: Desk, plan: MergePlan, trial: Trial) -> None:
    process = session.process()
    with st.container(horizontal=True):
        st.button(
            "Merge and evaluate",
            type="primary",
            disabled=not (trial.tasks and trial.data),
            on_click=session.start,
            args=("evaluate", "Evaluating the merge", work.evaluate(process, desk, plan, trial)),
        )
        st.button("Merge only", on_click=session.start, args=("merge", "Merging", work.merge(process, desk, plan)))


def cost_sentence(trial: Trial) -> str:
    """How much work a run is, before it starts."""
    parts = []
    if {"perplexity", "divergence"} & set(trial.tasks):
        parts.append(f"up to {trial.limit} texts")
    if "choices" in trial.tasks:
        parts.append(f"up to {trial.limit} questions with 4 options each")
    if "generation" in trial.tasks:
        parts.append("a few continuations")
    if not parts:
        return "Choose what to measure."
    known = next((one for one in reversed(session.measured()) if one.trial == trial), None)
    last = f" The last such run took {known.seconds:.0f} s." if known else ""
    return (
        f"Cost: {', '.join(parts)}, through four models: merged, unmerged, and as many layers deleted "
        f"in two ways (truncate, drop-keep-last).{last}"
    )
