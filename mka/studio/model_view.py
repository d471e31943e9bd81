"""A model on the screen: its layers as a picture, its parts as figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from mka.figures import takeaways
from mka.figures.layer_strip import layer_strip, type_name
from mka.objects.model_summary import ModelSummary
from mka.objects.sizes import bytes_text
from mka.studio import session, widgets
from mka.studio.memory import count_text


def describe(summary: ModelSummary) -> None:
    """The layers as a picture, the figures as tables."""
    takeaway = takeaways.of_model(summary)
    widgets.chart(layer_strip(summary, session.theme()), "layers", takeaway)
    st.text(takeaway)
    widgets.figures(
        [
            ("Decoder layers", str(summary.layers), None),
            ("Parameters", count_text(summary.parameters), None),
            ("Weights", bytes_text(summary.bytes), None),
            ("Cache per token", bytes_text(summary.cache_bytes_per_token), None),
        ]
    )


def details(summary: ModelSummary) -> None:
    """Every part, and every layer."""
    parts, layers = st.columns(2, gap="large")
    rows = part_rows(summary)
    with parts:
        st.subheader("Parts", anchor=False)
        st.dataframe(
            {"Part": [name for name, _ in rows], "Value": [value for _, value in rows]},
            hide_index=True,
            width="stretch",
        )
    with layers:
        st.subheader("Layers", anchor=False)
        table = layer_table(summary)
        shape = {"Parameters": st.column_config.NumberColumn(format="localized")}
        st.dataframe(table, hide_index=True, width="stretch", height=300, column_config=shape)
        st.caption("Layers of one kind have tensors of the same names and shapes: only they can be averaged.")
        widgets.download(
            "Layers (CSV)", lambda: widgets.csv_text(list(table), zip(*table.values(), strict=True)), "layers.csv"
        )


def part_rows(summary: ModelSummary) -> list[tuple[str, str]]:
    """What the parts table says."""
    in_layers = sum(layer.parameters for layer in summary.per_layer)
    return [
        ("Architecture", summary.architecture),
        ("Hidden size", f"{summary.hidden_size:,}"),
        ("Vocabulary", f"{summary.vocabulary:,}"),
        ("Context", f"{summary.context:,} tokens"),
        ("Type of the weights", summary.dtype),
        ("Embedding parameters", f"{summary.embedding_parameters:,}"),
        ("Layer parameters", f"{in_layers:,}"),
        ("Head parameters", "shared with the embedding" if summary.tied_embeddings else f"{summary.head_parameters:,}"),
        ("Fingerprint", summary.fingerprint),
    ]


def layer_table(summary: ModelSummary) -> Mapping[str, Sequence[int | str]]:
    """One row per layer, by column."""
    return {
        "Layer": [layer.index for layer in summary.per_layer],
        "Type": [type_name(layer.type) for layer in summary.per_layer],
        "Parameters": [layer.parameters for layer in summary.per_layer],
        "Weights": [bytes_text(layer.bytes) for layer in summary.per_layer],
        "Kind": [layer.shape_class + 1 for layer in summary.per_layer],
    }


def cost_of_reading(summary: ModelSummary, texts: int) -> str:
    """What an analysis costs before it runs: a forward pass takes two operations per parameter and token."""
    each = count_text(2 * summary.parameters)
    return f"Cost: one forward pass over at most {texts} texts, about {each} operations a token."
