"""What mends the cuts of a plan: the choice of a repair, what it does, what it reads and how long that takes."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from mka.figures import takeaways
from mka.objects.plan import MergePlan
from mka.objects.repairs import NONE, REPAIRS
from mka.studio.parts.room import CAPTION, TEXT, room_for
from mka.studio.plan.plan_editor import held, typed
from mka.studio.visits import session
from mka.studio.visits.desk import Calibration, Desk

NO_REPAIR = "What the removed layers did is missing. A repair makes up for it without training."
NOTHING_READ = "Without a repair no calibration text is read."
NO_TEXTS = "A repair is worked out from calibration texts of this model's own kind, and none are named yet."
REPAIR_CHOICES = (NONE, *REPAIRS)
HELP = "\n".join(f"- **{repair.name}**: {repair.sentence}" for repair in REPAIRS.values())


def plan_sentence(plan: MergePlan) -> None:
    """What the plan does to the depth, and its repair, in a place as high for any repair: a choice stands below it."""
    with room_for("plan-told", [takeaways.of_plan(replace(plan, repair=name)) for name in REPAIR_CHOICES], TEXT):
        st.text(takeaways.of_plan(plan))


def repair_choice(desk: Desk) -> None:
    """Choose what the plan asks for; nothing for an empty plan."""
    plan = session.state().plan
    if not plan.groups:
        return
    key = held("plan-repair", plan.repair)
    st.segmented_control(
        "Repair",
        REPAIR_CHOICES if desk.calibration is not None else list(dict.fromkeys((NONE, plan.repair))),
        format_func=lambda name: "No repair" if name == NONE else name,
        key=key,
        required=True,
        wrap=True,
        help=HELP,
        on_change=typed(key, lambda state, name: state.set_repair(str(name))),
    )
    told = {NONE: NO_REPAIR} | {repair.name: repair.sentence for repair in REPAIRS.values()}
    with room_for("repair-told", list(told.values()), CAPTION):
        st.caption(told[plan.repair])
    if desk.calibration is None:
        st.text(NO_TEXTS)
        st.page_link("pages/model.py", label="Name them in an analysis", icon=":material/deployed_code:")


def repair_cost(desk: Desk, plan: MergePlan) -> None:
    """Before anything runs: what the repair reads, and how long that takes; nothing without texts."""
    texts = desk.calibration
    if texts is not None:
        with room_for("repair-cost", [cost_words(texts, name) for name in REPAIR_CHOICES], TEXT):
            st.text(cost_words(texts, plan.repair))


def cost_words(texts: Calibration, repair: str) -> str:
    """What a repair, or none, reads of the texts that there are, and how long that takes."""
    if repair == NONE:
        return NOTHING_READ
    return (
        f"The repair reads {texts.words} for {REPAIRS[repair].reading}: seconds to minutes for the demo model, "
        "longer for a larger one."
    )
