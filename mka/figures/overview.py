"""What a merge cost, drawn: perplexity and accuracy side by side, one row per model, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mka.figures import words
from mka.figures.evaluation import (
    CHANCE,
    OTHER,
    UNMERGED,
    Look,
    accuracy_change,
    looks,
    perplexity_change,
    report_series,
    within_one_error,
)
from mka.figures.theme import Theme, escape, styled
from mka.objects.report import Report, Result

ROW = 58
"""Pixels from one model to the next."""
MOST_TICKS = 4
"""A panel is a hundred pixels wide on a telephone."""
MANTISSAS: tuple[tuple[float, ...], ...] = (
    *(tuple(1 + step * i for i in range(round(9 / step))) for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)),
    (1, 2, 5),
    (1,),
)
"""Ever coarser choices of ticks in a decade."""


@dataclass(frozen=True)
class _Dot:
    """One model's figure in a panel. written: beside the dot, its difference from the unmerged model; hover: all."""

    value: float
    low: float
    high: float
    written: str
    hover: str


@dataclass(frozen=True)
class _Panel:
    """One figure of all models, None where it was not measured; range: of the axis, as plotly reads it."""

    dots: tuple[_Dot | None, ...]
    title: str
    logarithmic: bool
    range: tuple[float, float]

    def place(self, value: float) -> float:
        """Where on the axis a value lies, in units of the axis's length."""
        low, high = self.range
        return ((math.log10(value) if self.logarithmic else value) - low) / (high - low)


def overview_dots(report: Report, theme: Theme) -> go.Figure:
    """One row per model, the merged one on top; perplexity (log axis, one standard error) beside accuracy (95 %
    interval), as far as they were measured. The difference from the unmerged model, whose value the thin line
    continues, is written at each dot; what has no dot says why."""
    series = report_series(report)
    panels = [panel for panel in (_perplexities(series), _accuracies(series)) if any(panel.dots)]
    figure = make_subplots(rows=1, cols=max(1, len(panels)), shared_yaxes=True, horizontal_spacing=0.06)
    styled(figure, theme, height=ROW * len(series) + 94)
    for column, panel in enumerate(panels, start=1):
        _draw(figure, panel, series, column, theme)
    figure.update_yaxes(
        tickvals=list(range(len(series))),
        ticktext=[escape(name) for name, _ in series],
        range=[len(series) - 0.5, -0.7],
        fixedrange=True,
        automargin=True,
        zeroline=False,
        showgrid=False,
    )
    figure.update_yaxes(tickfont={"color": theme.text}, col=1)
    figure.update_layout(showlegend=False, dragmode=False, margin={"t": 26, "b": 64})
    return figure


