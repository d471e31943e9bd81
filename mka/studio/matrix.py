"""Around the similarity picture: where it stands, and its numbers as a table."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mka.figures.heatmap import WIDE_FROM_LAYERS
from mka.objects.similarity import Similarity
from mka.studio.widgets import csv_text


def places(similarity: Similarity) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Places for the picture and for what is done with it: side by side, or one above the other where a
    deep model's cells need the whole width to be hit."""
    if similarity.layers >= WIDE_FROM_LAYERS:
        return st.container(), st.container()
    picture, side = st.columns([5, 3], gap="large")
    return picture, side


def as_csv(similarity: Similarity) -> str:
    """Row and column layers, then the values."""
    header = ["layer", *map(str, range(similarity.layers))]
    return csv_text(header, ([row, *map(float, values)] for row, values in enumerate(similarity.values)))
