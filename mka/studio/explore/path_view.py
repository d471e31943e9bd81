"""The layer map on the screen: which measure's, what a click on it means, its numbers as a table."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mka.figures.layer_path import LAYER, layer_path, mark_of
from mka.figures.words import measure_title
from mka.objects.layer_map import LayerMap
from mka.objects.plan import Provenance
from mka.objects.similarity import Similarity
from mka.studio.parts import columns
from mka.studio.parts.widgets import Mark, csv_text
from mka.studio.selection.state import StudioState
from mka.studio.visits import session
from mka.studio.visits.desk import Desk
from mka.studio.visits.session import theme

PICTURE, SIDE = 500, 280
"""Pixels that the picture and what stands beside it need at least."""
DRAWN_BY = {
    "mds": "placed so that distances on the map are the measure's own, as nearly as two dimensions allow",
    "umap": "placed so that near layers stay near; long distances mean little",
}


def how_drawn(layer_map: LayerMap) -> str:
    """What the picture is."""
    way = "The model's way through its layers, from the first, dark, to the last, bright"
    return f"{way}, {DRAWN_BY[layer_map.method]}."


def choose_map(desk: Desk) -> LayerMap:
    """By which measure; at first by the one that the Explore page shows, where it has a map."""
    names = list(desk.layer_maps)
    shown = session.measure()
    chosen = st.selectbox(
        "Measure",
        names,
        index=names.index(shown) if shown in names else 0,
        format_func=measure_title,
        key=f"map-measure-{shown}",
        persist_state="session",
        width=240,
    )
    return desk.layer_maps[str(chosen)]


def without_map(desk: Desk) -> list[str]:
    """A sentence per measure that has no map: why, and what to do where something can be done."""
    return [
        f"{measure_title(name)} has no map: {_why_none(similarity)}."
        for name, similarity in desk.similarities.items()
        if name not in desk.layer_maps
    ]


def _why_none(similarity: Similarity) -> str:
    missing = np.argwhere(np.triu(~np.isfinite(similarity.values), k=1))
    if not missing.size:
        return "it was computed before maps were drawn; analyze it again on the Model page"
    first, second = map(int, missing[0])
    pair = f"layers {first} and {second} have" if len(missing) == 1 else f"{len(missing)} pairs of layers have"
    return f"a map needs a distance for every pair, and {pair} no value; the heatmap shows the others"


def places() -> tuple[DeltaGenerator, DeltaGenerator]:
    """For the picture and for what is done with it."""
    return columns.side_by_side("path", PICTURE, SIDE)


def draw(layer_map: LayerMap, state: StudioState) -> go.Figure:
    return layer_path(
        layer_map,
        theme(),
        groups=state.plan.groups,
        candidates=state.candidate_layers,
        picked=state.picked,
    )


def transition(state: StudioState, mark: Mark, seen: Provenance) -> StudioState:
    """What a clicked mark does: a layer is one end of a block, a segment is a block of two."""
    kind, layer = mark_of(str(mark["customdata"]))
    return state.pick_layer(layer, seen) if kind == LAYER else state.click_block(layer, layer + 1, seen)


def as_csv(layer_map: LayerMap) -> str:
    """One row per layer."""
    return csv_text(["layer", "x", "y"], ([n, *map(float, place)] for n, place in enumerate(layer_map.coordinates)))
