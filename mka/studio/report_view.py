"""A report on the screen: verdict, figures beside baseline and controls, subjects, generations."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from mka.figures import takeaways, words
from mka.figures.evaluation import report_series, subject_dots
from mka.objects.jsonable import jsonable
from mka.objects.report import Report, Result
from mka.studio import session, widgets
from mka.studio.desk import Outcome
from mka.studio.memory import count_text
from mka.studio.naming import listed

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
MEASURED = ("Merged layers", "Layers", "Perplexity", "Accuracy", "KL (nats)", "Texts", "Questions", "Shots")


def report_view(report: Report) -> None:
    """Draw all of it; perplexity and accuracy always stand together."""
    st.subheader("Verdict", anchor=False)
    st.text(report.verdict)
    st.caption(measured_on(report))
    _headline(report)
    rows = [_row(name, result) for name, result in report_series(report)]
    st.dataframe(_columns(HEADER, rows), hide_index=True, width="stretch")
    st.caption(
        "truncate deletes as many layers from the end, drop-keep-last those before the last one. "
        "Neither needs calibration or merging."
    )
    for sentence in takeaways.of_lengths(report):
        st.text(sentence)
    with st.container(horizontal=True):
        widgets.download("Figures (CSV)", lambda: widgets.csv_text(HEADER, rows), "evaluation.csv")
        widgets.download("Report (JSON)", lambda: json.dumps(jsonable(report), indent=2) + "\n", "report.json")
    if report.result.choices:
        st.subheader("Subject by subject", anchor=False)
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
    st.subheader("Plans measured so far", anchor=False)
    rows = [_measured_row(outcome) for outcome in outcomes]
    st.dataframe(_columns(MEASURED, rows), hide_index=True, width="stretch")
    widgets.download("Plans (CSV)", lambda: widgets.csv_text(MEASURED, rows), "plans.csv")


def measured_on(report: Report) -> str:
    """How many texts and questions the figures rest on."""
    parts = []
    if report.result.perplexity:
        parts.append(f"{report.result.perplexity.texts} texts of {report.text_source}")
    if report.result.choices:
        shots = f" with {report.result.choices.shots} solved before each" if report.result.choices.shots else ""
        parts.append(f"{report.result.choices.n} questions of {report.question_source}{shots}")
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
    rows: list[widgets.Figure] = []
    if result.perplexity:
        beneath = None
        if base and base.perplexity:
            share = result.perplexity.value / base.perplexity.value - 1
            beneath = f"{words.change(share)} of {words.number(base.perplexity.value)}"
        rows.append(("Perplexity", words.number(result.perplexity.value), beneath))
    if result.choices:
        beneath = None
        if base and base.choices:
            points = words.signed(100 * (result.choices.accuracy - base.choices.accuracy))
            beneath = f"{points} points of {words.percent(base.choices.accuracy)}"
        rows.append(("Accuracy", words.percent(result.choices.accuracy), beneath))
    if result.divergence:
        beneath = f"KL {words.number(result.divergence.kl, 3)} nats"
        rows.append(("Same next token", words.percent(result.divergence.top1), beneath))
    beneath = None
    if base:
        share = result.cost.parameters / base.cost.parameters - 1
        beneath = f"{words.change(share)} of {count_text(base.cost.parameters)}"
    rows.append(("Parameters", count_text(result.cost.parameters), beneath))
    widgets.figures(rows)


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    return {head: [row[i] for row in rows] for i, head in enumerate(header)}


def _row(name: str, result: Result) -> tuple[str, ...]:
    perplexity, choices, divergence = result.perplexity, result.choices, result.divergence
    return (
        name,
        str(result.cost.layers),
        words.number(perplexity.value) if perplexity else "",
        words.number(perplexity.stderr, 2) if perplexity else "",
        words.percent(choices.accuracy) if choices else "",
        " to ".join(map(words.percent, choices.ci95)) if choices else "",
        words.percent(choices.letter) if choices else "",
        words.number(divergence.kl, 3) if divergence else "",
        words.percent(divergence.top1) if divergence else "",
    )


def _measured_row(outcome: Outcome) -> tuple[str, ...]:
    report = outcome.report
    assert report is not None
    result = report.result
    return (
        listed(group.layers for group in outcome.plan.groups),
        f"{outcome.plan.depth} → {outcome.plan.layers_after}",
        words.number(result.perplexity.value) if result.perplexity else "",
        words.percent(result.choices.accuracy) if result.choices else "",
        words.number(result.divergence.kl, 3) if result.divergence else "",
        str(result.perplexity.texts) if result.perplexity else "",
        str(result.choices.n) if result.choices else "",
        str(result.choices.shots) if result.choices else "",
    )


def _generations(report: Report) -> None:
    st.subheader("What they write", anchor=False)
    st.caption("The most likely next token, again and again; text as the models wrote it.")
    for generation in report.result.generations:
        with st.container(border=True):
            st.text(generation.prompt)
            left, right = st.columns(2)
            left.caption("unmerged")
            left.text(generation.baseline)
            right.caption("merged")
            right.text(generation.model)
