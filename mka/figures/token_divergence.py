"""How far a merged model's next token is from the unmerged model's, along the text, drawn."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from mka.figures.evaluation import OTHER, looks, report_series
from mka.figures.theme import Theme, escape, styled
from mka.objects.report import Report


def by_position(report: Report) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """Each model that was compared with the unmerged one: its mean KL in nats at each token position, from 0."""
    return tuple(
        (name, result.divergence.by_position)
        for name, result in report_series(report)
        if result.divergence and result.divergence.by_position
    )


def divergence_curves(report: Report, theme: Theme) -> go.Figure:
    """One line per model, KL(unmerged || model) in nats from 0 up; a position without a value is a gap."""
    figure = go.Figure()
    for name, values in by_position(report):
        colour, symbol = looks(theme).get(name, OTHER)
        figure.add_trace(
            go.Scatter(
                x=list(range(len(values))),
                y=[value if math.isfinite(value) else None for value in values],
                mode="lines+markers",
                name=escape(name),
                line={"color": colour, "width": 2},
                marker={"color": colour, "symbol": symbol, "size": 6},
                hovertemplate=f"{escape(name)}, position %{{x}}: %{{y:.4g}} nats<extra></extra>",
            )
        )
    styled(figure, theme, height=320)
    figure.update_xaxes(title="position of the token in its text", fixedrange=True, zeroline=False)
    figure.update_yaxes(title="KL (nats per token)", rangemode="tozero", fixedrange=True)
    figure.update_layout(
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        margin={"t": 40},
        showlegend=True,
        dragmode=False,
    )
    return figure
