"""Around the similarity picture: where it stands, and its numbers as a table."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mka.figures.heatmap import WIDE_FROM_LAYERS
from mka.objects.similarity import Similarity
from mka.studio.widgets import csv_text

PICTURE, SIDE = 540, 310
"""Pixels: what stands beside the picture goes below it where the page is narrower than both."""


def places(similarity: Similarity) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Places for the picture and for what is done with it: side by side, or one above the other where the page is
    narrow or a deep model's cells need the whole width to be hit."""
    if similarity.layers >= WIDE_FROM_LAYERS:
        return st.container(), st.container()
    both = st.container(horizontal=True, gap="medium")
    return both.container(width=PICTURE), both.container(width=SIDE)


def as_csv(similarity: Similarity) -> str:
    """Row and column layers, then the values."""
    header = ["layer", *map(str, range(similarity.layers))]
    return csv_text(header, ([row, *map(float, values)] for row, values in enumerate(similarity.values)))
