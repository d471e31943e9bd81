"""Around the manifold picture: which layers it shows, how far to trust it, its numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from mka.figures import words
from mka.figures.manifold import by_place, by_subject
from mka.objects.embedding import Embedding
from mka.studio.session import theme
from mka.studio.widgets import csv_text

BY_PLACE, BY_SUBJECT = "place in the first layer", "subject"


def choose_colour(subjects: Sequence[str]) -> str:
    """What the dots' colours tell: BY_SUBJECT, BY_PLACE, or one subject to highlight. No choice without subjects."""
    if not subjects:
        return BY_PLACE
    options = [BY_SUBJECT, BY_PLACE, *(subject for subject in subjects if subject not in (BY_SUBJECT, BY_PLACE))]
    return str(st.selectbox("Colour by, or highlight", options, key="colour", width=240))


def draw(embedding: Embedding, layers: Sequence[int], colour: str) -> go.Figure:
    """The picture in the colours that were chosen."""
    if colour == BY_PLACE:
        return by_place(embedding, layers, theme())
    return by_subject(embedding, layers, theme(), highlight=None if colour == BY_SUBJECT else colour)


def choose_layers(depth: int, candidates: Sequence[tuple[int, ...]], *, compare: bool) -> tuple[int, ...]:
    """One or two layers to show; at first the ends of what is proposed, else the first and the last layer."""
    last = depth - 1
    if last == 0:
        return (0,)
    first, second = (candidates[0][0], candidates[0][-1]) if candidates else (0, last)
    left, right = st.columns(2, gap="large")
    layer = left.slider("Layer", 0, last, first, key=f"layer-{first}-{depth}", persist_state="session")
    if not compare:
        return (layer,)
    beside = right.slider("Second layer", 0, last, second, key=f"beside-{second}-{depth}", persist_state="session")
    if candidates:
        st.caption("At first: the ends of the proposed block. Move the sliders to look elsewhere.")
    return layer, beside


def quality(embedding: Embedding, layers: Sequence[int]) -> None:
    """The figures that say how far the picture can be trusted, layer by layer."""
    if not embedding.quality:
        return
    st.subheader("How far to trust the picture", anchor=False)
    for name, values in embedding.quality.items():
        figures = ", ".join(f"layer {layer}: {values[layer]:.3f}" for layer in layers)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text(f"{words.quality_title(name)}: {figures}")
            st.caption(words.QUALITIES[name].sentence, width="content")


def as_csv(embedding: Embedding, layers: Sequence[int]) -> str:
    """One row per layer and point."""
    known = [(point.subject, point.text) for point in embedding.points] or [("", "")] * embedding.coordinates.shape[1]
    rows = (
        [layer, number, *known[number], float(x), float(y)]
        for layer in layers
        for number, (x, y) in enumerate(embedding.coordinates[layer, :, :2])
    )
    return csv_text(["layer", "point", "subject", "text", "x", "y"], rows)


def file_name(embedding: Embedding, layers: Sequence[int]) -> str:
    return f"manifold-{embedding.method}-{'-'.join(map(str, layers))}"
