"""Explore: which layers repeat each other; touch a picture to propose a block."""

from __future__ import annotations

import streamlit as st

from mka.figures import certainty, takeaways
from mka.studio import block_panel, comparing, matrix, proposals, session, similarity_view, widgets
from mka.studio.commands import analyze_lines, compare_lines

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
    similarity = desk.similarities[widgets.choose_measure(desk.similarities, "measure")]
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
    st.text(takeaways.of_cells(similarity, desk.points, desk.summary.source), width="stretch")
    widgets.guide_link("measures")
picture, beside = matrix.places(similarity)
with picture:
    if side is None:
        similarity_view.alone(similarity, seen, full=full)
    else:
        similarity_view.difference(side, seen, full=full)
with beside:
    st.subheader("Propose a block", anchor=False)
    st.caption("Click a cell, or drag over several: the layers it spans become one block. Click it again to add it.")
    block_panel.propose_block(seen)
    block_panel.candidate_card()
    block_panel.plan_card()
if side is not None:
    similarity_view.side_by_side(similarity, side, full=full)
    similarity_view.offer_turn(desk, choice)

st.subheader("Neighbours", anchor=False)
widgets.explained(similarity_view.strip_words(similarity, side), "measures")
similarity_view.strip(similarity, side, seen)
st.text(certainty.of_ranking(similarity))
widgets.download("Neighbours (CSV)", lambda: matrix.neighbours_csv(similarity), f"neighbours-{similarity.measure}.csv")
out = session.out_folder()
widgets.command([*analyze_lines(desk, out), *compare_lines(desk, similarity.measure, choice, out)])
