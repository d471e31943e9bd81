"""Manifold: the calibration texts as each layer arranges them."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways
from mka.figures.manifold import manifold
from mka.studio import session, widgets
from mka.studio.commands import analyze_command

session.guard("pages/manifold.py")
desk = session.desk()
st.title("How does a layer arrange the texts?")
if desk is None:
    widgets.nothing_open()
    st.stop()
if not desk.embeddings:
    widgets.nothing_analyzed("manifold embedding")
    st.stop()

names = list(desk.embeddings)
name = names[0]
if len(names) > 1:
    name = st.segmented_control("Method", names, default=names[0], required=True, key="method", persist_state="session")
embedding = desk.embeddings[name if name in desk.embeddings else names[0]]
last = embedding.layers - 1
block = session.state().candidate_layers[:1]
first_layer, second_layer = (block[0][0], block[0][-1]) if block else (0, min(1, last))

compare = st.toggle("Two layers side by side", value=True, key="compare", persist_state="session")
left, right = st.columns(2)
layer = left.slider("Layer", 0, max(1, last), first_layer, key=f"layer-{first_layer}", disabled=last == 0)
layers = (min(layer, last),)
if compare:
    other = right.slider("Beside it", 0, max(1, last), second_layer, key=f"beside-{second_layer}", disabled=last == 0)
    layers = (layers[0], min(other, last))
if block:
    st.caption("The two layers are the ends of the proposed block; move the sliders to look elsewhere.")

takeaway = takeaways.of_manifold(embedding, layers)
widgets.chart(manifold(embedding, layers, session.theme()), "manifold", takeaway)
widgets.sentence(takeaway)

if embedding.quality:
    st.subheader("How far to trust the picture")
    cells = st.columns(max(2, len(embedding.quality)))
    for cell, (quality, values) in zip(cells, embedding.quality.items(), strict=False):
        text = " · ".join(f"{values[i]:.3f}" for i in layers)
        cell.metric(widgets.plain(quality.replace("_", " ")), text, border=True, help=f"Layer {layers}")
points = embedding.points
widgets.download_csv(
    "Coordinates as CSV",
    widgets.csv_text(
        ["layer", "point", "subject", "text", "x", "y"],
        (
            [i, n, points[n].subject if points else "", points[n].text if points else "", *map(float, row[:2])]
            for i in layers
            for n, row in enumerate(embedding.coordinates[i])
        ),
    ),
    f"manifold-{embedding.method}-{'-'.join(map(str, layers))}.csv",
)
widgets.command(*analyze_command(desk, list(desk.similarities) or ["npib"]))
