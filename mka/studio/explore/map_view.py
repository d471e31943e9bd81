"""Around the manifold picture: what it shows, in which colours, how far to trust it, its numbers as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mka.figures import takeaways, words
from mka.figures.colouring import Paint
from mka.figures.film import PLAYED_POINTS, film
from mka.figures.manifold import flattened, side_by_side
from mka.figures.spectrum import leading, spectrum
from mka.figures.trajectory import Followed
from mka.objects.embedding import Embedding
from mka.objects.methods import METHODS
from mka.objects.plan import Provenance
from mka.objects.similarity import Similarity
from mka.studio.parts import columns, widgets
from mka.studio.parts.widgets import csv_text
from mka.studio.selection.ends import ends
from mka.studio.selection.state import StudioState
from mka.studio.visits import session
from mka.studio.visits.session import theme

FILM, TWO = "All, as a film", "Two layers"
PICTURE, SIDE = 500, 280
"""Pixels that the picture and what stands beside it need at least."""


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


def places() -> tuple[DeltaGenerator, DeltaGenerator]:
    """For the picture and for the points that are followed."""
    return columns.side_by_side("map", PICTURE, SIDE)


def choose_view(embedding: Embedding, state: StudioState) -> str:
    """FILM or TWO, at first TWO where layers are selected; a model of one layer has no film."""
    if embedding.layers == 1:
        return TWO
    first = TWO if state.selected else FILM
    return st.segmented_control(
        "Layers", [FILM, TWO], default=first, required=True, key="view", persist_state="session"
    )


def choose_layers(embedding: Embedding, state: StudioState, view: str) -> tuple[int, ...]:
    """The layers to show, none for a film; at first those of `shown_layers`."""
    if view == FILM:
        return ()
    chosen = shown_layers(state, embedding.layers, session.similarity())
    if len(chosen) == 1:
        return chosen
    last = embedding.layers - 1
    places = st.columns(2, gap="large")
    return tuple(
        place.slider(label, 0, last, layer, key=f"{label}-{layer}-{last}", persist_state="session")
        for place, label, layer in zip(places, ("Layer", "Second layer"), chosen, strict=True)
    )


def shown_layers(state: StudioState, depth: int, similarity: Similarity | None) -> tuple[int, ...]:
    """The ends of what is selected; where nothing is, the neighbours most alike by the measure that is shown, and
    without one those in the middle. A model of one layer has only that."""
    if depth == 1:
        return (0,)
    alike = similarity.most_alike if similarity is not None else None
    return ends(state) or alike or (depth // 2 - 1, depth // 2)


def first_layer(state: StudioState, depth: int) -> int:
    """Where a film begins: at what is selected, else in the middle, as the first layers arrange little yet."""
    chosen = ends(state)
    return depth // 2 if chosen is None else chosen[0]


def propose_between(embedding: Embedding, layers: Sequence[int]) -> None:
    """A button that selects the block between the two layers that are shown; none where there are no two."""
    if len(layers) < 2:
        return
    first, last = min(layers), max(layers)

    def propose() -> None:
        # Unlike a click, pressing the button twice must not add.
        session.act(lambda now: now.drop_candidate().click_block(first, last, seen(embedding)))

    st.button(
        f"Propose the block of layers {first}–{last}",
        key="propose-between",
        icon=":material/join_inner:",
        disabled=first == last,
        on_click=propose,
    )


def seen(embedding: Embedding) -> Provenance:
    """What a person has seen who chooses layers on this map: its texts, but no measure."""
    return Provenance(
        seed=embedding.seed,
        calibration_key=embedding.calibration_key or None,
        text_hashes=embedding.text_hashes,
    )


def draw(embedding: Embedding, layers: Sequence[int], paint: Paint, followed: Followed) -> go.Figure:
    """The picture of these layers; of no layer in particular, the film."""
    if not layers:
        first = first_layer(session.state(), embedding.layers)
        return film(embedding, paint, theme(), first=first, followed=followed)
    return side_by_side(embedding, layers, paint, theme(), followed=followed)


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


def chart_key(layers: Sequence[int]) -> str:
    """What the page calls the picture: plotly cannot turn a film's colour bar into one that lies below two panels."""
    return "manifold-pair" if layers else "manifold"


def picture_words(embedding: Embedding, layers: Sequence[int], followed: Followed) -> str:
    """What can be done with the picture, and what it leaves out."""
    count = embedding.coordinates.shape[1]
    said = ["Click a dot to follow it, and again to let it go."]
    if not layers:
        said.append("Play the film, move its slider, or select the picture and press the left and right keys.")
    if not layers and count > PLAYED_POINTS:
        said.append(f"A film shows {PLAYED_POINTS:,} of the {count:,} points, drawn at random once and for all.")
    if any(point is not None for point in followed):
        said.append(
            f"The line of a followed point is its way from layer 0 to layer {embedding.layers - 1}."
            if embedding.aligned
            else "The layers are not aligned, so that a followed point has no line."
        )
    return " ".join(said)


def spectrum_panel(embedding: Embedding, layers: Sequence[int]) -> None:
    """The eigenvalues or variances of the map's axes; nothing where the method has none."""
    values = leading(embedding)
    if not values.shape[1]:
        return
    shown = tuple(dict.fromkeys(layers)) or (0, embedding.layers - 1)
    takeaway = takeaways.of_spectrum(embedding, shown)
    st.subheader("Spectrum", anchor=False)
    widgets.explained("How much each axis of the map holds; thin lines are the other layers.", "manifolds")
    figure = spectrum(embedding, shown, theme())
    widgets.chart(figure, "spectrum", takeaway)
    st.text(takeaway)
    widgets.take_away(figure, f"spectrum-{embedding.method}", lambda: spectrum_csv(embedding))


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
