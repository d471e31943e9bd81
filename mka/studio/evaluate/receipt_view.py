"""A merge receipt on the screen: what changed, tensor by tensor."""

from __future__ import annotations

import json

import streamlit as st

from mka.figures import words
from mka.objects.jsonable import jsonable
from mka.objects.receipt import Receipt
from mka.objects.repairs import NONE, REPAIRS
from mka.objects.sizes import bytes_text
from mka.studio.parts import widgets
from mka.studio.selection.naming import sentence

HEADER = ("Tensor", "Relative change", "Weights", "Made from")
GIVEN = "Given by gone layers"


def receipt_view(receipt: Receipt) -> None:
    """What is doubtful first, then before and after, what was repaired, changed tensors, renumbered layers, hash."""
    for warning in receipt.warnings:
        widgets.message("doubtful", sentence(warning))
    widgets.figures(
        [
            ("Layers", f"{receipt.layers_before} → {receipt.layers_after}", None),
            ("Weights", f"{_size(receipt.bytes_before)} → {_size(receipt.bytes_after)}", None),
            ("Tensors changed", str(len(receipt.changes)), None),
            ("Tensors shared", str(receipt.shared_tensors), None),
        ]
    )
    if receipt.repair != NONE:
        st.text(repaired_words(receipt))
    renumbered = ", ".join(f"{old}→{new}" for old, new in receipt.renumbered) or "none"
    facts = [f"Layers renumbered: {renumbered}"]
    facts += [f"Config {name}: {old} → {new}" for name, old, new in receipt.config_changes]
    facts += [f"Hash of the changed tensors: {receipt.hash}"]
    st.text("\n".join(facts))
    header, rows = changed_tensors(receipt)
    if rows:
        table = {head: [row[i] for row in rows] for i, head in enumerate(header)}
        st.dataframe(table, hide_index=True, width="stretch", height=260)
    with st.container(horizontal=True):
        widgets.download("Tensors (CSV)", lambda: widgets.csv_text(header, rows), f"receipt-{receipt.plan_key}.csv")
        text = json.dumps(jsonable(receipt), indent=2) + "\n"
        widgets.download("Receipt (JSON)", text, f"receipt-{receipt.plan_key}.json")


def repaired_words(receipt: Receipt) -> str:
    """What the repair changed, and how much of the error it leaves."""
    if not receipt.repaired:
        return (
            f"Repair {receipt.repair}: nothing was changed: on texts held out, no strength of it was better than none."
        )
    shares = [one.left for one in receipt.repaired]
    left = " to ".join(dict.fromkeys((words.percent(min(shares)), words.percent(max(shares)))))
    tensors, layer = ("1 tensor was", "its layer") if len(shares) == 1 else (f"{len(shares)} tensors were", "a layer")
    return (
        f"Repair {receipt.repair}: {tensors} changed for it. Of the squared error behind {layer}, on texts held out, "
        f"{left} is left."
    )


def changed_tensors(receipt: Receipt) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row per changed tensor, under a header; what a repair did to it where there was one."""
    extra, mended = _repaired(receipt)
    rows = [
        (
            change.name,
            f"{change.relative_change:.4g}",
            *mended.get(change.name, ("",) * len(extra)),
            ", ".join(f"{weight:.3g}" for weight in change.weights),
            ", ".join(change.sources),
        )
        for change in receipt.changes
    ]
    return (*HEADER[:2], *extra, *HEADER[2:]), rows


def _repaired(receipt: Receipt) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """What a repair did to each tensor by its name, under a header; "5: 3, 6: 1" is three heads or neurons of layer 5
    and one of layer 6."""
    if not receipt.repaired:
        return (), {}
    header: tuple[str, ...] = ("Error left", REPAIRS[receipt.repair].strength.capitalize())
    cells: dict[str, tuple[str, ...]] = {
        one.name: (words.percent(one.left), f"{one.strength:.3g}") for one in receipt.repaired
    }
    if not any(one.given for one in receipt.repaired):
        return header, cells
    came = {one.name: ", ".join(f"{layer}: {count}" for layer, count in one.given) for one in receipt.repaired}
    return (*header, GIVEN), {name: (*told, came[name]) for name, told in cells.items()}


def _size(count: int) -> str:
    """Bytes with a space that no line breaks at."""
    return bytes_text(count).replace(" ", "\N{NO-BREAK SPACE}")
