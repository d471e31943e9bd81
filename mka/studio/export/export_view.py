"""The Export page's pieces: the checkpoint's form, what was written, and the small files."""

from __future__ import annotations

import json
from pathlib import Path

import streamlit as st

from mka.errors import BadInput
from mka.objects.jsonable import jsonable
from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt
from mka.planning.files import plan_text
from mka.studio.evaluate.receipt_view import receipt_view
from mka.studio.export.commands import can_repair, load_lines, merge_lines
from mka.studio.export.export_place import export_folder
from mka.studio.export.figure_page import figures_of, gallery, page_name
from mka.studio.export.scripts import script
from mka.studio.jobs import work
from mka.studio.parts import widgets
from mka.studio.parts.columns import tiles
from mka.studio.plan.plan_files import PLAN
from mka.studio.plan.repair_view import NO_TEXTS, cost_words
from mka.studio.visits import session
from mka.studio.visits.desk import Desk, Outcome

CARD = 240
"""Pixels that a file's card needs at least."""


def checkpoint_form(desk: Desk, plan: MergePlan, saved: Receipt | None) -> Path | None:
    """Ask for a folder's name and write there. What is wrong with the name stands beside it; then None, else the
    folder."""
    root = session.out_folder()
    with st.container(border=True):
        field, beside = st.columns([3, 2], vertical_alignment="bottom")
        name = field.text_input(
            "Folder name", f"merged-{plan.key[:8]}", key=f"folder-{plan.key}", persist_state="session"
        )
        folder, refusal = _folder(root, name)
        with beside:
            if saved is not None and Path(saved.folder) == root / name:
                widgets.message("done", "Written there. Another name writes it again.")
            elif refusal:
                widgets.message("refused", refusal)
        st.text(f"Will be written into {root.resolve()}")
        st.caption(
            "Weights (safetensors), tokenizer, config, model card, plan and receipt; "
            "then reloaded and compared before it says done."
        )
        able = can_repair(desk, plan)
        if not able:
            st.text(NO_TEXTS)
        texts = desk.calibration_of(plan)
        if texts is not None:
            st.text(cost_words(texts, plan.repair))
        st.button(
            "Write the checkpoint",
            type="primary",
            disabled=folder is None or not able,
            help="Choose another name first." if folder is None else None,
            on_click=_write,
            args=(desk, plan, root, name),
        )
    return folder


def _folder(root: Path, name: str) -> tuple[Path | None, str]:
    """Where an export of this name goes, or why it cannot."""
    try:
        return export_folder(root, name), ""
    except BadInput as error:
        return None, str(error)


def _write(desk: Desk, plan: MergePlan, root: Path, name: str) -> None:
    folder, refusal = _folder(root, name)  # it may have come to exist since the page was drawn
    if folder is None:
        session.notify("refused", refusal)
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


def small_files(
    desk: Desk, plan: MergePlan, outcome: Outcome | None, saved: Receipt | None, folder: Path | None
) -> None:
    """The plan, the receipt, a script and the pictures, each with what it is good for."""
    place = str(folder or session.out_folder() / f"merged-{plan.key[:8]}")
    trial = outcome.trial if outcome is not None else None
    with tiles("export-files", CARD):
        with _card("The plan: opens on the Plan page, in mka merge and in Python."):
            widgets.download("Plan (JSON)", plan_text(plan), PLAN)
        with _card(
            "Python that repeats the work by the library: analyze, plan, merge, evaluate, save."
            if trial is not None
            else "Python that repeats the work by the library: analyze, plan, merge, save."
        ):
            widgets.download("Script (Python)", lambda: script(desk, plan, trial, place), f"script-{plan.key[:8]}.py")
        figures_card(desk, outcome)
        receipt = saved or (None if outcome is None else outcome.receipt)
        if receipt is None:
            with _card("The receipt says which tensors were changed; it comes with the merge, so there is none yet."):
                widgets.download("Receipt (JSON)", "", "receipt.json", disabled=True)
        elif saved is None:
            with _card("The receipt: which tensors were changed, by how much, and their hash."):
                text = json.dumps(jsonable(receipt), indent=2) + "\n"
                widgets.download("Receipt (JSON)", text, f"receipt-{plan.key}.json")


def figures_card(desk: Desk, outcome: Outcome | None) -> None:
    """Every picture of the present view in one file; nothing where there is no picture."""
    report = None if outcome is None else outcome.report
    shown = figures_of(desk, session.measure(), session.state(), report, session.theme())
    if not shown:
        return
    named = ", ".join(one.title[0].lower() + one.title[1:] for one in shown)
    with _card(f"One page that opens without a network, each picture with its sentence: {named}."):
        widgets.download(
            "Figures (HTML)",
            lambda: gallery(desk.summary.source, shown, session.theme()),
            page_name(session.measure()),
        )


def _card(sentence: str) -> st.delta_generator.DeltaGenerator:
    """A box for one file."""
    card = st.container(border=True, height="stretch", vertical_alignment="distribute")
    card.caption(sentence)
    return card


def command_lines(desk: Desk, plan: MergePlan, folder: Path | None) -> None:
    """The same from the command line; none for a folder that cannot be."""
    if folder is not None:
        widgets.command(merge_lines(desk, plan, folder, session.out_folder()))
