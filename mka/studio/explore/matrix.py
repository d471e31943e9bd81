"""Around the similarity picture: where it stands, and its numbers as a table."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mka.figures.adjacent import adjacent_errors
from mka.figures.square import WIDE_FROM_LAYERS
from mka.objects.similarity import Similarity
from mka.studio.parts.columns import side_by_side_with_more
from mka.studio.parts.widgets import csv_text

PICTURE, SIDE = 480, 380
"""Pixels that the picture and what stands beside it need at least."""


def places(similarity: Similarity) -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Places for the picture, for what is done with it, and for the neighbours: the first two side by side, or one
    above the other where the page is narrow or a deep model's cells need the whole width to be hit."""
    if similarity.layers >= WIDE_FROM_LAYERS:
        return st.container(), st.container(), st.container()
    return side_by_side_with_more("explore", PICTURE, SIDE)


def as_csv(similarity: Similarity) -> str:
    """Row and column layers, then the values."""
    header = ["layer", *map(str, range(similarity.layers))]
    return csv_text(header, ([row, *map(float, values)] for row, values in enumerate(similarity.values)))


def neighbours_csv(similarity: Similarity) -> str:
    """One row per pair (l, l+1): value, and standard error and rank interval where they are known."""
    errors, known = adjacent_errors(similarity), similarity.uncertainty
    rows = []
    for layer, value in enumerate(similarity.adjacent):
        sure = [] if errors is None or known is None else [float(errors[layer]), *map(float, known.ranks[layer])]
        rows.append([layer, layer + 1, float(value), *sure])
    header = ["layer", "next layer", "value"]
    if known is not None:
        header += ["standard error", "rank from", "rank to"]
    return csv_text(header, rows)
