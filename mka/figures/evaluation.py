"""What a merge cost, drawn: accuracy per subject with its interval, against the unmerged model and the controls."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from mka.figures.theme import OKABE_ITO, VERMILION, Theme, escape, styled
from mka.objects.report import Choices, Report, Result

Z95 = 1.959963984540054
LOOKS = {
    "truncate": (OKABE_ITO[0], "square"),
    "drop-keep-last": (OKABE_ITO[2], "triangle-up"),
}
SPREAD = 0.27
"""How far above and below its row a subject's first and last dot lie, in rows."""


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of `share` = k/n, in [0, 1]; (0, 1) where n is 0."""
    if n == 0:
        return 0.0, 1.0
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def report_series(report: Report) -> tuple[tuple[str, Result], ...]:
    """Every measured model of `report` with the name a reader knows it by, the merged one first."""
    baseline = (("unmerged", report.baseline),) if report.baseline else ()
    return (("merged", report.result), *baseline, *report.controls.items())


def subject_dots(report: Report, theme: Theme) -> go.Figure:
    """One row per subject and one dot per model, with 95 % Wilson intervals; the dotted line is chance."""
    series = [(name, result.choices) for name, result in report_series(report) if result.choices]
    subjects = sorted({subject for _, choices in series for subject in choices.subjects}, reverse=True)
    looks = {"merged": (VERMILION, "circle"), "unmerged": (theme.text, "diamond-open")} | LOOKS
    figure = go.Figure()
    for index, (name, choices) in enumerate(series):
        offset = SPREAD - 2 * SPREAD * index / max(1, len(series) - 1)
        look = looks.get(name, (OKABE_ITO[7], "x"))
        figure.add_trace(_dots(name, choices, subjects, offset, look))
    styled(figure, theme, height=max(220, 40 * len(subjects) + 110))
    figure.add_vline(x=0.25, line={"color": theme.muted, "dash": "dot", "width": 1.5})
    figure.update_xaxes(
        range=[-0.01, 1.02],
        tickvals=[0, 0.25, 0.5, 0.75, 1],
        ticktext=["0%", "25%<br>chance", "50%", "75%", "100%"],
        title="questions answered right",
        fixedrange=True,
    )
    figure.update_yaxes(
        tickvals=list(range(len(subjects))),
        ticktext=[escape(subject.replace("_", " ")) for subject in subjects],
        fixedrange=True,
        automargin=True,
        zeroline=False,
        range=[-0.6, len(subjects) - 0.4],
    )
    figure.update_layout(
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0}, margin={"t": 40}, dragmode=False
    )
    return figure


def _dots(name: str, choices: Choices, subjects: list[str], offset: float, look: tuple[str, str]) -> go.Scatter:
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
