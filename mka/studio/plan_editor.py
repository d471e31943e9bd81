"""One planned group on the Plan page: its layers, weights and a way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import streamlit as st

from mka.objects.plan import MergeGroup
from mka.studio import session
from mka.studio.naming import named

METHOD_WORDS = {"average": "become one", "drop": "are dropped", "keep": "become one of them"}
COLUMNS = 4
Item = TypeVar("Item")


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
    keys = [f"weight-{group.layers}-{place}-{weight:.6f}" for place, weight in enumerate(group.weights)]

    def set_weights() -> None:
        typed = [float(st.session_state[key]) for key in keys]
        session.act(lambda now: now.set_weights(index, typed))

    with st.form(f"weights-{index}", border=False):
        for row in batched(zip(group.layers, group.weights, keys, strict=True), COLUMNS):
            for cell, (layer, weight, key) in zip(st.columns(COLUMNS), row, strict=False):
                cell.number_input(f"Layer {layer}", 0.0, 1.0, weight, 0.05, "%.3f", key=key)
        st.form_submit_button("Set weights", help="They are scaled to sum to 1.", on_click=set_weights)


def batched(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """Tuples of `size` items, the last one shorter; itertools has it from Python 3.12 on."""
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch
