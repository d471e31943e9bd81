"""Export: write the merged checkpoint as a folder that any other tool loads."""

from __future__ import annotations

import json
from pathlib import Path

import streamlit as st

from mka.errors import BadInput
from mka.figures import takeaways
from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt
from mka.studio import session, widgets, work
from mka.studio.commands import load_lines, merge_lines
from mka.studio.desk import Desk
from mka.studio.receipt_view import receipt_view


def export_form(desk: Desk, plan: MergePlan) -> str:
    """Ask for a folder name and write; returns the name."""
    root = session.out_folder()
    with st.container(border=True):
        name = st.text_input("Folder name", f"merged-{plan.key[:8]}", key=f"folder-{plan.key}", persist_state="session")
        st.text(f"Will be written into {root.resolve()}")
        st.caption(
            "Weights (safetensors), tokenizer, config, model card, plan and receipt; "
            "then reloaded and compared before it says done."
        )
        st.button("Write the checkpoint", type="primary", on_click=_write, args=(desk, plan, root, name))
    return name


def _write(desk: Desk, plan: MergePlan, root: Path, name: str) -> None:
    try:
        folder = work.export_folder(root, name)
    except BadInput as error:
        session.notify("refused", str(error))
    else:
        session.start("export", f"Writing {name}", work.export(session.process(), desk, plan, folder))


def written(saved: Receipt) -> None:
    """Where it lies, that it was verified, how to load it, what it holds."""
    st.subheader("Written and verified", anchor=False)
    st.text(saved.folder)
    if saved.verified is not None:
        st.text(f"Reloaded from there; the largest difference of the logits is {saved.verified:.3g}.")
    st.caption("Load it in Python")
    st.code("\n".join(load_lines(saved.folder)), language=None, wrap_lines=True)
    receipt_view(saved)


session.guard("pages/export.py")
st.title("Take the checkpoint away", anchor=False)
desk = session.desk()
if desk is None:
    widgets.nothing_open()
    st.stop()
plan = session.state().plan
if not plan.groups:
    widgets.nothing_planned()
    st.stop()
st.text(takeaways.of_plan(plan))
outcome = session.outcome()
if outcome is None or outcome.report is None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("This plan is not evaluated yet: its model card will say so.", width="content")
        st.page_link("pages/evaluate.py", label="Evaluate it first", icon=":material/query_stats:")
name = export_form(desk, plan)
if outcome is not None and outcome.saved is not None:
    written(outcome.saved)
st.subheader("Or the plan alone", anchor=False)
widgets.download("Plan as JSON", json.dumps(plan.to_json(), indent=2) + "\n", "plan.json")
widgets.command(merge_lines(desk, plan, session.out_folder() / name, session.out_folder()))
