"""Two plans for one model, a ruler below the other on one axis of layers."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from mka.figures.plan_ruler import BLOCK, LOWER, NUMBER, RULER, UPPER, add_ruler, arranged, runs
from mka.figures.theme import Theme, escape, styled, translucent
from mka.objects.plan import MergePlan

LIFT = RULER + 0.35
"""How far the first plan's ruler stands above the second's; its name finds room between."""


def plan_pair(
    first: MergePlan, second: MergePlan, theme: Theme, *, names: tuple[str, str], differing: Sequence[int]
) -> go.Figure:
    """Draw both rulers; the layers in `differing`, increasing, of which the two make something else, are
    marked in both.

    Both plans must be of one depth.
    """
    figure = go.Figure()
    for plan, lift, name in ((first, LIFT, names[0]), (second, 0.0, names[1])):
        for start, stop in runs(differing):
            figure.add_shape(
                type="rect", x0=start - 0.5, x1=stop + 0.5, y0=lift + 1 - 0.07, y1=lift + 1 + BLOCK + NUMBER,
                fillcolor=translucent(theme.accent, 0.2), line={"width": 0}, layer="below",
            )  # fmt: skip
        add_ruler(figure, plan, theme, lift=lift)
        title = escape(name[:1].upper() + name[1:])
        figure.add_annotation(
            text=f"<b>{title}</b>", x=-0.5, y=lift + 1 + BLOCK + NUMBER, xanchor="left", yanchor="bottom",
            showarrow=False, font={"color": theme.text, "size": 13},
        )  # fmt: skip
    styled(figure, theme, height=480)
    arranged(figure, first.depth, [(LIFT, UPPER, LOWER), (0.0, UPPER, LOWER)])
    figure.update_yaxes(range=[-NUMBER - 0.1, LIFT + 1 + BLOCK + NUMBER + 0.35])
    return figure


def of_plan_pair(first: MergePlan, second: MergePlan, *, names: tuple[str, str], differing: Sequence[int]) -> str:
    """How deep each leaves the model, and where they differ."""
    if first.layers_after == second.layers_after:
        left = f"Both plans leave {first.layers_after} of {first.depth} layers"
    else:
        left = f"Of {first.depth} layers, {names[0]} leaves {first.layers_after} and {names[1]} {second.layers_after}"
    if not differing:
        return f"{left}, and they are the same."
    blocks = ", ".join(f"{start}" if start == stop else f"{start}–{stop}" for start, stop in runs(differing))
    word = "layer" if len(differing) == 1 else "layers"
    return f"{left}; they differ on {word} {blocks}."
