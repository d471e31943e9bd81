"""One planned group on the Plan page: its layers, weights and a way out."""

from __future__ import annotations

import streamlit as st

from mka.objects.plan import MergeGroup
from mka.studio import session
from mka.studio.state import named

METHOD_WORDS = {"average": "become one", "drop": "are dropped", "keep": "become one of them"}
COLUMNS = 4


def group_editor(index: int, group: MergeGroup) -> None:
    """Draw group `index` with a weight per member."""
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            part = ", projections only" if group.tensors == "projections" else ""
            kept = f" (layer {group.layer})" if group.layer is not None else ""
            st.markdown(
                f"**Group {index + 1}** · layers {named(group.layers)} {METHOD_WORDS[group.method]}{kept}{part}",
                width="stretch",
            )
            st.button(
                "Remove",
                key=f"remove-{index}",
                type="tertiary",
                icon=":material/close:",
                on_click=session.act,
                args=(lambda now: now.remove_group(index),),
            )
        if group.method == "average":
            _weights(index, group)


def _weights(index: int, group: MergeGroup) -> None:
    """One number per member; what is typed is scaled to sum to 1."""
    with st.form(f"weights-{index}", border=False):
        typed = []
        for start in range(0, len(group.layers), COLUMNS):
            cells = st.columns(COLUMNS)
            for offset, cell in zip(range(start, min(start + COLUMNS, len(group.layers))), cells, strict=False):
                weight = group.weights[offset]
                key = f"weight-{group.layers}-{offset}-{weight:.6f}"
                typed.append(
                    cell.number_input(f"Layer {group.layers[offset]}", 0.0, 1.0, weight, 0.05, "%.3f", key=key)
                )
        if st.form_submit_button("Set weights", help="They are scaled to sum to 1."):
            session.act(lambda now: now.set_weights(index, typed))
            st.rerun()
