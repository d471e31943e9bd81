"""Manifold embeddings: each calibration point as a dot, one layer or two side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mka.figures.theme import Theme, escape, styled, subject_marks
from mka.objects.activations import Point
from mka.objects.embedding import Embedding

SHOWN_TEXT = 90


def axis_ranges(embedding: Embedding) -> tuple[tuple[float, float], tuple[float, float]]:
    """x and y ranges that hold every point of every layer, so that layers can be compared by eye."""
    ranges = []
    for dimension in (0, 1):
        values = embedding.coordinates[:, :, dimension]
        values = values[np.isfinite(values)]
        low, high = (float(values.min()), float(values.max())) if values.size else (-1.0, 1.0)
        pad = 0.06 * (high - low) or 1.0
        ranges.append((low - pad, high + pad))
    return ranges[0], ranges[1]


def manifold(embedding: Embedding, layers: Sequence[int], theme: Theme) -> go.Figure:
    """Draw the embeddings of one or two `layers` on the same axes; colour and symbol tell the subject."""
    figure = make_subplots(
        rows=1,
        cols=len(layers),
        subplot_titles=[f"layer {layer}" for layer in layers],
        horizontal_spacing=0.06,
        shared_yaxes=True,
    )
    points = embedding.points or tuple(Point("", "", "", -1) for _ in range(embedding.coordinates.shape[1]))
    subjects = np.array([point.subject or "all points" for point in points])
    marks = subject_marks(list(subjects))
    for column, layer in enumerate(layers, start=1):
        for subject, (colour, symbol) in marks.items():
            chosen = np.flatnonzero(subjects == subject)
            figure.add_trace(
                go.Scatter(
                    x=embedding.coordinates[layer, chosen, 0],
                    y=embedding.coordinates[layer, chosen, 1],
                    mode="markers",
                    name=escape(subject),
                    legendgroup=subject,
                    showlegend=column == 1 and len(marks) > 1,
                    marker={
                        "color": colour,
                        "symbol": symbol,
                        "size": 8,
                        "opacity": 0.85,
                        "line": {"width": 0.5, "color": theme.page},
                    },
                    text=[_point_text(points[i]) for i in chosen],
                    hovertemplate="%{text}<extra></extra>",
                ),
                row=1,
                col=column,
            )
    horizontal, vertical = axis_ranges(embedding)
    styled(figure, theme, height=520)
    figure.update_xaxes(range=horizontal, zeroline=False, showticklabels=False)
    figure.update_yaxes(range=vertical, zeroline=False, showticklabels=False)
    figure.update_annotations(font={"color": theme.text, "size": 14})
    figure.update_layout(
        margin={"l": 12, "r": 12, "t": 32, "b": 12},
        legend={"orientation": "h", "y": -0.04, "yanchor": "top", "itemsizing": "constant"},
        dragmode="pan",
    )
    return figure


def _point_text(point: Point) -> str:
    text = point.text if len(point.text) <= SHOWN_TEXT else point.text[: SHOWN_TEXT - 1] + "…"
    return escape(f"{point.subject}: {text}" if point.subject else text)
