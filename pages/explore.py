"""Explore: which layers repeat each other, and how a pair of them arranges the texts; touch a picture to propose."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways
from mka.studio.explore import block_panel, comparing, layer_list, matrix, pair_view
from mka.studio.explore import similarity_view as view
from mka.studio.export.commands import analyze_lines, compare_lines
from mka.studio.parts import widgets
from mka.studio.plan import proposals, ruler_view
from mka.studio.visits import session

session.guard("pages/explore.py")
desk = session.desk()
st.title("Which layers repeat each other?", anchor=False)
if desk is None:
    widgets.nothing_open()
    st.stop()
if not desk.similarities:
    widgets.nothing_analyzed("similarity")
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    similarity = desk.similarities[widgets.shown_measure(desk.similarities)]
    choice = comparing.ask(desk, similarity.measure)
    full = st.toggle(
        "Full colour range",
        key="full-range",
        persist_state="session",
        help="Colours over all values, instead of leaving out the 2 % at the far end.",
    )
side = comparing.other_side(desk, similarity, choice)
state = session.state()
seen = proposals.seen(similarity, None if side is None else side.similarity)

widgets.warn_of_split(desk.split)
with st.container(horizontal=True, vertical_alignment="top", wrap=False):
    if side is None:
        st.text(takeaways.of_cells(similarity, desk.points, desk.summary.source), width="stretch")
    else:
        st.text(takeaways.of_difference_cells(side.difference), width="stretch")
    widgets.guide_link("measures")
picture, beside, below = matrix.places(similarity)
with picture:
    if side is None:
        view.alone(similarity, seen, full=full)
    else:
        view.difference(side, seen, full=full)
with beside:
    st.subheader("Selection", anchor=False)
    st.caption("Click a cell, or drag over several: the layers it spans become one block. Click it again to add it.")
    block_panel.propose_block(seen)
    block_panel.selection_card()
    pair_view.show(desk, state)
with below:
    st.subheader("Neighbours", anchor=False)
    widgets.explained(view.strip_words(similarity, side), "measures")
    view.strip(similarity, side, seen)
if side is not None:
    view.side_by_side(similarity, side, full=full)
    view.offer_turn(desk, choice)

st.subheader("Plan", anchor=False)
ruler_view.ruler()
block_panel.plan_card()
st.subheader("Layers", anchor=False)
layer_list.layer_list(desk, similarity, seen, "layer-list")
out = session.out_folder()
widgets.command([*analyze_lines(desk, out), *compare_lines(desk, similarity.measure, choice, out)])
