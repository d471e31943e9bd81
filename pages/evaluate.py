"""Evaluate: merge in memory, measure what it cost, beside the unmerged model and the free controls."""

from __future__ import annotations

import streamlit as st

from mka.studio.evaluate import trial_form
from mka.studio.evaluate.prompt_view import prompt_view
from mka.studio.evaluate.receipt_view import receipt_view
from mka.studio.evaluate.report_view import repaired_from, report_view
from mka.studio.export.commands import evaluate_lines
from mka.studio.parts import widgets
from mka.studio.plan.repair_view import plan_sentence, repair_choice
from mka.studio.visits import session

session.guard("pages/evaluate.py")
st.title("What did the merge cost?", anchor=False)
desk = session.desk()
if desk is None:
    widgets.nothing_open()
    st.stop()
plan = session.state().plan
if not plan.groups:
    widgets.nothing_planned()
    st.stop()
plan_sentence(plan)
repair_choice(desk)
outcome = session.outcome()
report = outcome.report if outcome is not None else None
if outcome is not None and report is not None:
    trial = trial_form.ask_again(desk, plan)
    report_view(report, repaired_from(outcome, desk.calibration_of(plan)))
else:
    trial = trial_form.ask_first(desk, plan)
    if not session.process().queue.active():
        st.info(
            "Nothing is measured for this plan yet. The result will stand here beside the unmerged model and "
            "beside deleting as many layers, which needs neither calibration nor merging."
        )
prompt_view(desk, plan)
if outcome is not None and outcome.receipt is not None:
    with st.expander("Merge receipt: which tensors changed", expanded=report is None):
        receipt_view(outcome.receipt)
if report is not None:
    st.page_link("pages/runs.py", label="Compare it with the other plans measured", icon=":material/leaderboard:")
shown = outcome.trial if outcome is not None and outcome.trial is not None else trial
widgets.command(evaluate_lines(desk, plan, shown, session.out_folder()))
