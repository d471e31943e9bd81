"""Similarity: which layers repeat each other; click a cell to propose a block."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways
from mka.figures.adjacent import adjacent_strip
from mka.figures.heatmap import heatmap
from mka.studio import session, widgets
from mka.studio.commands import analyze_command

session.guard("pages/similarity.py")
desk = session.desk()
st.title("Which layers repeat each other?")
if desk is None:
    widgets.nothing_open()
    st.stop()
if not desk.similarities:
    widgets.nothing_analyzed("similarity")
    st.stop()

names = list(desk.similarities)
bar, switch = st.columns([3, 1], vertical_alignment="bottom")
name = bar.segmented_control("Measure", names, default=names[0], required=True, key="measure", persist_state="session")
full = switch.toggle("Full colour range", key="full-range", help="From the smallest value instead of the 2 % quantile.")
similarity = desk.similarities[name if name in desk.similarities else names[0]]
state = session.state()


def cell_clicked(x: float, y: float) -> None:
    """A cell of the heatmap: column x, row y."""
    session.act(lambda now: now.click_cell(round(y), round(x)))


def pair_clicked(x: float | str, _: float) -> None:
    """A bar of the strip, named "layer·next"."""
    first = int(str(x).split("·")[0])
    session.act(lambda now: now.click_block(first, first + 1))


picture, side = st.columns([5, 3], gap="large")
with picture:
    takeaway = takeaways.of_similarity(similarity)
    figure = heatmap(
        similarity, session.theme(), groups=state.plan.groups, candidates=state.candidate_layers, full_range=full
    )
    widgets.chart(figure, "heatmap", takeaway, cell_clicked)
    widgets.sentence(takeaway)
    if similarity.note:
        st.caption(widgets.plain(similarity.note))
    widgets.download_csv(
        "Matrix as CSV",
        widgets.csv_text(
            ["layer", *map(str, range(similarity.layers))],
            ([row, *map(float, values)] for row, values in enumerate(similarity.values)),
        ),
        f"similarity-{similarity.measure}.csv",
    )
with side:
    st.subheader("Choose a block")
    st.caption("Click a cell: the layers between its row and its column become one block. Click it again to add it.")
    widgets.candidate_actions("similarity")
    st.subheader("Neighbours")
    strip = adjacent_strip(similarity, session.theme(), groups=state.plan.groups, candidates=state.candidate_layers)
    widgets.chart(strip, "neighbours", takeaway, pair_clicked)

widgets.command(*analyze_command(desk, names))