def log_ticks(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """At most so many round values in [low, high], both positive, as finely as that allows."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas in MANTISSAS:
        found = [tick for decade in decades for tick in (m * 10.0**decade for m in mantissas) if low <= tick <= high]
        if len(found) <= most:
            return found
    return found[:: math.ceil(len(found) / most)]


def _perplexities(series: Sequence[tuple[str, Result]]) -> _Panel:
    base = next((result.perplexity for name, result in series if name == UNMERGED), None)
    dots: list[_Dot | None] = []
    for name, result in series:
        one = result.perplexity
        if one is None:
            dots.append(None)
            continue
        low, high = within_one_error(one)
        own = words.number(one.value)
        change = "" if base is None or name == UNMERGED else perplexity_change(one, base)
        hover = f"perplexity {own} ± {words.number(one.stderr, 2)}" + (f", {change}" if change else "")
        dots.append(_Dot(one.value, low, high, change or own, hover))
    bounds = [bound for dot in dots if dot for bound in (dot.low, dot.value, dot.high) if 0 < bound < math.inf]
    low, high = (math.log10(min(bounds)), math.log10(max(bounds))) if bounds else (0.0, 1.0)
    pad = max(0.08 * (high - low), 0.01)
    return _Panel(tuple(dots), "perplexity, log scale<br>± 1 standard error", True, (low - pad, high + pad))


def _accuracies(series: Sequence[tuple[str, Result]]) -> _Panel:
    base = next((result.choices for name, result in series if name == UNMERGED), None)
    dots: list[_Dot | None] = []
    for name, result in series:
        one = result.choices
        if one is None:
            dots.append(None)
            continue
        own = words.percent(one.accuracy)
        change = "" if base is None or name == UNMERGED else accuracy_change(one, base)
        hover = f"accuracy {own}, 95 % {' to '.join(map(words.percent, one.ci95))}" + (f", {change}" if change else "")
        dots.append(_Dot(one.accuracy, *one.ci95, change.removesuffix(" points") or own, hover))
    return _Panel(tuple(dots), "% answered right<br>95 % interval", False, (-0.03, 1.03))


def _draw(figure: go.Figure, panel: _Panel, series: Sequence[tuple[str, Result]], column: int, theme: Theme) -> None:
    for row, ((name, _), dot) in enumerate(zip(series, panel.dots, strict=True)):
        if dot is None:
            continue
        if name == UNMERGED and 0 < dot.value < math.inf:
            line = {"color": theme.muted, "width": 1}
            ends = {"x": [dot.value, dot.value], "y": [-0.7, len(series) - 0.5]}
            figure.add_trace(go.Scatter(**ends, mode="lines", line=line, hoverinfo="skip"), row=1, col=column)
        figure.add_trace(_mark(name, row, dot, panel, looks(theme).get(name, OTHER), theme), row=1, col=column)
    if panel.logarithmic:
        ticks = log_ticks(10 ** panel.range[0], 10 ** panel.range[1])
        labels = [f"{tick:,.10g}" for tick in ticks]
    else:
        ticks, labels = [0, CHANCE, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"]
        ends = {"x": [CHANCE, CHANCE], "y": [-0.7, len(series) - 0.5]}
        dotted = {"color": theme.muted, "width": 1.5, "dash": "dot"}
        figure.add_trace(go.Scatter(**ends, mode="lines", line=dotted, hoverinfo="skip"), row=1, col=column)
        label = {"text": "chance", "font": {"color": theme.muted, "size": 12}, "showarrow": False, "yanchor": "bottom"}
        figure.add_annotation(x=CHANCE, y=-0.7, **label, row=1, col=column)
    figure.update_xaxes(
        type="log" if panel.logarithmic else "linear",
        range=list(panel.range),
        tickvals=ticks,
        ticktext=labels,
        title=panel.title,
        fixedrange=True,
        zeroline=False,
        col=column,
    )


def _mark(name: str, row: int, dot: _Dot, panel: _Panel, look: Look, theme: Theme) -> go.Scatter:
    """A dot with its interval and its difference; the difference alone at the axis's foot where there is no dot."""
    colour, symbol = look
    shown = math.isfinite(dot.value) and (dot.value > 0 or not panel.logarithmic)
    foot = 10 ** panel.range[0] if panel.logarithmic else panel.range[0]
    bounded = shown and math.isfinite(dot.low) and math.isfinite(dot.high)
    side = "right" if not shown or panel.place(dot.value) < 0.5 else "left"
    return go.Scatter(
        x=[dot.value if shown else foot],
        y=[row],
        mode="markers+text" if shown else "text",
        name=escape(name),
        text=[f"<b>{dot.written}</b>"],
        textposition=f"top {side}" if shown else "middle right",
        textfont={"color": theme.text, "size": 12},
        cliponaxis=False,
        marker={"color": colour, "symbol": symbol, "size": 11, "line": {"width": 2, "color": colour}},
        error_x={
            "type": "data",
            "symmetric": False,
            "visible": bounded,
            "array": [dot.high - dot.value if bounded else 0],
            "arrayminus": [dot.value - dot.low if bounded else 0],
            "color": colour,
            "thickness": 2,
            "width": 5,
        },
        hovertemplate=f"{escape(name)}: {dot.hover}<extra></extra>",
    )
