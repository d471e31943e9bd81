"""A square of layer pairs on which a block of layers can be clicked, and the blocks outlined on it."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from mka.figures.theme import VERMILION, Theme, contrasting, styled
from mka.objects.plan import MergeGroup

WIDE_FROM_LAYERS = 56
"""From this depth on a cell of a 560 pixel plot is too small to hit; the plot grows instead."""
SIDE = 560


def layer_square(
    colours: go.Heatmap,
    texts: Sequence[str],
    theme: Theme,
    *,
    title: str,
    groups: Sequence[MergeGroup] = (),
    candidates: Sequence[tuple[int, ...]] = (),
    side: int | None = None,
) -> go.Figure:
    """Draw `colours` (z: L x L) with origin top left, planned groups outlined and candidates dashed.

    texts: what each cell says under the pointer, row by row
    side:  height in pixels; None for as much as the cells of this depth need to be hit
    """
    depth = len(colours.z)
    gap = 1 if depth <= 40 else 0
    rows = [list(texts[row * depth : (row + 1) * depth]) for row in range(depth)]
    colours.update(text=rows, hovertemplate="%{text}<extra></extra>", hoverongaps=True, xgap=gap, ygap=gap)
    colours.update(
        colorbar={"thickness": 10, "outlinewidth": 0, "len": 0.6, "tickfont": {"color": theme.muted}}
        | {"tickformat": ".3~g"}
    )
    figure = go.Figure(colours)
    needed = SIDE if depth < WIDE_FROM_LAYERS else max(900, 12 * depth)
    styled(figure, theme, height=side or needed)
    ticks = list(range(0, depth, max(1, depth // 12)))
    axis = {"range": [-0.5, depth - 0.5], "tickvals": ticks, "fixedrange": True, "showgrid": False, "zeroline": False}
    figure.update_xaxes(**axis, title="layer", constrain="domain")
    figure.update_yaxes(
        **axis | {"range": [depth - 0.5, -0.5]}, title="layer", scaleanchor="x", scaleratio=1, constrain="domain"
    )
    figure.update_layout(
        plot_bgcolor=theme.neutral,
        meta={"block": "square"} | ({"narrowest": needed} if depth >= WIDE_FROM_LAYERS else {}),
        dragmode=False,
        showlegend=False,
        margin={"l": 48, "r": 8, "t": 40, "b": 44},
        title=_title(title, theme),
    )
    for layers in candidates:
        _outline(figure, layers, label=f"proposed {span(layers)}", dash="dash", colour="#FFFFFF")
    for group in groups:
        _outline(figure, group.layers, label=span(group.layers), dash="solid", colour=VERMILION)
    return figure


def span(layers: Sequence[int]) -> str:
    """Layers as a person writes them: 3–5, or 3, 5 where the run has gaps."""
    if len(layers) == layers[-1] - layers[0] + 1 and len(layers) > 1:
        return f"{layers[0]}–{layers[-1]}"
    return ", ".join(str(layer) for layer in layers)


def _title(text: str, theme: Theme) -> dict[str, object]:
    return {
        "text": text,
        "font": {"size": 13, "color": theme.muted},
        "x": 0,
        "xanchor": "left",
        "xref": "paper",
        "y": 1,
        "yanchor": "top",
        "pad": {"t": 2},
    }


def _outline(figure: go.Figure, layers: Sequence[int], *, label: str, dash: str, colour: str) -> None:
    """A white stroke under a coloured one, so that it shows on every cell colour, and a label."""
    corner = {"x0": layers[0] - 0.5, "x1": layers[-1] + 0.5, "y0": layers[0] - 0.5, "y1": layers[-1] + 0.5}
    stroke = colour if dash == "solid" else "#111111"
    figure.add_shape(type="rect", **corner, line={"color": "#FFFFFF", "width": 5})
    figure.add_shape(type="rect", **corner, line={"color": stroke, "width": 2, "dash": dash})
    figure.add_annotation(
        x=layers[-1] + 0.5,
        y=layers[0] - 0.5,
        text=label,
        showarrow=False,
        xanchor="right",
        yanchor="bottom",
        font={"color": contrasting(colour), "size": 11},
        bgcolor=colour,
        borderpad=2,
    )
