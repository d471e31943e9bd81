"""Around the manifold picture: what it shows, in which colours, how far to trust it, its numbers as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from mka.figures import takeaways, words
from mka.figures.colouring import Scale, loss_scale, place_scale, position_scale
from mka.figures.manifold import by_scale, by_subject, film, subjects_of
from mka.figures.spectrum import leading, spectrum
from mka.figures.takeaways import LOSS, PLACE, POSITION, SUBJECT
from mka.objects.embedding import Embedding
from mka.objects.methods import METHODS
from mka.studio import widgets
from mka.studio.session import theme
from mka.studio.widgets import csv_text

ONE, TWO, FILM = "One layer", "Two layers", "All, as a film"
PLAYED_POINTS = 2000
"""A film of more dots than this stutters."""


@dataclass(frozen=True)
class Colour:
    """What the dots' colours tell.

    kind:      one of takeaways.COLOURS
    highlight: the one subject that is not dimmed, None for all of them
    """

    kind: str
    highlight: str | None = None


def choose_map(embeddings: Mapping[str, Embedding]) -> Embedding:
    """Which method's map."""
    name = st.selectbox(
        "Map", list(embeddings), format_func=words.method_title, key="method", persist_state="session", width=190
    )
    return embeddings[str(name)]


def choose_dims(embedding: Embedding) -> Embedding:
    """Three dimensions or two, where the map has three: these are its first two axes."""
    if embedding.coordinates.shape[2] == 2:
        return embedding
    chosen = st.segmented_control(
        "Dimensions",
        [2, 3],
        default=3,
        required=True,
        key="dims",
        persist_state="session",
        help="Two: the first two of the map's three axes.",
    )
    return embedding if chosen == 3 else flattened(embedding)


def flattened(embedding: Embedding) -> Embedding:
    """The map's first two axes."""
    return replace(embedding, coordinates=embedding.coordinates[:, :, :2], unaligned=embedding.unaligned[:, :, :2])


def choose_view(embedding: Embedding) -> str:
    """ONE, TWO or FILM; a film only of what plotly can play well."""
    flat = embedding.coordinates.shape[2] == 2 and embedding.coordinates.shape[1] <= PLAYED_POINTS
    options = [ONE, TWO, FILM] if flat and embedding.layers > 1 else [ONE, TWO]
    return st.segmented_control("Layers", options, default=TWO, required=True, key="view", persist_state="session")


def choose_colour(embedding: Embedding) -> Colour:
    """One select box: what the colours tell, or one subject to highlight. Offers only what the points know."""
    subjects = subjects_of(embedding)
    options = {PLACE: Colour(PLACE)}
    if subjects:
        options = {SUBJECT: Colour(SUBJECT), **options}
    if loss_scale(embedding.points) is not None:
        options[LOSS] = Colour(LOSS)
    if position_scale(embedding.points) is not None:
        options[POSITION] = Colour(POSITION)
    options |= {f"only {subject}": Colour(SUBJECT, subject) for subject in subjects}
    chosen = st.selectbox("Colour by", list(options), key="colour", persist_state="session", width=220)
    return options[str(chosen)]


def draw(embedding: Embedding, layers: Sequence[int], colour: Colour) -> go.Figure:
    """The picture in the colours that were chosen; of no layer in particular, the film."""
    scale = _scale(embedding, layers, colour)
    if not layers:
        return film(embedding, theme(), scale=scale, highlight=colour.highlight)
    if scale is not None:
        return by_scale(embedding, layers, theme(), scale)
    return by_subject(embedding, layers, theme(), highlight=colour.highlight)


def _scale(embedding: Embedding, layers: Sequence[int], colour: Colour) -> Scale | None:
    """None where the colour is the subject."""
    scales: Mapping[str, Callable[[], Scale | None]] = {
        PLACE: lambda: place_scale(embedding, layers[0] if layers else 0),
        LOSS: lambda: loss_scale(embedding.points),
        POSITION: lambda: position_scale(embedding.points),
    }
    return scales[colour.kind]() if colour.kind in scales else None


