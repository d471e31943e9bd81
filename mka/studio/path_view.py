"""The layer map on the screen: which measure's, what a click on it means, its numbers as a table."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mka.figures.layer_path import LAYER, layer_path, mark_of
from mka.objects.layer_map import LayerMap
from mka.objects.plan import Provenance
from mka.studio.matrix import SIDE
from mka.studio.session import theme
from mka.studio.state import StudioState
from mka.studio.widgets import Mark, csv_text

PICTURE = 590
"""Pixels: what stands beside the picture goes below it where the page is narrower than both."""
METHOD_WORDS = {
    "mds": "placed so that distances on the map are the measure's own, as nearly as two dimensions allow",
    "umap": "placed so that near layers stay near; long distances mean little",
}


def how_drawn(layer_map: LayerMap) -> str:
    """What the picture is."""
    way = "The model's way through its layers, from the first, dark, to the last, bright"
    return f"{way}, {METHOD_WORDS[layer_map.method]}."


def places() -> tuple[DeltaGenerator, DeltaGenerator]:
    """For the picture and for what is done with it; one above the other where the page is narrow."""
    both = st.container(horizontal=True, gap="medium")
    return both.container(width=PICTURE), both.container(width=SIDE)


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
    given = mark["customdata"]
    kind, layer = mark_of(given if isinstance(given, str) else given[0])
    return state.pick_layer(layer, seen) if kind == LAYER else state.click_block(layer, layer + 1, seen)


def as_csv(layer_map: LayerMap) -> str:
    """One row per layer."""
    return csv_text(["layer", "x", "y"], ([n, *map(float, place)] for n, place in enumerate(layer_map.coordinates)))
