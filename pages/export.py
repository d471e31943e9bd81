"""Export: write the merged checkpoint as a folder that any other tool loads."""

from __future__ import annotations

import json

import streamlit as st

from mka.errors import BadInput
from mka.figures import takeaways
from mka.objects.plan import MergePlan
from mka.studio import session, widgets, work
from mka.studio.commands import merge_command
from mka.studio.desk import Desk
from mka.studio.receipt_view import receipt_view


def export_form(desk: Desk, plan: MergePlan) -> str:
    """Ask for a folder name and write; returns the name."""
    root = session.out_folder()
    with st.container(border=True):
        name = st.text_input("Folder name", f"merged-{plan.key[:8]}", key=f"folder-{plan.key}", persist_state="session")
        st.text(f"Written into {root.resolve()}")
        st.caption(
            "Weights (safetensors), tokenizer, config, model card, plan and receipt; "
            "then reloaded and compared before it says done."
        )
        if st.button("Write the checkpoint", type="primary"):
            try:
                folder = work.export_folder(root, name)
            except BadInput as error:
                st.error(widgets.plain(str(error)))
            else:
                job = work.export(session.process(), desk, plan, folder)
                session.follow(session.process().queue.submit("export", f"Writing {name}", job))
                st.rerun()
    return name


session.guard("pages/export.py")
st.title("Take the checkpoint away")
desk = session.desk()
if desk is None:
    widgets.nothing_open()
    st.stop()
plan = session.state().plan
widgets.sentence(takeaways.of_plan(plan))
if not plan.groups:
    st.info("The plan is empty. Add a group on the Similarity or Plan page, then come back.")
    st.page_link("pages/plan.py", label="Go to Plan", icon=":material/call_merge:")
    st.stop()
outcome = session.outcome()
if outcome is None or outcome.report is None:
    st.warning("This plan was not evaluated yet: the model card will say so.")
name = export_form(desk, plan)
if outcome is not None and outcome.saved is not None:
    saved = outcome.saved
    st.success("Written and verified.")
    st.text(saved.folder)
    if saved.verified is not None:
        st.text(f"Largest difference of the logits after reloading: {saved.verified:.3g}")
    st.subheader("Receipt")
    receipt_view(saved)
st.download_button(
    "Plan as JSON",
    json.dumps(plan.to_json(), indent=2) + "\n",
    file_name="plan.json",
    mime="application/json",
    on_click="ignore",
    icon=":material/download:",
)
widgets.command(*merge_command(desk, str(session.out_folder() / name)))
