"""A model on the screen: its layers as a picture, what stands in a block of it, its parts and facts as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from mka.figures import takeaways, words
from mka.figures.layer_strip import blocks_beside, kind_names, layer_block, layer_strip
from mka.objects.model_summary import EMBEDDING, HEAD, NORMS, ModelSummary, PartSummary, TensorSummary
from mka.studio.jobs.memory import count_text
from mka.studio.parts import widgets
from mka.studio.parts.chart import Mark
from mka.studio.visits import session
from mka.studio.visits.desk import Desk

BLOCK = "block"
"""Under this name the visit keeps which block is looked into."""
OUTSIDE = {"Embedding": EMBEDDING, "Final norm": NORMS, "Head": HEAD}
"""Which part a block beside the layers shows."""
EMPTY_TENSORS = "This description, which an earlier version wrote, does not list tensors: open the model to see them."
TIED = "The head has no weights of its own: it is the embedding, read the other way."


def describe(summary: ModelSummary) -> None:
    """The layers as a picture, the figures as boxes."""
    takeaway = takeaways.of_model(summary)
    figure = layer_strip(summary, session.theme(), chosen_block(summary))
    widgets.chart(figure, "layers", takeaway, on_click=_choose)
    st.text(takeaway)
    widgets.take_away(figure, "layers", lambda: layers_csv(summary))
    widgets.figures(
        [
            ("Decoder layers", str(summary.layers), None),
            ("Parameters", count_text(summary.parameters), None),
            ("Weights", words.size(summary.bytes), None),
            ("Cache per token", words.size(summary.cache_bytes_per_token), None),
        ]
    )


def parts_and_tensors(summary: ModelSummary) -> None:
    """What the model weighs by part, beside what stands in the block that is chosen."""
    parts, block = st.columns(2, gap="large")
    with parts:
        st.subheader("Parameters by part", anchor=False)
        columns = {
            "Parameters": st.column_config.NumberColumn(format="localized"),
            "Share": st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100),
        }
        st.dataframe(part_table(summary), hide_index=True, width="stretch", column_config=columns)
    with block:
        st.subheader("In one block", anchor=False)
        _tensors(summary)


def facts(summary: ModelSummary) -> None:
    """The rest of what is known, and every layer in a row of its own."""
    left, right = st.columns(2, gap="large")
    rows = fact_rows(summary)
    with left:
        st.subheader("Facts", anchor=False)
        st.dataframe(
            {"Fact": [name for name, _ in rows], "Value": [value for _, value in rows]},
            hide_index=True,
            width="stretch",
        )
    with right:
        st.subheader("Layers", anchor=False)
        shape = {
            "Layer": st.column_config.NumberColumn(width=60),
            "Parameters": st.column_config.NumberColumn(format="localized"),
        }
        height = widgets.table_height(summary.layers)
        st.dataframe(layer_table(summary), hide_index=True, width="stretch", height=height, column_config=shape)


def block_names(summary: ModelSummary) -> list[str]:
    """The blocks of the picture, from left to right."""
    before, *behind = [block.name for block in blocks_beside(summary)]
    return [before, *(layer_block(layer.index) for layer in summary.per_layer), *behind]


def chosen_block(summary: ModelSummary) -> str:
    """The block that was clicked or chosen last, else the first layer."""
    chosen = str(st.session_state.get(BLOCK, ""))
    return chosen if chosen in block_names(summary) else layer_block(0)


def _choose(mark: Mark) -> None:
    st.session_state[BLOCK] = str(mark["customdata"])


def _tensors(summary: ModelSummary) -> None:
    names = block_names(summary)
    chosen = st.selectbox(
        "Block",
        names,
        index=names.index(layer_block(0)),
        key=BLOCK,
        persist_state="session",
        help="Or click a block of the picture.",
    )
    tensors = tensors_in(summary, chosen)
    if tensors:
        shape = {"Parameters": st.column_config.NumberColumn(format="localized")}
        height = widgets.table_height(len(tensors))
        st.dataframe(tensor_table(tensors), hide_index=True, width="stretch", height=height, column_config=shape)
    else:
        st.text(TIED if chosen == "Head" and summary.tied_embeddings else EMPTY_TENSORS)


def tensors_in(summary: ModelSummary, block: str) -> tuple[TensorSummary, ...]:
    """The weights of a block, by part; none where the description does not list them."""
    if block in OUTSIDE:
        return tuple(tensor for tensor in summary.outside if tensor.part == OUTSIDE[block])
    layer = next(layer for layer in summary.per_layer if layer_block(layer.index) == block)
    if not summary.layer_tensors:
        return ()
    tensors = summary.layer_tensors[layer.shape_class]
    order = [part.name for part in summary.parts]
    return tuple(sorted(tensors, key=lambda tensor: order.index(tensor.part)))


def tensor_table(tensors: Sequence[TensorSummary]) -> Mapping[str, Sequence[int | str]]:
    """One row per weight, by column."""
    return {
        "Tensor": [tensor.name for tensor in tensors],
        "Shape": [" × ".join(map(str, tensor.shape)) for tensor in tensors],
        "Part": [tensor.part for tensor in tensors],
        "Parameters": [tensor.parameters for tensor in tensors],
    }


def part_table(summary: ModelSummary) -> Mapping[str, Sequence[int | float | str]]:
    """One row per part, by column; the share in percent. A head that is the embedding has a row and no weights."""
    rows = list(summary.parts or _coarse_parts(summary))
    names = [part.name for part in rows]
    if summary.tied_embeddings:
        rows.append(PartSummary(HEAD, 0, 0))
        names.append("head (tied)")
    return {
        "Part": names,
        "Share": [100 * part.parameters / max(1, summary.parameters) for part in rows],
        "Parameters": [part.parameters for part in rows],
    }


def _coarse_parts(summary: ModelSummary) -> tuple[PartSummary, ...]:
    """What a description of an earlier version tells."""
    in_layers = sum(layer.parameters for layer in summary.per_layer)
    item = summary.bytes / max(1, summary.parameters)
    sizes = {
        EMBEDDING: summary.embedding_parameters,
        "decoder layers": in_layers,
        HEAD: summary.head_parameters,
        "other": summary.other_parameters,
    }
    return tuple(PartSummary(name, size, round(size * item)) for name, size in sizes.items() if size)


def fact_rows(summary: ModelSummary) -> list[tuple[str, str]]:
    """What the table of facts says."""
    return [
        ("Architecture", summary.architecture),
        ("Layers at", summary.layer_path),
        ("Hidden size", f"{summary.hidden_size:,}"),
        ("Vocabulary", f"{summary.vocabulary:,}"),
        ("Context", f"{summary.context:,} tokens"),
        ("Type of the weights", summary.dtype),
        ("Head", "shared with the embedding" if summary.tied_embeddings else "weights of its own"),
        ("Fields per layer", ", ".join(summary.per_layer_fields) or "none"),
        ("Fingerprint", summary.fingerprint),
    ]


def layer_table(summary: ModelSummary) -> Mapping[str, Sequence[int | str]]:
    """One row per layer, by column."""
    return {
        "Layer": [layer.index for layer in summary.per_layer],
        "Kind": list(kind_names(summary)),
        "Parameters": [layer.parameters for layer in summary.per_layer],
        "Weights": [words.size(layer.bytes) for layer in summary.per_layer],
    }


def bundled_words(desk: Desk) -> str:
    """Of a description that came with the program: whether the model itself is in memory by now."""
    held = session.process().models.held
    loaded = held is not None and held.order == desk.order
    came = "This description and its analysis came with the program; the model itself is"
    return f"{came} loaded." if loaded else f"{came} not loaded yet."


def layers_csv(summary: ModelSummary) -> str:
    """One row per layer, its weights in bytes."""
    named = zip(kind_names(summary), summary.per_layer, strict=True)
    rows = ((layer.index, kind, layer.parameters, layer.bytes) for kind, layer in named)
    return widgets.csv_text(("layer", "kind", "parameters", "bytes"), rows)


def cost_of_reading(summary: ModelSummary, texts: int) -> str:
    """What an analysis costs before it runs: a forward pass takes two operations per parameter and token."""
    each = count_text(2 * summary.parameters)
    return f"Cost: one forward pass over at most {texts} texts, about {each} operations a token."
