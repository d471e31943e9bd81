"""What a merge cost subject by subject, drawn: accuracy with its interval, beside the unmerged model and controls."""

from __future__ import annotations

import math
from textwrap import wrap

import plotly.graph_objects as go

from mka.figures import words
from mka.figures.evaluation import CHANCE, OTHER, Look, looks, report_series, wilson
from mka.figures.theme import Theme, escape, styled
from mka.objects.report import Choices, Report

SPREAD = 0.27
"""How far above and below its row a subject's first and last dot lie, in rows."""
LETTERS = 20
"""Of a subject's name on one line."""


def by_loss(report: Report) -> tuple[tuple[str, float], ...]:
    """Each subject with what it won (lost, where negative) against the unmerged model, as a share of its questions;
    the largest loss first, what has no value last. Without a baseline NaN, and the lowest accuracy first."""
    asked, before = report.result.choices, report.baseline.choices if report.baseline else None
    if asked is None:
        return ()
    won = {
        name: one.accuracy - before.subjects[name].accuracy if before and name in before.subjects else math.nan
        for name, one in asked.subjects.items()
    }
    order = {name: one if before else asked.subjects[name].accuracy for name, one in won.items()}
    return tuple(sorted(won.items(), key=lambda item: (math.isnan(order[item[0]]), order[item[0]], item[0])))


def subject_dots(report: Report, theme: Theme) -> go.Figure:
    """One row per subject, the largest loss on top, and one dot per model, with 95 % Wilson intervals; beside a
    subject's name the points that it lost or won; the dotted line is chance."""
    series = [(name, result.choices) for name, result in report_series(report) if result.choices]
    rows = by_loss(report)
    subjects = [name for name, _ in rows]
    figure = go.Figure()
    for index, (name, choices) in enumerate(series):
        offset = SPREAD - 2 * SPREAD * index / max(1, len(series) - 1)
        figure.add_trace(_dots(name, choices, subjects, -offset, looks(theme).get(name, OTHER)))
    styled(figure, theme, height=max(220, 48 * len(subjects) + 110))
    figure.add_vline(x=CHANCE, line={"color": theme.muted, "dash": "dot", "width": 1.5})
    figure.update_xaxes(
        range=[-0.01, 1.02],
        tickvals=[0, CHANCE, 0.5, 0.75, 1],
        ticktext=["0", "25<br>chance", "50", "75", "100"],
        title={"text": "% of questions answered right", "standoff": 8},
        automargin=True,
        fixedrange=True,
    )
    figure.update_yaxes(
        tickvals=list(range(len(subjects))),
        ticktext=[_label(name, won) for name, won in rows],
        fixedrange=True,
        automargin=True,
        zeroline=False,
        range=[len(subjects) - 0.4, -0.6],
    )
    figure.update_layout(
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0}, margin={"t": 40}, dragmode=False
    )
    return figure


def _label(subject: str, won: float) -> str:
    """A subject's name, broken where it is long, and below it what it lost or won."""
    lines = [escape(line) for line in wrap(subject.replace("_", " "), LETTERS)]
    return "<br>".join(lines if math.isnan(won) else [*lines, f"<b>{words.signed(100 * won)}</b>"])


def _dots(name: str, choices: Choices, subjects: list[str], offset: float, look: Look) -> go.Scatter:
    """One model's dots; subjects that it was not asked are left out."""
    colour, symbol = look
    rows = [
        (row, subject, choices.subjects[subject]) for row, subject in enumerate(subjects) if subject in choices.subjects
    ]
    intervals = [wilson(item.accuracy, item.n) for _, _, item in rows]
    return go.Scatter(
        x=[item.accuracy for _, _, item in rows],
        y=[row + offset for row, _, _ in rows],
        mode="markers",
        name=escape(name),
        marker={"color": colour, "symbol": symbol, "size": 9, "line": {"width": 1.5, "color": colour}},
        error_x={
            "type": "data",
            "symmetric": False,
            "thickness": 1.2,
            "width": 0,
            "color": colour,
            "array": [high - item.accuracy for (_, _, item), (_, high) in zip(rows, intervals, strict=True)],
            "arrayminus": [item.accuracy - low for (_, _, item), (low, _) in zip(rows, intervals, strict=True)],
        },
        customdata=[[escape(name), escape(subject.replace("_", " ")), item.n] for _, subject, item in rows],
        hovertemplate="%{customdata[0]}, %{customdata[1]}: %{x:.1%} of %{customdata[2]} questions<extra></extra>",
    )
