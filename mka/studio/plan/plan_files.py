"""Plans leave as JSON and come from it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from mka.errors import MkaError
from mka.objects.plan import MergePlan
from mka.planning.files import plan_text
from mka.studio.parts import widgets
from mka.studio.plan import proposals
from mka.studio.selection.naming import sentence
from mka.studio.visits import session

PLAN = "plan.json"
"""What a plan's file is, as part of its name."""


def files(plan: MergePlan) -> None:
    """Take the plan away as a file, or bring one."""
    widgets.download("Plan as JSON", plan_text(plan), PLAN, disabled=not plan.groups)
    ask_file(
        "Open a plan file", "plan", lambda opened: session.act(lambda now: now.replace_plan(opened)), session.refuse
    )


def ask_file(label: str, name: str, take: Callable[[MergePlan], None], refuse: Callable[[str], None]) -> None:
    """A place for a plan file, empty again once one was read: `take` gets its plan, or `refuse` says why there is none.

    name: tells one such place of a page from another
    """
    count = f"{name}-files"
    key = f"{name}-file-{st.session_state.get(count, 0)}"

    def read() -> None:
        uploaded = st.session_state[key]
        st.session_state[count] = st.session_state.get(count, 0) + 1
        try:
            found = proposals.parse_plan(uploaded.getvalue() if uploaded else b"")
        except MkaError as error:
            refuse(sentence(str(error)))
        else:
            take(found)

    st.file_uploader(label, type="json", key=key, on_change=read)
