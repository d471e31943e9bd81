"""What a merge cost, drawn: accuracy per subject with its interval, against the unmerged model and the controls."""

from __future__ import annotations

import math

import plotly.graph_objects as go

from mka.figures.theme import OKABE_ITO, VERMILION, Theme, escape, styled
from mka.objects.report import Report, Result

Z95 = 1.959963984540054


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
    series = [(name, result) for name, result in report_series(report) if result.choices]
    subjects = sorted(
        {subject for _, result in series if result.choices for subject in result.choices.subjects}, reverse=True
    )
    look = {"merged": (VERMILION, "circle"), "unmerged": (theme.text, "diamond-open")}
    spare = iter(
        ((OKABE_ITO[0], "square"), (OKABE_ITO[2], "triangle-up"), (OKABE_ITO[1], "cross"), (OKABE_ITO[3], "x"))
    )
    figure = go.Figure()
    offsets = [0.27 - 0.54 * i / max(1, len(series) - 1) for i in range(len(series))]
    for (name, result), offset in zip(series, offsets):
        assert result.choices is not None
        colour, symbol = look.get(name) or next(spare, (OKABE_ITO[7], "circle"))
        rows = [
            (i, subject, result.choices.subjects[subject])
            for i, subject in enumerate(subjects)
            if subject in result.choices.subjects
        ]
        intervals = [wilson(item.accuracy, item.n) for _, _, item in rows]
        figure.add_trace(
            go.Scatter(
                x=[item.accuracy for _, _, item in rows],
                y=[i + offset for i, _, _ in rows],
                mode="markers",
                name=escape(name),
                marker={"color": colour, "symbol": symbol, "size": 9, "line": {"width": 1.5, "color": colour}},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "thickness": 1.2,
                    "width": 0,
                    "color": colour,
                    "array": [high - item.accuracy for (_, _, item), (_, high) in zip(rows, intervals)],
                    "arrayminus": [item.accuracy - low for (_, _, item), (low, _) in zip(rows, intervals)],
                },
                customdata=[[escape(subject), item.n] for _, subject, item in rows],
                hovertemplate=escape(name)
                + ", %{customdata[0]}: %{x:.1%} of %{customdata[1]} questions<extra></extra>",
            )
        )
    styled(figure, theme, height=max(220, 44 * len(subjects) + 110))
    figure.add_vline(
        x=0.25,
        line={"color": theme.muted, "dash": "dot", "width": 1.5},
        annotation_text="chance",
        annotation_font_color=theme.muted,
    )
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%", title="questions answered right", fixedrange=True)
    figure.update_yaxes(
        tickvals=list(range(len(subjects))),
        ticktext=[escape(s) for s in subjects],
        fixedrange=True,
        automargin=True,
        zeroline=False,
        range=[-0.6, len(subjects) - 0.4],
    )
    figure.update_layout(
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, margin={"t": 40}, dragmode=False
    )
    return figure
