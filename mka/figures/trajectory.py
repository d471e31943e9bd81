"""Points that are followed through the layers: the way of each, and where it is in one layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import plotly.graph_objects as go

from mka.figures.theme import Theme, contrasting

MARKS = (
    ("#D55E00", "circle"),
    ("#0072B2", "square"),
    ("#009E73", "diamond"),
    ("#CC79A7", "hexagon"),
    ("#E69F00", "star"),
)
"""Colour and symbol by place."""
SYMBOLS_3D = ("circle", "square", "diamond", "cross", "x")
MOST = len(MARKS)
"""So many points can be followed at once."""
MARK, MARK_3D = 19, 9

Followed = Sequence[int | None]
"""The followed points, each at the place that gives it its number, colour and symbol; None where a place is free."""


def ways(placed: np.ndarray, followed: Followed) -> Iterator[go.Scatter]:
    """A line through all layers per followed point, which names the first and the last layer; a click on it tells its
    point too, since it may cover the mark.

    placed: float64 (L, n, dims), in one frame for all layers
    """
    depth, _, dims = placed.shape
    ends = [str(layer) if layer in (0, depth - 1) else "" for layer in range(depth)]
    for place, point in _taken(followed):
        colour = MARKS[place][0]
        yield _kind(dims)(
            _axes(placed[:, point]),
            mode="lines+markers+text",
            name=f"way of {place + 1}",
            showlegend=False,
            line={"color": colour, "width": 2.5 if dims == 2 else 5},
            marker={"color": colour, "size": 5 if dims == 2 else 3},
            text=ends,
            textposition="top center",
            textfont={"size": 12},
            customdata=[point] * depth,
            hovertext=[f"{place + 1} in layer {layer}" for layer in range(depth)],
            hovertemplate="%{hovertext}<extra></extra>",
        )


def marks(placed: np.ndarray, followed: Followed, texts: np.ndarray, theme: Theme) -> go.Scatter:
    """Each followed point in one layer, numbered; a click on it tells its point.

    placed: float64 (n, dims); texts: (n,), what hovering shows
    """
    taken = list(_taken(followed))
    points = [point for _, point in taken]
    flat = placed.shape[1] == 2
    colours = [MARKS[place][0] for place, _ in taken]
    return _kind(placed.shape[1])(
        _axes(placed[points]),
        mode="markers+text",
        name="followed",
        showlegend=False,
        marker={
            "color": colours,
            "symbol": [MARKS[place][1] if flat else SYMBOLS_3D[place] for place, _ in taken],
            "size": MARK if flat else MARK_3D,
            "line": {"color": theme.text, "width": 2},
            "opacity": 1,
        },
        text=[str(place + 1) for place, _ in taken],
        textposition="middle center" if flat else "top center",
        textfont={"color": [contrasting(colour) for colour in colours] if flat else theme.text, "size": 12},
        customdata=points,
        hovertext=list(texts[points]),
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _taken(followed: Followed) -> Iterator[tuple[int, int]]:
    """(place, point) of each place that is not free."""
    return ((place, point) for place, point in enumerate(followed) if point is not None)


def _kind(dims: int) -> type[go.Scatter] | type[go.Scatter3d]:
    return go.Scatter if dims == 2 else go.Scatter3d


def _axes(places: np.ndarray) -> dict[str, np.ndarray]:
    """Coordinates (m, dims) as a trace takes them."""
    return {axis: places[:, number] for number, axis in enumerate("xyz"[: places.shape[1]])}
