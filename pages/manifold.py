"""Manifold: the calibration texts as each layer arranges them."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways, words
from mka.figures.manifold import subjects_of
from mka.studio import map_view, session, widgets
from mka.studio.commands import analyze_lines

session.guard("pages/manifold.py")
desk = session.desk()
st.title("How does a layer arrange the texts?", anchor=False)
if desk is None:
    widgets.nothing_open()
    st.stop()
if not desk.embeddings:
    widgets.nothing_analyzed("manifold embedding")
    st.stop()

names = list(desk.embeddings)
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
    name = st.radio(
        "Map",
        names,
        format_func=words.method_title,
        key="method",
        persist_state="session",
        horizontal=True,
        width="content",
    )
    compare = st.toggle("Compare two layers", value=True, key="compare", persist_state="session")
    embedding = desk.embeddings[name if name in desk.embeddings else names[0]]
    subjects = subjects_of(embedding)
    colour = map_view.choose_colour(subjects)
layers = map_view.choose_layers(embedding.layers, session.state().candidate_layers, compare=compare)
takeaway = takeaways.of_manifold(embedding, layers, coloured_by_subject=colour != map_view.BY_PLACE)
figure = map_view.draw(embedding, layers, colour)
widgets.chart(figure, "manifold", takeaway)
st.text(takeaway)
widgets.take_away(figure, map_view.file_name(embedding, layers), lambda: map_view.as_csv(embedding, layers))
map_view.quality(embedding, layers)
widgets.command(analyze_lines(desk, session.out_folder()))
