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
NO_SUBJECT = "all texts"
DIMMED = 0.12


def subjects_of(embedding: Embedding) -> tuple[str, ...]:
    """The subjects of the points, sorted; points without one are together."""
    return tuple(sorted({point.subject or NO_SUBJECT for point in _points(embedding)}))


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


def manifold(embedding: Embedding, layers: Sequence[int], theme: Theme, *, highlight: str | None = None) -> go.Figure:
    """Draw the embeddings of one or two `layers` on the same axes; colour and symbol tell the subject.

    Points of other subjects than `highlight` are dimmed, never hidden.
    """
    figure = make_subplots(
        rows=1,
        cols=len(layers),
        subplot_titles=[f"layer {layer}" for layer in layers],
        horizontal_spacing=0.04,
        shared_yaxes=True,
    )
    points = _points(embedding)
    subjects = np.array([point.subject or NO_SUBJECT for point in points])
    texts = np.array([_point_text(point) for point in points], dtype=object)
    marks = subject_marks(list(subjects))
    for column, layer in enumerate(layers, start=1):
        for subject, (colour, symbol) in marks.items():
            chosen = np.flatnonzero(subjects == subject)
            dots = go.Scatter(
                x=embedding.coordinates[layer, chosen, 0],
                y=embedding.coordinates[layer, chosen, 1],
                mode="markers",
                name=escape(subject.replace("_", " ")),
                legendgroup=subject,
                showlegend=column == 1 and len(marks) > 1,
                marker={"color": colour, "symbol": symbol, "size": 8, "line": {"width": 0.5, "color": theme.page}},
                opacity=0.85 if highlight in (None, subject) else DIMMED,
                text=texts[chosen],
                hovertemplate="%{text}<extra></extra>",
            )
            figure.add_trace(dots, row=1, col=column)
    _frame(figure, embedding, theme)
    return figure


def _frame(figure: go.Figure, embedding: Embedding, theme: Theme) -> None:
    """Common axes without figures: a map's axes have no unit that a reader could use."""
    horizontal, vertical = axis_ranges(embedding)
    styled(figure, theme, height=520)
    bare = {"zeroline": False, "showticklabels": False, "showline": True, "mirror": True}
    figure.update_xaxes(range=horizontal, **bare)
    figure.update_yaxes(range=vertical, **bare)
    figure.update_annotations(font={"color": theme.text, "size": 14})
    figure.update_layout(
        margin={"l": 2, "r": 2, "t": 32, "b": 12},
        legend={"orientation": "h", "y": -0.03, "yanchor": "top", "x": 0, "itemsizing": "constant"},
        dragmode="pan",
    )


def _points(embedding: Embedding) -> tuple[Point, ...]:
    return embedding.points or (Point("", "", "", -1),) * embedding.coordinates.shape[1]


def _point_text(point: Point) -> str:
    text = point.text if len(point.text) <= SHOWN_TEXT else point.text[: SHOWN_TEXT - 1] + "…"
    return escape(f"{point.subject}: {text}" if point.subject else text)
