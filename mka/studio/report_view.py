"""A report on the screen: verdict, figures beside baseline and controls, subjects, generations."""

from __future__ import annotations

import json

import streamlit as st

from mka.figures import takeaways
from mka.figures.evaluation import report_series, subject_dots
from mka.objects.jsonable import jsonable
from mka.objects.report import Report, Result
from mka.studio import session, widgets

HEADER = (
    "Model",
    "Layers",
    "Perplexity",
    "± s.e.",
    "Accuracy",
    "95 % interval",
    "By letter",
    "KL (nats)",
    "Same next token",
)


def report_view(report: Report) -> None:
    """Draw all of it; perplexity and accuracy always stand together."""
    st.subheader("Verdict")
    st.success(widgets.plain(report.verdict), icon=":material/gavel:")
    _headline(report)
    rows = [_row(name, result) for name, result in report_series(report)]
    table = {head: [row[i] for row in rows] for i, head in enumerate(HEADER)}
    st.dataframe(table, hide_index=True, width="stretch")
    st.caption(
        "truncate deletes as many layers from the end; drop-keep-last deletes those before the last one. "
        "Both cost nothing."
    )
    left, right = st.columns(2)
    with left:
        widgets.download_csv("Figures as CSV", widgets.csv_text(HEADER, rows), "evaluation.csv")
    right.download_button(
        "Report as JSON",
        json.dumps(jsonable(report), indent=2) + "\n",
        file_name="report.json",
        mime="application/json",
        on_click="ignore",
        icon=":material/download:",
    )
    if report.result.choices:
        st.subheader("Subject by subject")
        widgets.chart(subject_dots(report, session.theme()), "subjects", takeaways.of_report(report))
        st.caption("Bars are 95 % Wilson intervals; left of the dotted line is worse than guessing.")
    if report.result.generations:
        _generations(report)


def _headline(report: Report) -> None:
    result, base = report.result, report.baseline
    cells = st.columns(4)
    if result.perplexity:
        delta = None
        if base and base.perplexity:
            delta = f"{result.perplexity.value / base.perplexity.value - 1:+.1%} of {base.perplexity.value:.4g}"
        cells[0].metric("Perplexity", f"{result.perplexity.value:.4g}", delta, delta_color="inverse", border=True)
    if result.choices:
        delta = None
        if base and base.choices:
            delta = f"{100 * (result.choices.accuracy - base.choices.accuracy):+.1f} points"
        cells[1].metric("Accuracy", f"{result.choices.accuracy:.1%}", delta, border=True)
    if result.divergence:
        cells[2].metric(
            "Same next token",
            f"{result.divergence.top1:.1%}",
            f"KL {result.divergence.kl:.3g} nats",
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
    change = result.cost.parameters / base.cost.parameters - 1 if base else None
    cells[3].metric(
        "Parameters",
        f"{result.cost.parameters:,}",
        None if change is None else f"{change:+.1%}",
        delta_color="off",
        delta_arrow="off",
        border=True,
    )


def _row(name: str, result: Result) -> tuple[str | int, ...]:
    perplexity, choices, divergence = result.perplexity, result.choices, result.divergence
    low, high = choices.ci95 if choices else (0.0, 0.0)
    return (
        name,
        result.cost.layers,
        f"{perplexity.value:.4g}" if perplexity else "",
        f"{perplexity.stderr:.2g}" if perplexity else "",
        f"{choices.accuracy:.1%}" if choices else "",
        f"{low:.1%} to {high:.1%}" if choices else "",
        f"{choices.letter:.1%}" if choices else "",
        f"{divergence.kl:.3g}" if divergence else "",
        f"{divergence.top1:.1%}" if divergence else "",
    )


def _generations(report: Report) -> None:
    st.subheader("What they write")
    st.caption("The most likely next token, again and again; text as the models wrote it.")
    for generation in report.result.generations:
        with st.container(border=True):
            st.text(generation.prompt)
            left, right = st.columns(2)
            left.caption("unmerged")
            left.text(generation.baseline)
            right.caption("merged")
            right.text(generation.model)
