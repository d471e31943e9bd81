"""A merge receipt on the screen: what changed, tensor by tensor."""

from __future__ import annotations

import json

import streamlit as st

from mka.objects.jsonable import jsonable
from mka.objects.receipt import Receipt
from mka.studio import widgets
from mka.studio.memory import bytes_text


def receipt_view(receipt: Receipt) -> None:
    """Before and after, changed tensors, renumbered layers, hash."""
    cells = st.columns(4)
    cells[0].metric("Layers", f"{receipt.layers_before} → {receipt.layers_after}")
    cells[1].metric("Weights", f"{bytes_text(receipt.bytes_before)} → {bytes_text(receipt.bytes_after)}")
    cells[2].metric("Tensors changed", len(receipt.changes))
    cells[3].metric("Tensors shared", receipt.shared_tensors)
    renumbered = ", ".join(f"{old}→{new}" for old, new in receipt.renumbered) or "none"
    st.text(f"Layers renumbered: {renumbered}")
    for name, old, new in receipt.config_changes:
        st.text(f"config {name}: {old} → {new}")
    st.text(f"Hash of the changed tensors: {receipt.hash}")
    header = ("Tensor", "Made from", "Weights", "Relative change")
    rows = [
        (c.name, ", ".join(c.sources), ", ".join(f"{w:.3g}" for w in c.weights), round(c.relative_change, 6))
        for c in receipt.changes
    ]
    if rows:
        table = {head: [row[i] for row in rows] for i, head in enumerate(header)}
        st.dataframe(table, hide_index=True, width="stretch", height=260)
    widgets.download_csv("Tensors as CSV", widgets.csv_text(header, rows), f"receipt-{receipt.plan_key}.csv")
    st.download_button(
        "Receipt as JSON",
        json.dumps(jsonable(receipt), indent=2) + "\n",
        file_name="mka-receipt.json",
        mime="application/json",
        on_click="ignore",
        icon=":material/download:",
        key=f"receipt-{receipt.plan_key}",
    )
