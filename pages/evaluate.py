"""Evaluate: merge in memory, measure what it cost, beside the unmerged model and the free controls."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways
from mka.studio import session, widgets, work
from mka.studio.commands import evaluate_command
from mka.studio.desk import Desk, Outcome
from mka.studio.receipt_view import receipt_view
from mka.studio.report_view import report_view

TASKS = ("perplexity", "choices", "divergence", "generation")


def run_form(desk: Desk) -> None:
    """What to measure, what it costs, then the button."""
    plan = session.state().plan
    with st.container(border=True):
        first, second, third, fourth = st.columns([3, 3, 1.4, 1.4])
        tasks = tuple(first.multiselect("Tasks", TASKS, TASKS, key="tasks", persist_state="session"))
        data = second.text_input(
            "Data",
            "demo",
            key="data",
            persist_state="session",
            help="demo, or the path of a folder in MMLU's layout, a .txt, .jsonl or .csv file.",
        ).strip()
        limit = int(
            third.number_input(
                "Texts, questions",
                4,
                100000,
                200,
                key="limit",
                persist_state="session",
                help="At most so many of each.",
            )
        )
        shots = int(
            fourth.number_input(
                "Shots", 0, 5, 0, key="shots", persist_state="session", help="Solved questions before each question."
            )
        )
        if "choices" in tasks and "perplexity" not in tasks:
            tasks = ("perplexity", *tasks)
            st.caption("Perplexity is measured too: accuracy alone can hide that the language is lost.")
        st.caption(widgets.plain(cost_sentence(desk, tasks, limit)))
        merge, evaluate, _ = st.columns([1, 1.4, 2])
        ready = bool(plan.groups)
        queue = session.process().queue
        if merge.button("Merge only", disabled=not ready, width="stretch"):
            session.follow(queue.submit("merge", "Merging", work.merge(session.process(), desk, plan)))
            st.rerun()
        if evaluate.button("Merge and evaluate", type="primary", disabled=not (ready and tasks), width="stretch"):
            trial = work.Trial(tasks, data, limit, shots)
            st.session_state["mka_trial"] = trial
            session.follow(queue.submit("evaluate", "Evaluating", work.evaluate(session.process(), desk, plan, trial)))
            st.rerun()


def cost_sentence(desk: Desk, tasks: tuple[str, ...], limit: int) -> str:
    """How much work a run is, before it starts."""
    parts = []
    if {"perplexity", "divergence"} & set(tasks):
        parts.append(f"up to {limit} texts")
    if "choices" in tasks:
        parts.append(f"up to {limit} questions with 4 options each")
    if "generation" in tasks:
        parts.append("a few continuations")
    known = next((o for o in reversed(session.process().outcomes.values()) if o.report), None)
    last = f" The last run took {known.seconds:.0f} s." if known else ""
    layers = desk.summary.layers
    models = f"4 models (merged, unmerged with {layers} layers, truncate, drop-keep-last)"
    return f"Cost: {' and '.join(parts) or 'nothing'}, for {models}.{last}"


def show(outcome: Outcome | None) -> None:
    """What is known of this plan, or what to do."""
    if outcome is None or outcome.report is None:
        st.info("Nothing measured for this plan yet.")
    if outcome is not None and outcome.report is not None:
        report_view(outcome.report)
    if outcome is not None and outcome.receipt is not None:
        with st.expander("Merge receipt: which tensors changed", expanded=outcome.report is None):
            receipt_view(outcome.receipt)


session.guard("pages/evaluate.py")
st.title("What did the merge cost?")
desk = session.desk()
if desk is None:
    widgets.nothing_open()
    st.stop()
state = session.state()
widgets.sentence(takeaways.of_plan(state.plan))
if not state.plan.groups:
    st.info("The plan is empty. Add a group on the Similarity or Plan page, then come back.")
    st.page_link("pages/plan.py", label="Go to Plan", icon=":material/call_merge:")
    st.stop()
run_form(desk)
show(session.outcome())
trial = st.session_state.get("mka_trial") or work.Trial(TASKS, "demo", 200, 0)
widgets.command(*evaluate_command(desk, trial.data, trial.tasks, trial.limit, trial.shots))
