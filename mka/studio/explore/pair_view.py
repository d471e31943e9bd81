"""Beside the heatmap: how the two layers of the selected pair arrange the same points."""

from __future__ import annotations

import streamlit as st

from mka.figures import takeaways
from mka.figures.manifold import flattened
from mka.figures.pair import pair
from mka.figures.words import measure_title
from mka.objects.similarity import Similarity
from mka.studio.explore import map_colour, map_view, point_search
from mka.studio.parts import widgets
from mka.studio.selection.state import StudioState
from mka.studio.visits import session
from mka.studio.visits.desk import Desk

ROWS = 4
"""So many found texts at once, as there is little room."""


def show(desk: Desk, state: StudioState) -> None:
    """The maps of both ends of the selection, with the points that are followed marked in both."""
    if not desk.embeddings:
        st.caption("Here the maps of two layers stand side by side, once this model has a manifold embedding.")
        st.page_link("pages/model.py", label="Analyze it", icon=":material/deployed_code:")
        return
    with st.container(horizontal=True):
        embedding = flattened(map_view.choose_map(desk.embeddings))
        kind = map_colour.choose_colour(embedding)
    similarity = session.similarity()
    shown = map_view.shown_layers(state, embedding.layers, similarity)
    st.caption(shown_words(state, shown, similarity))
    picture = st.container()
    point_search.list_followed(embedding)
    found = point_search.find(embedding, rows=ROWS)
    paint = map_colour.painted(embedding, kind, shown, point_search.clear(embedding, found))
    takeaway = takeaways.of_manifold(embedding, shown, dots=desk.dots, colour=kind)
    figure = pair(embedding, shown, paint, session.theme(), followed=point_search.followed(embedding))
    with picture:
        widgets.chart(figure, "pair", takeaway, point_search.clicked(embedding))
        st.text(takeaway)
        widgets.take_away(figure, map_view.file_name(embedding, shown), lambda: map_view.as_csv(embedding, shown))


def shown_words(state: StudioState, shown: tuple[int, ...], similarity: Similarity | None) -> str:
    """Which layers are shown and why those, and how to see others; similarity: of the measure that is shown."""
    layers = " and ".join(map(str, shown))
    if len(state.selected) > 1:
        return f"Layers {layers}, the ends of what is selected; axes have no unit."
    if state.selected:
        return f"Layer {state.selected[0]} and the one beside it. Select a second layer to see both ends of the block."
    if similarity is not None and shown == similarity.most_alike:
        layers += f", the neighbours most alike by {measure_title(similarity.measure)}"
    return f"Layers {layers}. Select two layers to see them here."
