"""Similarity: which layers repeat each other; click a cell to propose a block."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways, words
from mka.figures.adjacent import adjacent_strip
from mka.figures.heatmap import heatmap
from mka.studio import block_panel, matrix, proposals, session, widgets
from mka.studio.commands import analyze_lines

session.guard("pages/similarity.py")
desk = session.desk()
st.title("Which layers repeat each other?", anchor=False)
if desk is None:
    widgets.nothing_open()
    st.stop()
if not desk.similarities:
    widgets.nothing_analyzed("similarity")
    st.stop()

names = list(desk.similarities)
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
    name = st.radio(
        "Measure",
        names,
        format_func=words.measure_title,
        key="measure",
        persist_state="session",
        horizontal=True,
        width="content",
    )
    full = st.toggle(
        "Full colour range",
        key="full-range",
        persist_state="session",
        help="Colours from the smallest value on, instead of the 2 % quantile.",
    )
similarity = desk.similarities[name if name in desk.similarities else names[0]]
state = session.state()
seen = proposals.seen(similarity)


def cell_clicked(x: float, y: float) -> None:
    """A cell of the heatmap: column x, row y."""
    session.act(lambda now: now.click_cell(round(y), round(x), seen))


def pair_clicked(x: float, _: float) -> None:
    """A bar of the strip, named "layer·next"."""
    first, second = str(x).split("·")
    session.act(lambda now: now.click_block(int(first), int(second), seen))


st.text(takeaways.of_cells(similarity, desk.texts, desk.summary.source))
picture, side = matrix.places(similarity)
with picture:
    takeaway = takeaways.of_similarity(similarity)
    figure = heatmap(
        similarity, session.theme(), groups=state.plan.groups, candidates=state.candidate_layers, full_range=full
    )
    widgets.chart(figure, "heatmap", takeaway, cell_clicked)
    st.text(takeaway)
    if similarity.note:
        st.text(similarity.note)
    widgets.take_away(figure, f"similarity-{similarity.measure}", lambda: matrix.as_csv(similarity))
with side:
    st.subheader("Propose a block", anchor=False)
    st.caption("Click a cell: the layers from its row to its column become one block. Click it again to add it.")
    block_panel.propose_block(seen)
    block_panel.candidate_card()
    block_panel.plan_card()

st.subheader("Neighbours", anchor=False)
told = (
    "How alike each layer is to the next one."
    if similarity.higher_is_alike
    else ("How far each layer is from the next one: a low bar means alike.")
)
st.caption(f"{told} Click a bar to propose the pair.")
strip = adjacent_strip(similarity, session.theme(), groups=state.plan.groups, candidates=state.candidate_layers)
widgets.chart(strip, "neighbours", takeaway, pair_clicked)
widgets.command(analyze_lines(desk, session.out_folder()))
