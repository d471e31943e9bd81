"""The plan ruler: the source's layers above, the merged model's below, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from mka.figures.theme import Theme, contrasting, group_colours, styled
from mka.objects.plan import MergePlan

BEFORE, AFTER = 1.0, 0.0
HOLLOW = "rgba(0,0,0,0)"
BLOCK = 0.3
NUMBERED = 32
"""So many blocks have room for a number each; of a deeper model, some stay without."""


def plan_ruler(plan: MergePlan, theme: Theme, *, candidates: Sequence[tuple[int, ...]] = ()) -> go.Figure:
    """Draw one block per layer, before and after; layers of a group share its colour, dropped ones are hollow."""
    colours = group_colours(len(plan.groups))
    owner = {layer: index for index, group in enumerate(plan.groups) for layer in group.layers}
    survivors = {layer for place in plan.layer_map for layer in place}
    every = 1 + plan.depth // NUMBERED
    figure = go.Figure()
    for layer in range(plan.depth):
        index = owner.get(layer)
        lost = layer not in survivors
        fill = theme.neutral if index is None else colours[index]
        note = "stays" if index is None else ("is dropped" if lost else f"is in group {index + 1}")
        label = "" if layer % every else str(layer)
        _block(figure, layer, BEFORE, label, HOLLOW if lost else fill, fill, f"layer {layer} {note}", theme)
    shift = (plan.depth - plan.layers_after) / 2
    for new, place in enumerate(plan.layer_map):
        index = owner.get(place[0])
        fill = theme.neutral if index is None else colours[index]
        made = ", ".join(str(layer) for layer in place)
        label = "" if new % every else str(new)
        _block(figure, new + shift, AFTER, label, fill, fill, f"new layer {new}: made of layer {made}", theme)
        for layer in place:
            _thread(figure, layer, new + shift, fill if index is not None else theme.grid)
    for layers in candidates:
        figure.add_shape(
            type="rect",
            x0=layers[0] - 0.5,
            x1=layers[-1] + 0.5,
            y0=BEFORE - 0.42,
            y1=BEFORE + 0.42,
            line={"color": theme.text, "width": 2, "dash": "dash"},
        )
    styled(figure, theme, height=220)
    figure.update_xaxes(range=[-0.8, plan.depth - 0.2], visible=False, fixedrange=True)
    figure.update_yaxes(
        range=[-0.55, 1.55],
        tickvals=[AFTER, BEFORE],
        ticktext=["after", "before"],
        fixedrange=True,
        showgrid=False,
        showline=False,
        zeroline=False,
    )
    figure.update_layout(showlegend=False, margin={"l": 56, "r": 8, "t": 4, "b": 4}, dragmode=False)
    return figure


def _block(figure: go.Figure, x: float, y: float, label: str, fill: str, line: str, hover: str, theme: Theme) -> None:
    left, right, low, high = x - 0.42, x + 0.42, y - BLOCK, y + BLOCK
    hollow = fill == HOLLOW
    figure.add_trace(
        go.Scatter(
            x=[left, right, right, left, left],
            y=[low, low, high, high, low],
            mode="lines",
            fill="toself",
            fillcolor=fill,
            line={"color": line, "width": 2, "dash": "dot" if hollow else "solid"},
            hoveron="fills",
            hoverinfo="text",
            text=hover,
        )
    )
    if not label:
        return
    plain = hollow or fill == theme.neutral
    figure.add_annotation(
        x=x,
        y=y,
        text=f"<s>{label}</s>" if hollow else label,
        showarrow=False,
        font={"size": 11, "color": theme.text if plain else contrasting(fill)},
    )


def _thread(figure: go.Figure, old: float, new: float, colour: str) -> None:
    figure.add_shape(
        type="line",
        x0=old,
        x1=new,
        y0=BEFORE - BLOCK,
        y1=AFTER + BLOCK,
        line={"color": colour, "width": 2},
        layer="below",
    )
