"""Manifold embeddings: each calibration point as a dot, in one layer or in two side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mka.figures.colouring import AXIS, Dots, Paint, Scale
from mka.figures.theme import Theme, escape, styled
from mka.figures.trajectory import Followed, marks, ways
from mka.objects.activations import Point
from mka.objects.embedding import Embedding

SHOWN_TEXT = 90
HEIGHT = 520
BELOW = 56
"""Pixels of a colour bar below the panels."""
MOVE_MS = 450
"""How long a dot takes from one layer to another."""


def subjects_of(embedding: Embedding) -> tuple[str, ...]:
    """The subjects of the points, sorted; empty where the texts name none."""
    return tuple(sorted({point.subject for point in embedding.points} - {""}))


def side_by_side(
    embedding: Embedding, layers: Sequence[int], paint: Paint, theme: Theme, *, followed: Followed = ()
) -> go.Figure:
    """Draw one or two `layers`, each point in both with the same colour and symbol.

    followed: points drawn large; where the map is aligned, with their way through all layers. The customdata of a dot
    is its point.
    """
    flat = is_flat(embedding)
    figure = make_subplots(
        rows=1,
        cols=len(layers),
        subplot_titles=[f"layer {layer}" for layer in layers],
        horizontal_spacing=0.04,
        specs=[[{"type": "xy" if flat else "scene"} for _ in layers]],
    )
    placed, texts = framed(embedding), point_texts(embedding)
    for column, layer in enumerate(layers, start=1):
        for trace in dots(placed[layer], paint.looks, texts):
            trace.showlegend = bool(trace.name) and column == 1
            figure.add_trace(trace, row=1, col=column)
        for trace in followed_traces(embedding, placed, layer, followed, theme):
            figure.add_trace(trace, row=1, col=column)
    styled(figure, theme, height=HEIGHT)
    for column, layer in enumerate(layers, start=1):
        _frame(figure, axis_ranges(embedding, layer), column, theme)
    figure.update_annotations(font={"color": theme.text, "size": 14})
    figure.update_layout(
        margin={"l": 2, "r": 2, "t": 32, "b": 12},
        legend={"orientation": "h", "y": -0.03, "yanchor": "top", "x": 0, "itemsizing": "constant"},
        dragmode="pan" if flat else "orbit",
        hovermode="closest",
    )
    if paint.scale is not None:
        figure.update_layout({AXIS: paint.scale.axis(theme)})
    if paint.scale is not None and len(layers) > 1:
        _explain_below(figure, paint.scale)
    return figure


def dots(placed: np.ndarray, looks: Sequence[Dots], texts: np.ndarray) -> Iterator[go.Scatter | go.Scatter3d]:
    """The dots of one layer (n, dims), a trace per look."""
    axes = "xyz"[: placed.shape[1]]
    kind = go.Scatter if len(axes) == 2 else go.Scatter3d
    for look in looks:
        yield kind(
            {axis: placed[look.chosen, place] for place, axis in enumerate(axes)},
            mode="markers",
            name=look.name,
            legendgroup=look.name or None,
            marker=look.drawn,
            opacity=look.opacity,
            customdata=look.chosen,
            text=list(texts[look.chosen]),
            hovertemplate="%{text}<extra></extra>",
        )


def followed_traces(
    embedding: Embedding, placed: np.ndarray, layer: int, followed: Followed, theme: Theme
) -> list[go.Scatter | go.Scatter3d]:
    """The ways of the followed points and, last, their marks in `layer`; nothing where no point is followed.

    A map whose layers are not aligned has no common frame, so there are no ways in it.
    """
    if all(point is None for point in followed):
        return []
    lines = ways(placed, followed) if embedding.aligned and embedding.layers > 1 else ()
    return [*lines, marks(placed[layer], followed, point_texts(embedding), theme)]


def framed(embedding: Embedding) -> np.ndarray:
    """float64 (L, n, dims): each layer moved and scaled, without distortion, so that its widest axis runs from -1 to 1.

    A map's axes have no unit; at one size, and in one frame for all layers, a dot can be followed from layer to layer.
    A layer whose points all coincide stays in the middle.
    """
    low, high = (edge(embedding.coordinates, axis=1) for edge in (np.nanmin, np.nanmax))
    size = (high - low).max(axis=1) / 2
    return (embedding.coordinates - ((low + high) / 2)[:, None]) / np.where(size > 0, size, 1.0)[:, None, None]


def axis_ranges(embedding: Embedding, layer: int) -> list[tuple[float, float]]:
    """(low, high) per axis: the same for all layers of an aligned map, else for this layer alone."""
    placed = framed(embedding)
    held = placed if embedding.aligned else placed[layer : layer + 1]
    return [axis_range(held[:, :, axis]) for axis in range(placed.shape[2])]


def axis_range(values: np.ndarray) -> tuple[float, float]:
    """A range that holds all finite `values` with some air; (-1, 1) where there is none."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return -1.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    air = 0.06 * (high - low) or 1.0
    return low - air, high + air


def is_flat(embedding: Embedding) -> bool:
    """Whether the map has two dimensions."""
    return bool(embedding.coordinates.shape[2] == 2)


def flattened(embedding: Embedding) -> Embedding:
    """The map's first two axes."""
    return replace(embedding, coordinates=embedding.coordinates[:, :, :2], unaligned=embedding.unaligned[:, :, :2])


def point_texts(embedding: Embedding) -> np.ndarray:
    """object (n,): what hovering over each dot shows, in plotly's markup."""
    known = [_point_text(point) for point in embedding.points]
    return np.array(known or [f"point {n}" for n in range(embedding.coordinates.shape[1])], dtype=object)


def _explain_below(figure: go.Figure, scale: Scale) -> None:
    """Lay the colour bar below the panels, which need the width."""
    bar = figure.layout.coloraxis.colorbar
    bar.update(orientation="h", x=0.5, y=-0.02, yanchor="top", len=0.9, thickness=8)
    bar.title.update(text=scale.title.replace("<br>", " "), side="bottom")
    figure.update_layout(margin={"b": BELOW})


def _frame(figure: go.Figure, ranges: Sequence[tuple[float, float]], column: int, theme: Theme) -> None:
    """Bare axes: a map's have no unit."""
    if len(ranges) == 2:
        bare = {"zeroline": False, "showticklabels": False, "showline": True, "mirror": True}
        figure.update_xaxes(range=ranges[0], **bare, row=1, col=column)
        figure.update_yaxes(range=ranges[1], **bare, row=1, col=column)
        return
    side = {"backgroundcolor": "rgba(0,0,0,0)", "gridcolor": theme.grid, "showticklabels": False, "title": ""}
    side |= {"zeroline": False, "showspikes": False}
    axes = {f"{axis}axis": side | {"range": held} for axis, held in zip("xyz", ranges, strict=True)}
    # Seen a little nearer than plotly's own camera, which leaves half of a wide panel empty.
    camera = {"eye": {"x": 1.15, "y": 1.15, "z": 0.75}}
    figure.update_scenes(**axes, aspectmode="cube", camera=camera, row=1, col=column)


def _point_text(point: Point) -> str:
    """Text, token, place and loss of a point, so far as they are known."""
    text = point.text if len(point.text) <= SHOWN_TEXT else point.text[: SHOWN_TEXT - 1] + "…"
    lines = [f"{point.subject}: {text}" if point.subject else text]
    if point.position >= 0:
        lines.append(f"token “{point.token.strip() or point.token}” at place {point.position}")
    if point.loss is not None:
        lines.append(f"loss {point.loss:.2f} nats")
    return "<br>".join(map(escape, lines))
