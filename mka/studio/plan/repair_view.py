"""What mends the cuts of a plan: the choice of a repair, what it does, what it reads and how long that takes."""

from __future__ import annotations

import streamlit as st

from mka.objects.plan import MergePlan
from mka.objects.repairs import NONE, REPAIRS
from mka.studio.plan.plan_editor import held, typed
from mka.studio.visits import session
from mka.studio.visits.desk import Desk

NO_REPAIR = "What the removed layers did is missing. A repair makes up for it without training, by a closed form."
NO_TEXTS = "A repair is worked out from calibration texts of this model's own kind, and none are named yet."
HELP = "\n".join(f"- **{repair.name}**: {repair.sentence}" for repair in REPAIRS.values())


def repair_choice(desk: Desk) -> None:
    """Choose what the plan asks for; nothing for an empty plan."""
    plan = session.state().plan
    if not plan.groups:
        return
    key = held("plan-repair", plan.repair)
    st.segmented_control(
        "Repair",
        [NONE, *REPAIRS] if desk.calibration is not None else list(dict.fromkeys((NONE, plan.repair))),
        format_func=lambda name: "No repair" if name == NONE else name,
        key=key,
        required=True,
        wrap=True,
        help=HELP,
        on_change=typed(key, lambda state, name: state.set_repair(str(name))),
    )
    st.caption(NO_REPAIR if plan.repair == NONE else REPAIRS[plan.repair].sentence)
    if desk.calibration is None:
        st.text(NO_TEXTS)
        st.page_link("pages/model.py", label="Name them in an analysis", icon=":material/deployed_code:")


def repair_cost(desk: Desk, plan: MergePlan) -> None:
    """Before anything runs: what the repair reads, and how long that takes; nothing without one."""
    said = cost_words(desk, plan)
    if said:
        st.text(said)


def cost_words(desk: Desk, plan: MergePlan) -> str:
    """What the repair of a plan reads, and how long that takes; "" without one, and without texts."""
    texts = desk.calibration_of(plan)
    if texts is None:
        return ""
    return (
        f"The repair reads {texts.words} for {REPAIRS[plan.repair].reading}: seconds to minutes for the demo model, "
        "longer for a larger one."
    )
