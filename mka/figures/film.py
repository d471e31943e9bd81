"""All layers of a map, one after another, in one picture that plays."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from mka.figures.colouring import Paint
from mka.figures.manifold import HEIGHT, MOVE_MS, followed_traces, framed, is_flat, side_by_side
from mka.figures.theme import Theme
from mka.figures.trajectory import Followed
from mka.objects.embedding import Embedding

PLAYED_POINTS = 2000
"""A film of more dots than this stutters, so that it shows a sample."""
NAMES_BELOW = 12
"""More names than this stand beside the picture, where a legend can scroll."""
STILL_MS = 700
"""How long a layer is shown where the dots jump to the next one."""


def film(embedding: Embedding, paint: Paint, theme: Theme, *, first: int = 0, followed: Followed = ()) -> go.Figure:
    """A frame per layer, named by its number, with a button that plays them and a slider; layer `first` is shown until
    then.

    Dots glide from layer to layer in two dimensions and jump in three, where plotly cannot move them. Of more than
    PLAYED_POINTS points only the sample of `played` is drawn.
    """
    shown = paint.among(played(embedding.coordinates.shape[1]))
    figure = side_by_side(embedding, (first,), shown, theme, followed=followed)
    figure.layout.annotations = ()  # the slider names the layer
    placed = framed(embedding).astype(np.float32)
    moving = [(number, look.chosen) for number, look in enumerate(shown.looks)]
    if followed_traces(embedding, placed, first, followed, theme):
        moving.append((len(figure.data) - 1, np.array([point for point in followed if point is not None])))
    kind = "scatter" if is_flat(embedding) else "scatter3d"
    figure.frames = [
        go.Frame(
            name=str(layer),
            data=[
                {"type": kind, **{axis: placed[layer, chosen, place]
                                  for place, axis in enumerate("xyz"[: placed.shape[2]])}}
                for _, chosen in moving
            ],
            traces=[trace for trace, _ in moving],
        )
        for layer in range(embedding.layers)
    ]  # fmt: skip
    return _with_controls(figure, embedding, theme, first)


def played(points: int) -> np.ndarray:
    """bool (points,): which ones a film shows; all, or PLAYED_POINTS drawn at random with seed 0."""
    shown = np.ones(points, dtype=bool)
    if points > PLAYED_POINTS:
        shown[np.random.default_rng(0).permutation(points)[PLAYED_POINTS:]] = False
    return shown


def _with_controls(figure: go.Figure, embedding: Embedding, theme: Theme, first: int) -> go.Figure:
    """A button that plays the frames, one that stops them, and a slider."""
    flat = is_flat(embedding)
    moving = {
        "frame": {"duration": MOVE_MS if flat else STILL_MS, "redraw": not flat},
        "transition": {"duration": MOVE_MS if flat else 0, "easing": "linear"},
    }
    at_once = {"frame": {"duration": 0, "redraw": not flat}, "mode": "immediate", "transition": {"duration": 0}}
    buttons = [
        {"label": "▶ Play", "method": "animate", "args": [None, moving | {"fromcurrent": True}]},
        {"label": "❚❚ Stop", "method": "animate", "args": [[None], at_once]},
    ]
    few = sum(bool(trace.showlegend) for trace in figure.data) <= NAMES_BELOW
    legend = {"orientation": "h", "y": -0.2} if few else {"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top"}
    steps = [{"label": str(n), "method": "animate", "args": [[str(n)], at_once]} for n in range(embedding.layers)]
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
                "steps": steps, "active": first, "x": 0, "len": 1, "y": 0, "yanchor": "top", "pad": {"t": 14},
                "currentvalue": {"prefix": "layer ", "font": {"size": 14, "color": theme.text}},
                "bgcolor": theme.neutral, "activebgcolor": theme.accent,
                "bordercolor": theme.grid, "font": {"color": theme.muted, "size": 11}, "tickcolor": theme.muted,
            }
        ],
        legend=legend,
    )  # fmt: skip
    return figure
