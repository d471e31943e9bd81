"""The layer map: every layer as a point of a path from the first to the last."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from mka.figures.manifold import axis_range
from mka.figures.square import click_words
from mka.figures.theme import VERMILION, Theme, contrasting, group_colours, sampled, styled
from mka.objects.layer_map import LayerMap
from mka.objects.plan import MergeGroup

NUMBERED = 32
"""So many layers have room for a number inside their dot; of a deeper model, some stay without."""
LAYER, SEGMENT = "layer", "segment"


def mark_id(kind: str, layer: int) -> str:
    """The name of a clickable mark: a layer, or the segment from a layer to the next."""
    return f"{kind}-{layer}"


def mark_of(name: str) -> tuple[str, int]:
    """The (kind, layer) that `mark_id` named; ValueError for anything else."""
    kind, layer = name.split("-")
    return kind, int(layer)


def layer_path(
    layer_map: LayerMap,
    theme: Theme,
    *,
    groups: Sequence[MergeGroup] = (),
    candidates: Sequence[tuple[int, ...]] = (),
    picked: int | None = None,
) -> go.Figure:
    """Draw the path, coloured along the depth; planned groups are a band in their colour, candidates a dashed one.

    picked: a layer that was clicked as one end of a block. Layers and the middles of segments carry `mark_id`s.
    """
    points = layer_map.coordinates
    depth = len(points)
    figure = go.Figure()
    for group, colour in zip(groups, group_colours(len(groups)), strict=True):
        figure.add_trace(_band(points, group.layers, {"color": colour, "width": 16}, 0.65))
    for layers in candidates:
        figure.add_trace(_band(points, layers, {"color": theme.text, "width": 3, "dash": "dash"}, 1.0))
    figure.add_trace(
        go.Scatter(x=points[:, 0], y=points[:, 1], mode="lines", hoverinfo="skip",
                   line={"color": theme.muted, "width": 1.5})
    )  # fmt: skip
    if depth > 1:
        figure.add_trace(_segments(points, theme, groups, candidates))
    figure.add_trace(_layers(points, theme, picked))
    styled(figure, theme, height=560)
    bare = {
        "showticklabels": False,
        "zeroline": False,
        "fixedrange": True,
        "showgrid": False,
        "showline": True,
        "mirror": True,
    }
    figure.update_xaxes(range=axis_range(points[:, 0]), constrain="domain", **bare)
    # One unit is as long across as up: only distances mean something here.
    figure.update_yaxes(range=axis_range(points[:, 1]), scaleanchor="x", scaleratio=1, **bare)
    figure.update_layout(
        showlegend=False, hoverdistance=-1, dragmode=False,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
    )  # fmt: skip
    return figure


def _band(points: np.ndarray, layers: Sequence[int], line: dict[str, object], opacity: float) -> go.Scatter:
    """Along the path through `layers`, beside it where dashed, below it where wide."""
    chosen = points[list(layers)]
    return go.Scatter(
        x=chosen[:, 0], y=chosen[:, 1], mode="lines+markers", line=line, opacity=opacity, hoverinfo="skip",
        marker={"size": 34, "color": "rgba(0,0,0,0)" if "dash" in line else line["color"],
                "line": {"width": 2 if "dash" in line else 0, "color": line["color"]}},
    )  # fmt: skip


def _segments(
    points: np.ndarray, theme: Theme, groups: Sequence[MergeGroup], candidates: Sequence[tuple[int, ...]]
) -> go.Scatter:
    """A small mark in the middle of each segment, to click."""
    middles = (points[:-1] + points[1:]) / 2
    texts = [
        f"between layers {a} and {b}<br>{click_words(a, b, groups, candidates)}"
        for a, b in pairwise(range(len(points)))
    ]
    return _clickable(
        go.Scatter(
            x=middles[:, 0], y=middles[:, 1], mode="markers", ids=[mark_id(SEGMENT, n) for n in range(len(middles))],
            marker={"size": 7, "color": theme.page, "line": {"color": theme.muted, "width": 1.5}},
            text=texts,
        )
    )  # fmt: skip


def _layers(points: np.ndarray, theme: Theme, picked: int | None) -> go.Scatter:
    depth = len(points)
    colours = [sampled("Viridis", layer / max(1, depth - 1)) for layer in range(depth)]
    every = 1 + depth // NUMBERED
    widths = [4 if layer == picked else 1 for layer in range(depth)]
    return _clickable(
        go.Scatter(
            x=points[:, 0], y=points[:, 1], mode="markers+text", ids=[mark_id(LAYER, layer) for layer in range(depth)],
            marker={
                "size": 24 if every == 1 else 16,
                "color": colours,
                "line": {"color": [VERMILION if layer == picked else theme.muted for layer in range(depth)],
                         "width": widths},
            },
            textfont={"color": [contrasting(colour) for colour in colours], "size": 12 if every == 1 else 9},
            texttemplate=["" if layer % every else str(layer) for layer in range(depth)],
            text=[f"layer {layer}<br>click two layers to propose the block between them" for layer in range(depth)],
        )
    )  # fmt: skip


def _clickable(trace: go.Scatter) -> go.Scatter:
    """A mark that tells the name under which it is clicked."""
    return trace.update(customdata=trace.ids, hovertemplate="%{text}<extra></extra>")
