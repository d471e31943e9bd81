"""A square of layer pairs on which a block of layers can be clicked, and the blocks outlined on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from mka.figures.theme import Theme, contrasting, group_colours, styled
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
    halo: str = "#FFFFFF",
) -> go.Figure:
    """Draw `colours` (z: L x L) with origin top left, planned groups outlined and candidates dashed.

    texts: what each cell says under the pointer, row by row
    side:  height in pixels; None for as much as the cells of this depth need to be hit
    halo:  what lies under every outline (#RRGGBB); it must show on each colour of the cells
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
    for group, colour in zip(groups, group_colours(len(groups)), strict=True):
        _outline(figure, group.layers, halo, {"color": colour, "dash": "solid"})
        _label(
            figure,
            span(group.layers),
            colour,
            {"x": group.layers[-1] + 0.5, "xanchor": "right"} | {"y": group.layers[0] - 0.5, "yanchor": "bottom"},
        )
    for layers in candidates:
        _outline(figure, layers, halo, {"color": contrasting(halo), "dash": "dash"})
        inside = layers[-1] == depth - 1
        _label(
            figure,
            f"proposed {span(layers)}",
            halo,
            {"x": layers[0] - 0.5, "xanchor": "left"}
            | {"y": layers[-1] + 0.5, "yanchor": "bottom" if inside else "top"},
        )
    return figure


def cell_texts(
    depth: int,
    said: Callable[[int, int], str],
    groups: Sequence[MergeGroup],
    candidates: Sequence[tuple[int, ...]],
) -> list[str]:
    """What each cell says, row by row: `said` of its row and column, and what a click on it does."""
    return [
        f"layer {row} with itself"
        if row == column
        else f"{said(row, column)}<br>{click_words(min(row, column), max(row, column), groups, candidates)}"
        for row in range(depth)
        for column in range(depth)
    ]


def click_words(first: int, last: int, groups: Sequence[MergeGroup], candidates: Sequence[tuple[int, ...]]) -> str:
    """What a click that means the block first..last does, given what is planned and proposed."""
    block = tuple(range(first, last + 1))
    planned = any(group.layers == block for group in groups)
    if tuple(candidates) == (block,):
        return "click again to let go of it" if planned else f"click again to add layers {first}–{last} to the plan"
    if planned:
        return f"click to take hold of the group {first}–{last} of the plan"
    return f"click to propose the block {first}–{last}"


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


def _outline(figure: go.Figure, layers: Sequence[int], halo: str, line: dict[str, object]) -> None:
    """A stroke with a wider one under it, so that it shows on every cell colour."""
    corner = {"x0": layers[0] - 0.5, "x1": layers[-1] + 0.5, "y0": layers[0] - 0.5, "y1": layers[-1] + 0.5}
    figure.add_shape(type="rect", **corner, line={"color": halo, "width": 5})
    figure.add_shape(type="rect", **corner, line={"width": 2} | line)


def _label(figure: go.Figure, text: str, fill: str, place: dict[str, object]) -> None:
    """Groups have theirs at the upper right corner and candidates at the lower left, so that both can be read."""
    font = {"color": contrasting(fill), "size": 11}
    figure.add_annotation(text=text, showarrow=False, font=font, bgcolor=fill, borderpad=2, **place)
