"""Manifold embeddings: each calibration point as a dot, in one layer, in two side by side, or as a film of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mka.figures.colouring import AXIS, Dots, Scale, scale_dots, subject_dots
from mka.figures.theme import Theme, escape, styled
from mka.objects.activations import Point
from mka.objects.embedding import Embedding

SHOWN_TEXT = 90
HEIGHT = 520
FRAME_MS = 450
"""How long a dot takes from one layer to the next."""


def subjects_of(embedding: Embedding) -> tuple[str, ...]:
    """The subjects of the points, sorted; empty where the texts name none."""
    return tuple(sorted({point.subject for point in embedding.points} - {""}))


def by_subject(embedding: Embedding, layers: Sequence[int], theme: Theme, *, highlight: str | None = None) -> go.Figure:
    """Draw one or two `layers`; colour and symbol tell the subject."""
    looks = subject_dots(embedding.points, theme, highlight=highlight, flat=_flat(embedding))
    return _panels(embedding, layers, looks, theme)


def by_scale(embedding: Embedding, layers: Sequence[int], theme: Theme, scale: Scale) -> go.Figure:
    """Draw one or two `layers`; the colour of each dot is a figure of its point, which a colour bar explains."""
    figure = _panels(embedding, layers, scale_dots(scale, theme, flat=_flat(embedding)), theme)
    return figure.update_layout({AXIS: scale.axis(theme)})


def film(embedding: Embedding, theme: Theme, *, scale: Scale | None = None, highlight: str | None = None) -> go.Figure:
    """All layers of a map, one after the other, with a button that plays them and a slider; colours as `scale`, else
    by subject. Only for a map of two dimensions."""
    looks = (
        subject_dots(embedding.points, theme, highlight=highlight, flat=True)
        if scale is None
        else scale_dots(scale, theme, flat=True)
    )
    figure = _panels(embedding, (0,), looks, theme)
    figure.layout.annotations = ()  # the slider names the layer
    placed = framed(embedding).astype(np.float32)
    figure.frames = [
        go.Frame(
            name=str(layer),
            data=[{"type": "scatter", "x": placed[layer, look.chosen, 0], "y": placed[layer, look.chosen, 1]}
                  for look in looks],
            traces=list(range(len(looks))),
        )
        for layer in range(embedding.layers)
    ]  # fmt: skip
    if scale is not None:
        figure.update_layout({AXIS: scale.axis(theme)})
    return _with_controls(figure, embedding.layers, theme)


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


def _flat(embedding: Embedding) -> bool:
    return embedding.coordinates.shape[2] == 2


def _panels(embedding: Embedding, layers: Sequence[int], looks: Sequence[Dots], theme: Theme) -> go.Figure:
    """One panel per layer, every look in each of them."""
    flat = _flat(embedding)
    figure = make_subplots(
        rows=1,
        cols=len(layers),
        subplot_titles=[f"layer {layer}" for layer in layers],
        horizontal_spacing=0.04,
        specs=[[{"type": "xy" if flat else "scene"} for _ in layers]],
    )
    placed = framed(embedding)
    texts = np.array([_point_text(point) for point in embedding.points] or
                     [f"point {i}" for i in range(placed.shape[1])], dtype=object)  # fmt: skip
    for column, layer in enumerate(layers, start=1):
        for trace in _traces(placed[layer], looks, texts):
            trace.showlegend = bool(trace.name) and column == 1
            figure.add_trace(trace, row=1, col=column)
    styled(figure, theme, height=HEIGHT)
    for column, layer in enumerate(layers, start=1):
        _frame(figure, axis_ranges(embedding, layer), column, theme)
    figure.update_annotations(font={"color": theme.text, "size": 14})
    figure.update_layout(
        margin={"l": 2, "r": 2, "t": 32, "b": 12},
        legend={"orientation": "h", "y": -0.03, "yanchor": "top", "x": 0, "itemsizing": "constant"},
        dragmode="pan" if flat else "orbit",
    )
    return figure


def _traces(placed: np.ndarray, looks: Sequence[Dots], texts: np.ndarray) -> Iterator[go.Scatter | go.Scatter3d]:
    """The dots of one layer (n, dims), a trace per look."""
    axes = "xyz"[: placed.shape[1]]
    kind = go.Scatter if len(axes) == 2 else go.Scatter3d
    for look in looks:
        yield kind(
            {axis: placed[look.chosen, place] for place, axis in enumerate(axes)},
            mode="markers",
            name=look.name,
            legendgroup=look.name or None,
            marker=dict(look.marker),
            opacity=look.opacity,
            text=list(texts[look.chosen]),
            hovertemplate="%{text}<extra></extra>",
        )


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


def _with_controls(figure: go.Figure, depth: int, theme: Theme) -> go.Figure:
    """A button that plays the frames, one that stops them, and a slider."""
    moving = {
        "frame": {"duration": FRAME_MS, "redraw": False},
        "transition": {"duration": FRAME_MS, "easing": "linear"},
    }
    at_once = {"frame": {"duration": 0, "redraw": False}, "mode": "immediate", "transition": {"duration": 0}}
    buttons = [
        {"label": "▶ Play", "method": "animate", "args": [None, moving | {"fromcurrent": True}]},
        {"label": "❚❚ Stop", "method": "animate", "args": [[None], at_once]},
    ]
    steps = [{"label": str(n), "method": "animate", "args": [[str(n)], at_once]} for n in range(depth)]
    figure.update_layout(
        height=HEIGHT + 130,
        margin={"t": 48, "b": 96},
        updatemenus=[
            {
                "type": "buttons", "direction": "left", "buttons": buttons, "showactive": False,
                "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "pad": {"b": 8},
                "bgcolor": theme.page, "bordercolor": theme.muted, "font": {"color": theme.text},
            }
        ],
        sliders=[
            {
                "steps": steps, "x": 0, "len": 1, "y": 0, "yanchor": "top", "pad": {"t": 14},
                "currentvalue": {"prefix": "layer ", "font": {"size": 14, "color": theme.text}},
                "bgcolor": theme.neutral, "activebgcolor": theme.accent,
                "bordercolor": theme.grid, "font": {"color": theme.muted, "size": 11}, "tickcolor": theme.muted,
            }
        ],
        legend={"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top"},
    )  # fmt: skip
    return figure


def _point_text(point: Point) -> str:
    """Text, token, place and loss of a point, so far as they are known."""
    text = point.text if len(point.text) <= SHOWN_TEXT else point.text[: SHOWN_TEXT - 1] + "…"
    lines = [f"{point.subject}: {text}" if point.subject else text]
    if point.position >= 0:
        lines.append(f"token “{point.token.strip() or point.token}” at place {point.position}")
    if point.loss is not None:
        lines.append(f"loss {point.loss:.2f} nats")
    return "<br>".join(map(escape, lines))
