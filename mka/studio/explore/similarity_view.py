"""The Explore page's pictures: a measure alone, its difference from another side, and the strip of neighbours."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from mka.figures import certainty, takeaways
from mka.figures.adjacent import adjacent_strip
from mka.figures.difference import difference_map
from mka.figures.heatmap import colour_range, heatmap
from mka.objects.measures import MEASURES
from mka.objects.plan import Provenance
from mka.objects.similarity import Similarity
from mka.studio.explore import comparing, matrix
from mka.studio.explore.comparing import Choice, Side
from mka.studio.parts import widgets
from mka.studio.visits import session
from mka.studio.visits.desk import Desk

SMALL_SIDE = 380
"""Pixels of each of two heatmaps side by side."""
Gestures = tuple[Callable[[widgets.Mark], None], Callable[[widgets.Mark, widgets.Mark], None]]


def on_cells(seen: Provenance) -> Gestures:
    """What a click on a cell of a square and a drag over several mean. seen: what the person has before their eyes."""

    def click(mark: widgets.Mark) -> None:
        session.act(lambda now: now.click_cell(round(mark["y"]), round(mark["x"]), seen))

    def drag(first: widgets.Mark, last: widgets.Mark) -> None:
        session.act(lambda now: now.drag_range(round(first["x"]), round(last["x"]), seen))

    return click, drag


def on_pairs(seen: Provenance) -> Gestures:
    """The same on the strip, whose column l is the pair (l, l + 1)."""

    def click(mark: widgets.Mark) -> None:
        pair = round(mark["x"])
        session.act(lambda now: now.click_block(pair, pair + 1, seen))

    def drag(first: widgets.Mark, last: widgets.Mark) -> None:
        session.act(lambda now: now.drag_range(round(first["x"]), round(last["x"]) + 1, seen))

    return click, drag


def alone(similarity: Similarity, seen: Provenance, *, full: bool) -> None:
    """The heatmap of one measure, with what it says beneath."""
    state = session.state()
    takeaway = takeaways.of_similarity(similarity)
    figure = heatmap(
        similarity,
        session.theme(),
        groups=state.plan.groups,
        candidates=state.candidate_layers,
        limits=colour_range(similarity, full=full),
    )
    widgets.chart(figure, "heatmap", takeaway, *on_cells(seen))
    st.text(takeaway)
    if similarity.note:
        st.text(similarity.note)
    widgets.take_away(figure, f"similarity-{similarity.measure}", lambda: matrix.as_csv(similarity))


def difference(side: Side, seen: Provenance, *, full: bool) -> None:
    """The two sides subtracted, with what the colours say and how far the two agree."""
    state = session.state()
    takeaway = takeaways.of_difference(side.difference)
    figure = difference_map(
        side.difference,
        session.theme(),
        groups=state.plan.groups,
        candidates=state.candidate_layers,
        full_range=full,
    )
    widgets.chart(figure, "heatmap", takeaway, *on_cells(seen))
    st.text(takeaway)
    st.text(certainty.of_comparison(side.comparison))
    widgets.take_away(figure, f"difference-{'-'.join(side.comparison.measures)}", lambda: comparing.as_csv(side))


def side_by_side(similarity: Similarity, side: Side, *, full: bool) -> None:
    """The two heatmaps that were subtracted; of one measure, in the same colours."""
    shared = colour_range(similarity, side.similarity, full=full) if side.same_measure else None
    with st.container(horizontal=True, gap="medium"):
        for place, one in enumerate((similarity, side.similarity)):
            limits = shared or colour_range(one, full=full)
            picture = heatmap(one, session.theme(), limits=limits, title=side.titles[place], side=SMALL_SIDE)
            with st.container(width=SMALL_SIDE + 40):
                widgets.chart(picture, f"side-{place}", takeaways.of_similarity(one))


def offer_turn(desk: Desk, choice: Choice) -> None:
    """Where two texts are compared: a way to look at the other one."""
    if choice[0] != comparing.TEXTS:
        return
    st.button(
        "Put the other texts in front",
        icon=":material/swap_horiz:",
        help="Every page then shows the analysis on those texts; this one stays in the list.",
        on_click=lambda: session.put_on_desk(comparing.turn_round(desk, choice)),
    )


def strip_words(similarity: Similarity, side: Side | None) -> str:
    """What the strip shows, and what a click does."""
    told = (
        "How alike each layer is to the next one."
        if MEASURES[similarity.measure].higher_is_alike
        else "How far each layer is from the next one: a low bar means alike."
    )
    diamonds = " Diamonds: the same on the other texts." if side is not None and side.same_measure else ""
    return f"{told}{diamonds} Click a bar to propose the pair."


def strip(similarity: Similarity, side: Side | None, seen: Provenance) -> None:
    """The bars, with whiskers where the error is known, and how far their order can be trusted."""
    state = session.state()
    figure = adjacent_strip(
        similarity,
        session.theme(),
        groups=state.plan.groups,
        candidates=state.candidate_layers,
        beside=(side.names[1], side.similarity) if side is not None and side.same_measure else None,
    )
    widgets.chart(figure, "neighbours", takeaways.of_similarity(similarity), *on_pairs(seen))
    st.text(certainty.of_ranking(similarity))
    widgets.take_away(figure, f"neighbours-{similarity.measure}", lambda: matrix.neighbours_csv(similarity))
