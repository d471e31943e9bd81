"""Layers: every layer as a point of a path; click two of them to propose the block between."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways
from mka.studio.explore import block_panel, layer_list, path_view
from mka.studio.export.commands import analyze_lines
from mka.studio.parts import widgets
from mka.studio.plan import proposals
from mka.studio.visits import session

session.guard("pages/layers.py")
desk = session.desk()
st.title("Which way do the layers go?", anchor=False)
if desk is None:
    widgets.nothing_open()
    st.stop()
if not desk.layer_maps:
    widgets.nothing_analyzed("layer map")
    st.stop()

layer_map = path_view.choose_map(desk)
similarity = desk.similarities[layer_map.measure]
seen = proposals.seen(similarity)


def clicked(mark: widgets.Mark) -> None:
    """A layer or a segment between neighbours."""
    session.act(lambda now: path_view.transition(now, mark, seen))


widgets.warn_of_split(desk.split)
widgets.explained(path_view.how_drawn(layer_map), "measures")
picture, beside = path_view.places()
with picture:
    takeaway = takeaways.of_layer_map(layer_map)
    figure = path_view.draw(layer_map, session.state())
    widgets.chart(figure, "path", takeaway, clicked)
    st.text(takeaway)
    st.text(takeaways.of_stress(layer_map))
    widgets.take_away(figure, f"layer-map-{layer_map.measure}", lambda: path_view.as_csv(layer_map))
    for sentence in path_view.without_map(desk):
        st.caption(sentence)
with beside:
    st.subheader("Selection", anchor=False)
    st.caption("Click two layers, or the small ring between two neighbours. Click the same again to add the block.")
    block_panel.propose_block(seen)
    block_panel.selection_card()
    st.subheader("Plan", anchor=False)
    block_panel.plan_card()
st.subheader("Layers", anchor=False)
layer_list.layer_list(desk, similarity, seen, "path-layers")
widgets.command(analyze_lines(desk, session.out_folder()))
