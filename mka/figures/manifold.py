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
DIMMED = 0.12
SIZE = 8


def subjects_of(embedding: Embedding) -> tuple[str, ...]:
    """The subjects of the points, sorted; empty where the texts name none."""
    return tuple(sorted({point.subject for point in embedding.points} - {""}))


def by_subject(embedding: Embedding, layers: Sequence[int], theme: Theme, *, highlight: str | None = None) -> go.Figure:
    """Draw one or two `layers`; colour and symbol tell the subject.

    Points of other subjects than `highlight` are dimmed, never hidden.
    """
    figure = _panels(layers)
    subjects = np.array([point.subject for point in embedding.points])
    marks = subject_marks(list(subjects))
    for column, layer in enumerate(layers, start=1):
        for subject, (colour, symbol) in marks.items():
            dots = _dots(embedding, layer, np.flatnonzero(subjects == subject))
            dots.update(
                name=escape(subject.replace("_", " ") or "without a subject"),
                legendgroup=subject,
                showlegend=column == 1,
                marker={"color": colour, "symbol": symbol, "size": SIZE, "line": {"width": 0.5, "color": theme.page}},
                opacity=0.85 if highlight in (None, subject) else DIMMED,
            )
            figure.add_trace(dots, row=1, col=column)
    return _framed(figure, embedding, layers, theme)


def by_place(embedding: Embedding, layers: Sequence[int], theme: Theme) -> go.Figure:
    """Draw one or two `layers`; a dot's colour is its rank along the first axis of the first of them.

    So a dot can be followed by eye, and where the colours stay in order the layers arrange the points alike.
    """
    figure = _panels(layers)
    rank = np.argsort(np.argsort(embedding.coordinates[layers[0], :, 0], kind="stable"), kind="stable")
    everyone = np.arange(len(rank))
    for column, layer in enumerate(layers, start=1):
        dots = _dots(embedding, layer, everyone)
        line = {"width": 0.5, "color": theme.muted}  # Viridis begins nearly black
        dots.update(showlegend=False, marker={"color": rank, "colorscale": "Viridis", "size": SIZE, "line": line})
        figure.add_trace(dots, row=1, col=column)
    return _framed(figure, embedding, layers, theme)


def axis_range(values: np.ndarray) -> tuple[float, float]:
    """A range that holds all finite `values` with some air; (-1, 1) where there is none."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return -1.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    air = 0.06 * (high - low) or 1.0
    return low - air, high + air


def _panels(layers: Sequence[int]) -> go.Figure:
    titles = [f"layer {layer}" for layer in layers]
    return make_subplots(rows=1, cols=len(layers), subplot_titles=titles, horizontal_spacing=0.04)


def _dots(embedding: Embedding, layer: int, chosen: np.ndarray) -> go.Scatter:
    """The `chosen` points of a layer, each with its text."""
    points = embedding.points
    return go.Scatter(
        x=embedding.coordinates[layer, chosen, 0],
        y=embedding.coordinates[layer, chosen, 1],
        mode="markers",
        text=[_point_text(points[i]) if points else f"point {i}" for i in chosen],
        hovertemplate="%{text}<extra></extra>",
    )


def _framed(figure: go.Figure, embedding: Embedding, layers: Sequence[int], theme: Theme) -> go.Figure:
    """Each layer fills its own frame: a map's axes have no unit, and its scale says nothing."""
    styled(figure, theme, height=520)
    bare = {"zeroline": False, "showticklabels": False, "showline": True, "mirror": True}
    for column, layer in enumerate(layers, start=1):
        figure.update_xaxes(range=axis_range(embedding.coordinates[layer, :, 0]), **bare, row=1, col=column)
        figure.update_yaxes(range=axis_range(embedding.coordinates[layer, :, 1]), **bare, row=1, col=column)
    figure.update_annotations(font={"color": theme.text, "size": 14})
    figure.update_layout(
        margin={"l": 2, "r": 2, "t": 32, "b": 12},
        legend={"orientation": "h", "y": -0.03, "yanchor": "top", "x": 0, "itemsizing": "constant"},
        dragmode="pan",
    )
    return figure


def _point_text(point: Point) -> str:
    text = point.text if len(point.text) <= SHOWN_TEXT else point.text[: SHOWN_TEXT - 1] + "…"
    return escape(f"{point.subject}: {text}" if point.subject else text)
