"""Two layers in a small picture beside another one: the same points, in the same colours."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from mka.figures.colouring import Paint
from mka.figures.manifold import BELOW, side_by_side
from mka.figures.theme import Theme
from mka.figures.trajectory import Followed
from mka.objects.embedding import Embedding

PANEL = 300
"""Pixels, the height of a panel."""
DOT = 6
LEGEND_ROW = 22
NAMES_A_ROW = 4


def pair(
    embedding: Embedding, ends: Sequence[int], paint: Paint, theme: Theme, *, followed: Followed = ()
) -> go.Figure:
    """Draw the layers `ends` of a map of two dimensions side by side; what explains the colours stands below."""
    figure = side_by_side(embedding, ends, paint.sized(DOT), theme, followed=followed)
    names = {look.name for look in paint.looks} - {""}
    below = BELOW if paint.scale is not None else LEGEND_ROW * -(-len(names) // NAMES_A_ROW)
    figure.update_layout(height=PANEL + 28 + below, margin={"l": 2, "r": 2, "t": 28, "b": below}, dragmode=False)
    figure.update_layout(legend={"y": -0.01, "font": {"size": 12}})
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(fixedrange=True)
    return figure
