"""Model: open one, see what it is made of, analyze it."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways
from mka.figures.layer_strip import layer_strip, type_name
from mka.objects.model_summary import ModelSummary
from mka.studio import session, widgets, work
from mka.studio.commands import inspect_command
from mka.studio.desk import Desk
from mka.studio.memory import bytes_text, count_text, free_bytes

MEASURES = ("npib", "npib-code", "cosine", "block-influence")
EMBEDDINGS = ("diffusion", "pca", "umap")


def describe(summary: ModelSummary) -> None:
    """The layers as a picture, the figures as a table."""
    takeaway = takeaways.of_model(summary)
    widgets.chart(layer_strip(summary, session.theme()), "layers", takeaway)
    widgets.sentence(takeaway)
    cells = st.columns(4)
    cells[0].metric("Decoder layers", summary.layers, border=True)
    cells[1].metric("Parameters", count_text(summary.parameters), border=True)
    cells[2].metric("Weights", bytes_text(summary.bytes), border=True)
    cells[3].metric("Cache per token", bytes_text(summary.cache_bytes_per_token), border=True)
    parts, layers = st.columns(2, gap="large")
    rows = part_rows(summary)
    parts.subheader("Parts")
    parts.dataframe({"Part": [r[0] for r in rows], "Value": [r[1] for r in rows]}, hide_index=True, width="stretch")
    layers.subheader("Layers")
    table = {
        "Layer": [layer.index for layer in summary.per_layer],
        "Type": [type_name(layer.type) for layer in summary.per_layer],
        "Parameters": [layer.parameters for layer in summary.per_layer],
        "Bytes": [layer.bytes for layer in summary.per_layer],
        "Shape class": [layer.shape_class for layer in summary.per_layer],
    }
    layers.dataframe(table, hide_index=True, width="stretch", height=260)
    layers.caption("Layers of one shape class can be averaged with each other.")
    with layers:
        text = widgets.csv_text(list(table), zip(*table.values(), strict=True))
        widgets.download_csv("Layers as CSV", text, "layers.csv")


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


def open_form() -> None:
    """Ask for a model, say what it needs, then load it."""
    st.subheader("Open a model")
    source = st.text_input(
        "Model",
        "demo",
        key="source",
        persist_state="session",
        help="demo, a folder with a Hugging Face checkpoint, or a hub id such as owner/name.",
    ).strip()
    check, load = st.columns(2)
    if check.button("What will it need?", width="stretch", disabled=not source):
        session.follow(session.process().queue.submit("estimate", f"Size of {source}", work.estimate(source)))
        st.rerun()
    if load.button("Open", type="primary", width="stretch", disabled=not source):
        session.follow(
            session.process().queue.submit("open", f"Opening {source}", work.open_model(session.process(), source))
        )
        st.rerun()
    st.caption(f"Free memory now: {bytes_text(free_bytes())}. Opening a model first releases the one before it.")


def analyze_form(desk: Desk) -> None:
    """Choose calibration and measures; nothing runs before the button."""
    st.subheader("Analyze it")
    with st.form("analyze"):
        calibration = st.text_input(
            "Calibration",
            "demo" if desk.calibration in ("", "demo") else desk.calibration,
            help="demo, or the path of a .txt, .jsonl or .csv file or of a folder in MMLU's layout.",
        ).strip()
        measures = st.multiselect("Similarity measures", MEASURES, ["npib", "cosine"])
        embeddings = st.multiselect("Manifold embeddings", EMBEDDINGS, ["diffusion"])
        limit = int(st.number_input("Texts at most", 2, 5000, 256))
        passes = count_text(2 * desk.summary.parameters)
        st.caption(
            f"Cost: one forward pass over at most {limit} texts, about {passes} operations a token, then the measures."
        )
        if st.form_submit_button("Analyze", type="primary", width="stretch") and (measures or embeddings):
            job = work.analyze(session.process(), desk.summary.source, calibration, measures, embeddings, limit)
            session.follow(session.process().queue.submit("analyze", f"Analyzing {desk.summary.source}", job))
            st.rerun()


session.guard("pages/model.py")
st.title("What is the model made of?")
desk = session.desk()
if desk is not None:
    st.markdown(f"**{widgets.plain(desk.summary.source)}** · {widgets.plain(desk.summary.architecture)}")
    if desk.bundled:
        st.caption("A bundled example, computed by this program on the demo model. Nothing was loaded yet.")
    describe(desk.summary)
else:
    st.info("Nothing is open yet. Open the demo model, a folder or a hub id below.")
left, right = st.columns(2, gap="large")
with left:
    open_form()
if desk is not None:
    with right:
        analyze_form(desk)
    widgets.command(*inspect_command(desk))
