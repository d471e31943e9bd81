"""How far a merged model's next token is from the unmerged model's, along the text, drawn."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from mka.figures.evaluation import MERGED, OTHER, looks, report_series
from mka.figures.theme import Theme, escape, styled, translucent
from mka.objects.report import Report

DASHES = {MERGED: "solid", "truncate": "dash", "drop-keep-last": "dot"}
"""How each model's line is broken; what is not named here is dash-dotted."""
MARKS = 10
"""On a line at most, so that it stays a line where the picture is narrow."""


def by_position(report: Report) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """Each model that was compared with the unmerged one: its mean KL in nats at each token position, from 0."""
    return tuple(
        (name, result.divergence.by_position)
        for name, result in report_series(report)
        if result.divergence and result.divergence.by_position
    )


def divergence_curves(report: Report, theme: Theme) -> go.Figure:
    """One line per model, KL(unmerged || model) in nats from 0 up; a position without a value is a gap. Behind the
    merged model's lies one standard error of it, where that is known."""
    figure = go.Figure()
    _add_error(figure, report, theme)
    for name, values in by_position(report):
        colour, symbol = looks(theme).get(name, OTHER)
        figure.add_trace(
            go.Scatter(
                x=list(range(len(values))),
                y=[value if math.isfinite(value) else None for value in values],
                mode="lines+markers",
                name=escape(name),
                line={"color": colour, "width": 2, "dash": DASHES.get(name, "dashdot")},
                marker={"color": colour, "symbol": symbol, "size": 8, "maxdisplayed": MARKS},
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


def _add_error(figure: go.Figure, report: Report, theme: Theme) -> None:
    """A band of one standard error about the merged model's means."""
    moved = report.result.divergence
    rows = enumerate(zip(moved.by_position, moved.position_stderr, strict=False)) if moved else ()
    known = [(at, mean, error) for at, (mean, error) in rows if math.isfinite(mean) and math.isfinite(error)]
    if not known:
        return
    above = [(at, mean + error) for at, mean, error in known]
    below = [(at, max(0.0, mean - error)) for at, mean, error in reversed(known)]
    x, y = zip(*above, *below, strict=True)
    figure.add_trace(
        go.Scatter(
            x=list(x),
            y=list(y),
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor=translucent(looks(theme)[MERGED][0], 0.18),
            hoverinfo="skip",
            showlegend=False,
        )
    )
