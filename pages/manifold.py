"""Manifold: the calibration points as each layer arranges them."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways
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

with st.container(horizontal=True, vertical_alignment="top"):
    whole = map_view.choose_map(desk.embeddings)
    embedding = map_view.choose_dims(whole)
    view = map_view.choose_view(embedding)
    colour = map_view.choose_colour(embedding)
widgets.warn_of_split(desk.split)
widgets.explained(map_view.how_drawn(embedding), "manifolds")
layers = map_view.choose_layers(embedding.layers, session.state().candidate_layers, view)
takeaway = takeaways.of_manifold(embedding, layers, dots=desk.dots, colour=colour.kind)
figure = map_view.draw(embedding, layers, colour)
widgets.chart(figure, "manifold", takeaway)
st.text(takeaway)
widgets.take_away(figure, map_view.file_name(embedding, layers), lambda: map_view.as_csv(embedding, layers))
map_view.spectrum_panel(whole, layers)
map_view.quality(whole, layers)
widgets.command(analyze_lines(desk, session.out_folder()))
