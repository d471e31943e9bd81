"""Manifold: the calibration points as each layer arranges them, and the way of some of them through the layers."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways
from mka.studio.explore import block_panel, map_colour, map_view, point_search
from mka.studio.export.commands import analyze_lines
from mka.studio.parts import widgets
from mka.studio.visits import session

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
    view = map_view.choose_view(embedding, session.state())
    colour = map_colour.choose_colour(embedding)
    subject = map_colour.choose_subject(embedding)
widgets.warn_of_split(desk.split)
widgets.explained(map_view.how_drawn(embedding), "manifolds")
picture, beside = map_view.places()
with beside:
    st.subheader("Followed points", anchor=False)
    point_search.list_followed(embedding)
    found = point_search.find(embedding, rows=50)
with picture:
    layers = map_view.choose_layers(embedding, session.state(), view)
    clear = point_search.clear(embedding, found, subject)
    paint = map_colour.painted(embedding, colour, layers, clear)
    takeaway = takeaways.of_manifold(embedding, layers, dots=desk.dots, colour=colour)
    figure = map_view.draw(embedding, layers, paint, point_search.followed(embedding))
    widgets.chart(figure, map_view.chart_key(layers), takeaway, point_search.clicked(embedding))
    st.text(takeaway)
    st.caption(map_view.picture_words(embedding, layers, point_search.followed(embedding)))
    widgets.take_away(figure, map_view.file_name(embedding, layers), lambda: map_view.as_csv(embedding, layers))
with beside:
    map_view.propose_between(embedding, layers)
    block_panel.selection_card()
map_view.spectrum_panel(whole, layers)
map_view.quality(whole, layers)
widgets.command(analyze_lines(desk, session.out_folder()))
