"""The similarity heatmap: a square of layer pairs on which a block of layers can be clicked.

plotly gives no click event for a heatmap cell, so an invisible marker lies over each cell and
carries the cell's name as its id.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from mka.figures import words
from mka.figures.theme import VERMILION, Theme, contrasting, styled
from mka.objects.plan import MergeGroup
from mka.objects.similarity import Similarity

WIDE_FROM_LAYERS = 56
"""From this depth on a cell of a 560 pixel plot is too small to hit; the plot grows instead."""


def cell_id(row: int, column: int) -> str:
    """The name of a cell, as clicks report it."""
    return f"{row}-{column}"


def cell_of(name: str) -> tuple[int, int]:
    """The (row, column) that `cell_id` named; ValueError for anything else."""
    row, column = name.split("-")
    return int(row), int(column)


def colour_range(similarity: Similarity, *, full: bool = False) -> tuple[float, float]:
    """Where the colour scale starts and ends, read from the finite off-diagonal values.

    The default range is the 2 % quantile to the largest value, so that one outlier does not wash
    out the rest; `full` starts at the smallest. (0, 1) where there is no value at all.
    """
    values = similarity.values[~np.eye(similarity.layers, dtype=bool)]
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    low = float(values.min()) if full else float(np.quantile(values, 0.02))
    high = float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def heatmap(
    similarity: Similarity,
    theme: Theme,
    *,
    groups: Sequence[MergeGroup] = (),
    candidates: Sequence[tuple[int, ...]] = (),
    full_range: bool = False,
) -> go.Figure:
    """Draw the L x L matrix, origin top left, with planned groups outlined and candidates dashed."""
    depth = similarity.layers
    low, high = colour_range(similarity, full=full_range)
    shown = np.where(np.eye(depth, dtype=bool), np.nan, similarity.values)
    figure = go.Figure()
    figure.add_trace(
        go.Heatmap(
            z=shown,
            zmin=low,
            zmax=high,
            colorscale="Viridis",
            reversescale=not similarity.higher_is_alike,
            hoverinfo="skip",
            xgap=1 if depth <= 40 else 0,
            ygap=1 if depth <= 40 else 0,
            colorbar={
                "thickness": 10,
                "outlinewidth": 0,
                "len": 0.6,
                "tickfont": {"color": theme.muted},
                "tickformat": ".3~g",
            },
        )
    )
    figure.add_trace(_overlay(similarity))
    side = 560 if depth < WIDE_FROM_LAYERS else max(900, 12 * depth)
    styled(figure, theme, height=side)
    ticks = list(range(0, depth, max(1, depth // 12)))
    axis = {"range": [-0.5, depth - 0.5], "tickvals": ticks, "fixedrange": True, "showgrid": False, "zeroline": False}
    figure.update_xaxes(**axis, title="layer", constrain="domain")
    figure.update_yaxes(
        **axis | {"range": [depth - 0.5, -0.5]}, title="layer", scaleanchor="x", scaleratio=1, constrain="domain"
    )
    figure.update_layout(
        plot_bgcolor=theme.neutral,
        hoverdistance=-1,
        clickmode="event+select",
        dragmode=False,
        showlegend=False,
        margin={"l": 48, "r": 8, "t": 40, "b": 44},
        title=_title(similarity, theme),
    )
    for layers in candidates:
        _outline(figure, layers, label=f"proposed {_span(layers)}", dash="dash", colour="#FFFFFF")
    for group in groups:
        _outline(figure, group.layers, label=_span(group.layers), dash="solid", colour=VERMILION)
    return figure


def _title(similarity: Similarity, theme: Theme) -> dict[str, object]:
    """The measure's name, and how to read it where low is alike."""
    name = words.measure_title(similarity.measure)
    return {
        "text": name if similarity.higher_is_alike else f"{name} (low is alike)",
        "font": {"size": 13, "color": theme.muted},
        "x": 0,
        "xanchor": "left",
        "xref": "paper",
        "y": 1,
        "yanchor": "top",
        "pad": {"t": 2},
    }


def _overlay(similarity: Similarity) -> go.Scatter:
    """One invisible marker per cell; it must be smaller than a cell, or its neighbour is hit."""
    rows, columns = (grid.ravel() for grid in np.indices(similarity.values.shape))
    texts = [_cell_text(similarity, int(row), int(column)) for row, column in zip(rows, columns, strict=True)]
    return go.Scatter(
        x=columns,
        y=rows,
        mode="markers",
        marker={"size": 2, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        ids=[cell_id(int(row), int(column)) for row, column in zip(rows, columns, strict=True)],
        text=texts,
        hovertemplate="%{text}<extra></extra>",
    )


def _cell_text(similarity: Similarity, row: int, column: int) -> str:
    if row == column:
        return f"layer {row} with itself"
    value = similarity.values[row, column]
    figure = f"{value:.3f}" if np.isfinite(value) else "no value"
    first, last = sorted((row, column))
    return f"layers {row} and {column}: {figure}<br>click to propose the block {first}–{last}"


def _span(layers: Sequence[int]) -> str:
    """Layers as a person writes them: 3–5, or 3, 5 where the run has gaps."""
    if len(layers) == layers[-1] - layers[0] + 1 and len(layers) > 1:
        return f"{layers[0]}–{layers[-1]}"
    return ", ".join(str(layer) for layer in layers)


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
