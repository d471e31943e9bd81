"""A report on the screen: verdict, figures beside baseline and controls, subjects, generations."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from mka.figures import takeaways
from mka.figures.evaluation import report_series, subject_dots
from mka.objects.jsonable import jsonable
from mka.objects.report import Report, Result
from mka.studio import session, widgets
from mka.studio.desk import Outcome
from mka.studio.memory import count_text
from mka.studio.state import listed

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
MEASURED = ("Merged layers", "Layers", "Perplexity", "Accuracy", "KL (nats)", "Texts", "Questions")


def report_view(report: Report) -> None:
    """Draw all of it; perplexity and accuracy always stand together."""
    st.subheader("Verdict")
    st.text(report.verdict)
    _headline(report)
    rows = [_row(name, result) for name, result in report_series(report)]
    st.dataframe(_columns(HEADER, rows), hide_index=True, width="stretch")
    st.caption(
        "truncate deletes as many layers from the end, drop-keep-last those before the last one. Both cost nothing."
    )
    st.text(measured_on(report))
    with st.container(horizontal=True):
        widgets.download("Figures (CSV)", lambda: widgets.csv_text(HEADER, rows), "evaluation.csv")
        widgets.download("Report (JSON)", lambda: json.dumps(jsonable(report), indent=2) + "\n", "report.json")
    if report.result.choices:
        st.subheader("Subject by subject")
        figure = subject_dots(report, session.theme())
        widgets.chart(figure, "subjects", takeaways.of_report(report))
        st.caption("Bars are 95 % Wilson intervals; left of the dotted line is worse than guessing.")
        widgets.take_away(figure, "subjects", lambda: subjects_csv(report))
    if report.result.generations:
        _generations(report)


def measured_view(outcomes: Sequence[Outcome]) -> None:
    """Every plan that this session measured, to compare; nothing where there is only one."""
    if len(outcomes) < 2:
        return
    st.subheader("Plans measured so far")
    rows = [_measured_row(outcome) for outcome in outcomes]
    st.dataframe(_columns(MEASURED, rows), hide_index=True, width="stretch")
    widgets.download("Plans (CSV)", lambda: widgets.csv_text(MEASURED, rows), "plans.csv")


def measured_on(report: Report) -> str:
    """How many texts and questions the figures rest on."""
    parts = []
    if report.result.perplexity:
        parts.append(f"{report.result.perplexity.texts} texts of {report.text_source}")
    if report.result.choices:
        parts.append(f"{report.result.choices.n} questions of {report.question_source}")
    return f"Measured on {' and '.join(parts)}, seed {report.seed}." if parts else f"Seed {report.seed}."


def subjects_csv(report: Report) -> str:
    """One row per model and subject."""
    rows = (
        (name, subject, one.accuracy, one.letter, one.n)
        for name, result in report_series(report)
        if result.choices
        for subject, one in result.choices.subjects.items()
    )
    return widgets.csv_text(("model", "subject", "accuracy", "by letter", "questions"), rows)


def _headline(report: Report) -> None:
    result, base = report.result, report.baseline
    cells = st.columns(4)
    if result.perplexity:
        delta = None
        if base and base.perplexity:
            delta = f"{_percent(result.perplexity.value / base.perplexity.value - 1)} of {base.perplexity.value:.4g}"
        widgets.metric(cells[0], "Perplexity", f"{result.perplexity.value:.4g}", delta)
    if result.choices:
        delta = None
        if base and base.choices:
            points = 100 * (result.choices.accuracy - base.choices.accuracy)
            delta = f"{_signed(points)} points of {base.choices.accuracy:.1%}"
        widgets.metric(cells[1], "Accuracy", f"{result.choices.accuracy:.1%}", delta)
    if result.divergence:
        delta = f"KL {result.divergence.kl:.3g} nats"
        widgets.metric(cells[2], "Same next token", f"{result.divergence.top1:.1%}", delta)
    delta = None
    if base:
        delta = f"{_percent(result.cost.parameters / base.cost.parameters - 1)} of {count_text(base.cost.parameters)}"
    widgets.metric(cells[3], "Parameters", count_text(result.cost.parameters), delta)


def _signed(figure: float) -> str:
    return f"{figure:+.1f}".replace("-", "\N{MINUS SIGN}")


def _percent(share: float) -> str:
    return f"{_signed(100 * share)} %"


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    return {head: [row[i] for row in rows] for i, head in enumerate(header)}


def _row(name: str, result: Result) -> tuple[str, ...]:
    perplexity, choices, divergence = result.perplexity, result.choices, result.divergence
    return (
        name,
        str(result.cost.layers),
        f"{perplexity.value:.4g}" if perplexity else "",
        f"{perplexity.stderr:.2g}" if perplexity else "",
        f"{choices.accuracy:.1%}" if choices else "",
        f"{choices.ci95[0]:.1%} to {choices.ci95[1]:.1%}" if choices else "",
        f"{choices.letter:.1%}" if choices else "",
        f"{divergence.kl:.3g}" if divergence else "",
        f"{divergence.top1:.1%}" if divergence else "",
    )


def _measured_row(outcome: Outcome) -> tuple[str, ...]:
    report = outcome.report
    assert report is not None
    result = report.result
    return (
        listed(group.layers for group in outcome.plan.groups),
        f"{outcome.plan.depth} → {outcome.plan.layers_after}",
        f"{result.perplexity.value:.4g}" if result.perplexity else "",
        f"{result.choices.accuracy:.1%}" if result.choices else "",
        f"{result.divergence.kl:.3g}" if result.divergence else "",
        str(result.perplexity.texts) if result.perplexity else "",
        str(result.choices.n) if result.choices else "",
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
