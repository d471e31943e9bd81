"""A merge receipt on the screen: what changed, tensor by tensor."""

from __future__ import annotations

import json

import streamlit as st

from mka.objects.jsonable import jsonable
from mka.objects.receipt import Receipt
from mka.objects.sizes import bytes_text
from mka.studio.parts import widgets

HEADER = ("Tensor", "Relative change", "Weights", "Made from")


def receipt_view(receipt: Receipt) -> None:
    """Before and after, changed tensors, renumbered layers, hash."""
    widgets.figures(
        [
            ("Layers", f"{receipt.layers_before} → {receipt.layers_after}", None),
            ("Weights", f"{_size(receipt.bytes_before)} → {_size(receipt.bytes_after)}", None),
            ("Tensors changed", str(len(receipt.changes)), None),
            ("Tensors shared", str(receipt.shared_tensors), None),
        ]
    )
    renumbered = ", ".join(f"{old}→{new}" for old, new in receipt.renumbered) or "none"
    facts = [f"Layers renumbered: {renumbered}"]
    facts += [f"Config {name}: {old} → {new}" for name, old, new in receipt.config_changes]
    facts += [f"Hash of the changed tensors: {receipt.hash}"]
    st.text("\n".join(facts))
    rows = [
        (c.name, f"{c.relative_change:.4g}", ", ".join(f"{w:.3g}" for w in c.weights), ", ".join(c.sources))
        for c in receipt.changes
    ]
    if rows:
        table = {head: [row[i] for row in rows] for i, head in enumerate(HEADER)}
        st.dataframe(table, hide_index=True, width="stretch", height=260)
    with st.container(horizontal=True):
        widgets.download("Tensors (CSV)", lambda: widgets.csv_text(HEADER, rows), f"receipt-{receipt.plan_key}.csv")
        text = json.dumps(jsonable(receipt), indent=2) + "\n"
        widgets.download("Receipt (JSON)", text, f"receipt-{receipt.plan_key}.json")


def _size(count: int) -> str:
    """Bytes with a space that no line breaks at."""
    return bytes_text(count).replace(" ", "\N{NO-BREAK SPACE}")
