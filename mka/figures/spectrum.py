"""The spectrum of a map: how much each of its axes holds, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from mka.figures.theme import OKABE_ITO, VERMILION, Theme, styled
from mka.objects.embedding import Embedding

MARKS = ("circle", "diamond")


def leading(embedding: Embedding) -> np.ndarray:
    """float64 (L, k): one figure per axis, first axis first; k = 0 where the method has none.

    A diffusion map's spectrum leads with the eigenvalue 1 of the axis on which all points are equal, which is not
    drawn and is left out.
    """
    trivial = 1 if embedding.method == "diffusion" else 0
    return embedding.spectrum[:, trivial:]


def spectrum(embedding: Embedding, layers: Sequence[int], theme: Theme) -> go.Figure:
    """The chosen `layers` as marked lines over the thin lines of all others; the axes that the map shows are shaded.

    For a diffusion map the gap behind the last shown axis is marked: a wide one says that the map leaves little out.
    """
    values = leading(embedding)
    dims = embedding.coordinates.shape[2]
    axes = list(range(1, values.shape[1] + 1))
    figure = go.Figure()
    for layer in range(embedding.layers):
        if layer not in layers:
            figure.add_trace(_line(axes, values[layer], layer, {"color": theme.neutral, "width": 1}))
    for place, layer in enumerate(layers):
        colour = (theme.accent, OKABE_ITO[1])[place % 2]
        trace = _line(axes, values[layer], layer, {"color": colour, "width": 2.5})
        trace.update(mode="lines+markers", marker={"size": 9, "symbol": MARKS[place % 2], "color": colour})
        trace.update(showlegend=True)
        figure.add_trace(trace)
    styled(figure, theme, height=260)
    figure.add_vrect(x0=0.5, x1=dims + 0.5, fillcolor=theme.accent, opacity=0.09, line_width=0, layer="below")
    figure.add_annotation(
        x=(dims + 1) / 2, y=0, yref="paper", yanchor="bottom", text="drawn above", showarrow=False,
        font={"color": theme.muted, "size": 12},
    )  # fmt: skip
    if embedding.method == "diffusion" and values.shape[1] > dims:
        _mark_gap(figure, values[layers[0]], dims, layers[0], theme)
    figure.update_xaxes(
        title="axis of the map", tickvals=axes[:: 1 + len(axes) // 20], range=[0.5, len(axes) + 0.5], fixedrange=True
    )
    title = "share of the variance" if embedding.method == "pca" else "eigenvalue"
    figure.update_yaxes(title=title, rangemode="tozero", fixedrange=True, tickformat=".3~g")
    figure.update_layout(
        dragmode=False,
        legend={"x": 1, "xanchor": "right", "y": 1, "yanchor": "top"},
        margin={"t": 26, "b": 44},
    )
    return figure


def _line(axes: list[int], values: np.ndarray, layer: int, line: dict[str, object]) -> go.Scatter:
    return go.Scatter(
        x=axes,
        y=values,
        mode="lines",
        line=line,
        name=f"layer {layer}",
        showlegend=False,
        hovertemplate=f"layer {layer}, axis %{{x}}: %{{y:.4g}}<extra></extra>",
    )


def _mark_gap(figure: go.Figure, values: np.ndarray, dims: int, layer: int, theme: Theme) -> None:
    """A bracket from the last shown eigenvalue down to the first that is left out."""
    last, left_out = float(values[dims - 1]), float(values[dims])
    place = dims + 0.5
    side = "left" if place <= len(values) / 2 else "right"  # into the wider half, where the text has room
    figure.add_shape(type="line", x0=place, x1=place, y0=left_out, y1=last, line={"color": VERMILION, "width": 3})
    figure.add_annotation(
        x=place, y=1, yref="paper", xanchor=side, yanchor="bottom", showarrow=False,
        text=f"gap of layer {layer}: {last - left_out:.3f}", font={"color": theme.text, "size": 12},
    )  # fmt: skip