def choose_layers(depth: int, candidates: Sequence[tuple[int, ...]], view: str) -> tuple[int, ...]:
    """The layers to show, none for a film; at first the ends of what is proposed, else the first and the last layer."""
    last = depth - 1
    if view == FILM:
        return ()
    if last == 0:
        return (0,)
    first, second = (candidates[0][0], candidates[0][-1]) if candidates else (0, last)
    left, right = st.columns(2, gap="large")
    layer = left.slider("Layer", 0, last, first, key=f"layer-{first}-{depth}", persist_state="session")
    if view == ONE:
        return (layer,)
    beside = right.slider("Second layer", 0, last, second, key=f"beside-{second}-{depth}", persist_state="session")
    if candidates:
        st.caption("At first: the ends of the proposed block. Move the sliders to look elsewhere.")
    return layer, beside


def how_drawn(embedding: Embedding) -> str:
    """What the map keeps, and how its frame is set."""
    kept = METHODS[embedding.method].sentence
    frame = (
        "The layers are aligned and drawn at the same size in one frame, so that a dot can be followed; axes have no "
        "unit."
        if embedding.aligned
        else "Every layer is drawn in a frame of its own; axes have no unit."
    )
    return f"{words.method_title(embedding.method)}: {kept}. {frame}"


def spectrum_panel(embedding: Embedding, layers: Sequence[int]) -> None:
    """The eigenvalues or variances of the map's axes; nothing where the method has none."""
    values = leading(embedding)
    if not values.shape[1]:
        return
    shown = tuple(dict.fromkeys(layers)) or (0, embedding.layers - 1)
    takeaway = takeaways.of_spectrum(embedding, shown)
    st.subheader("Spectrum", anchor=False)
    widgets.explained("How much each axis of the map holds; thin lines are the other layers.", "manifolds")
    widgets.chart(spectrum(embedding, shown, theme()), "spectrum", takeaway)
    st.text(takeaway)
    widgets.download("Spectrum (CSV)", lambda: spectrum_csv(embedding), f"spectrum-{embedding.method}.csv")


def quality(embedding: Embedding, layers: Sequence[int]) -> None:
    """The figures that say how far the picture can be trusted, layer by layer."""
    if not embedding.quality:
        return
    st.subheader("How far to trust the picture", anchor=False)
    for name, values in embedding.quality.items():
        figures = _at_layers(values, layers)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text(f"{words.quality_title(name)}: {figures}")
            st.caption(words.quality_sentence(name), width="content")


def _at_layers(values: Sequence[float], layers: Sequence[int]) -> str:
    """The figure of each of `layers`, or of the worst and the best of all, where none is chosen."""
    if not layers:
        layers = (int(np.nanargmin(values)), int(np.nanargmax(values)))
        return f"from {values[layers[0]]:.3f} (layer {layers[0]}) to {values[layers[1]]:.3f} (layer {layers[1]})"
    return ", ".join(f"layer {layer}: {values[layer]:.3f}" for layer in layers)


def as_csv(embedding: Embedding, layers: Sequence[int]) -> str:
    """One row per layer and point: what the point is, then its coordinates."""
    count, dims = embedding.coordinates.shape[1:]
    known: Sequence[Sequence[object]] = [
        (point.subject, point.text, point.token, point.position, "" if point.loss is None else point.loss)
        for point in embedding.points
    ] or [("",) * 5] * count
    rows = (
        [layer, number, *known[number], *map(float, place)]
        for layer in layers or range(embedding.layers)
        for number, place in enumerate(embedding.coordinates[layer])
    )
    header = ["layer", "point", "subject", "text", "token", "position", "loss", *"xyz"[:dims]]
    return csv_text(header, rows)


def spectrum_csv(embedding: Embedding) -> str:
    """One row per layer, a column per axis."""
    values = leading(embedding)
    header = ["layer", *(f"axis {axis + 1}" for axis in range(values.shape[1]))]
    return csv_text(header, ([layer, *map(float, row)] for layer, row in enumerate(values)))


def file_name(embedding: Embedding, layers: Sequence[int]) -> str:
    return f"manifold-{embedding.method}-{'-'.join(map(str, layers)) or 'all'}"
