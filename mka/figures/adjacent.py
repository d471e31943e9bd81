"""The strip of neighbouring layers: how alike each layer is to the next one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from mka.figures.theme import VERMILION, Theme, styled
from mka.objects.plan import MergeGroup
from mka.objects.similarity import Similarity

NAMED_PAIRS = 16
"""So many names fit under the bars side by side; of a deeper model, some stay unnamed."""


def adjacent_strip(
    similarity: Similarity,
    theme: Theme,
    *,
    groups: Sequence[MergeGroup] = (),
    candidates: Sequence[tuple[int, ...]] = (),
) -> go.Figure:
    """One bar per pair (l, l+1); pairs inside a planned group are vermilion, those inside a candidate hatched."""
    values = similarity.adjacent
    planned = {(a, b) for group in groups for a, b in pairwise(group.layers) if b == a + 1}
    proposed = {(a, b) for layers in candidates for a, b in pairwise(layers) if b == a + 1}
    pairs = [(layer, layer + 1) for layer in range(len(values))]
    figure = go.Figure(
        go.Bar(
            x=[f"{a}·{b}" for a, b in pairs],
            y=values,
            ids=[f"{a}-{b}" for a, b in pairs],
            marker={
                "color": [VERMILION if pair in planned else theme.accent for pair in pairs],
                "pattern": {
                    "shape": ["/" if pair in proposed else "" for pair in pairs],
                    "fgcolor": theme.page,
                },
            },
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            hovertemplate="layers %{x}: %{y:.3f}<br>click to propose this pair<extra></extra>",
        )
    )
    styled(figure, theme, height=210)
    named = list(range(0, len(pairs), 1 + len(pairs) // NAMED_PAIRS))
    figure.update_xaxes(
        type="category",
        title={"text": "layer · next layer", "standoff": 8},
        tickvals=named,
        tickangle=0,
        fixedrange=True,
        showgrid=False,
    )
    figure.update_yaxes(title=None, range=_range(values), fixedrange=True)
    figure.update_layout(
        bargap=0.25, clickmode="event+select", dragmode=False, showlegend=False, margin={"l": 44, "t": 8}
    )
    return figure


def _range(values: np.ndarray) -> list[float]:
    """Bars start at 0, whatever their size; a little air above."""
    finite = values[np.isfinite(values)]
    high = float(finite.max(initial=0.0))
    low = float(finite.min(initial=0.0))
    return [min(0.0, low * 1.1), high * 1.1 if high > 0 else 1.0]
