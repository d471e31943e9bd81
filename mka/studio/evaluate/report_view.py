"""A report on the screen: the verdict first, then figures, then pictures, then what the models write."""

from __future__ import annotations

import json

import streamlit as st

from mka.evaluation.verdict import headline, kind_of_loss
from mka.figures import evaluation_words, takeaways, words
from mka.figures.evaluation import accuracy_change, perplexity_change
from mka.figures.overview import overview_dots
from mka.figures.subjects import subject_dots
from mka.figures.token_divergence import by_position, divergence_curves
from mka.objects.jsonable import jsonable
from mka.objects.repairs import NONE
from mka.objects.report import Report
from mka.studio.evaluate.generation_view import generations_view
from mka.studio.evaluate.markup import headline_html, table_html
from mka.studio.evaluate.report_tables import figures_csv, figures_table, measured_on, positions_csv, subjects_csv
from mka.studio.jobs.memory import count_text
from mka.studio.parts import widgets
from mka.studio.visits import session
from mka.studio.visits.desk import Calibration, Outcome

CONTROLS = (
    "truncate deletes as many layers from the end, drop-keep-last those before the last one. "
    "Neither needs calibration or merging."
)


def repaired_from(outcome: Outcome, named: Calibration | None) -> str:
    """Which repair was measured too, and what it was worked out from; "" without one.

    named: what a repair would be worked out from now
    """
    if outcome.plan.repair == NONE:
        return ""
    read = outcome.calibration
    if named is not None and named.words == read and named.key is not None and outcome.texts not in ("", named.key):
        read += " as they were before they changed"
    return f"Repaired by {outcome.plan.repair}, worked out from {read}; none of these judged it."


def report_view(report: Report, remark: str = "") -> None:
    """Draw all of it; perplexity and accuracy always stand together. remark: stands with what was measured on what."""
    st.html(headline_html(headline(report.result, report.baseline, report.controls)))
    st.text(words.tied(report.verdict))
    _figures(report)
    st.text(" ".join(filter(None, (measured_on(report), remark))))
    _overview(report)
    if report.result.choices:
        _subjects(report)
    if by_position(report):
        _positions(report)
    if report.result.generations:
        st.subheader("What they write", anchor=False)
        generations_view(report.result.generations)


def _figures(report: Report) -> None:
    result, base = report.result, report.baseline
    rows: list[widgets.Figure] = []
    if result.perplexity:
        beneath = None
        if base and base.perplexity:
            change = perplexity_change(result.perplexity, base.perplexity)
            beneath = f"{change} from {words.number(base.perplexity.value)}"
        rows.append(("Perplexity", words.number(result.perplexity.value), beneath))
    if result.choices:
        beneath = None
        if base and base.choices:
            points = accuracy_change(result.choices, base.choices)
            beneath = f"{points} from {words.percent(base.choices.accuracy)}"
        rows.append(("Accuracy", words.percent(result.choices.accuracy), beneath))
    if result.divergence:
        beneath = f"KL {words.number(result.divergence.kl, 3)} nats"
        rows.append(("Same next token", words.percent(result.divergence.top1), beneath))
    beneath = None
    if base:
        share = result.cost.parameters / base.cost.parameters - 1
        beneath = f"{words.change(share)} from {count_text(base.cost.parameters)}"
    rows.append(("Parameters", count_text(result.cost.parameters), beneath))
    widgets.figures(rows)


def _overview(report: Report) -> None:
    st.subheader("Language and answers side by side", anchor=False)
    said = evaluation_words.of_overview(report)
    if report.result.perplexity or report.result.choices:
        told = " ".join(filter(None, (said, kind_of_loss(report.result, report.baseline))))
        figure = overview_dots(report, session.theme())
        widgets.chart(figure, "overview", told)
        st.text(told)
        st.caption("The thin line is the unmerged model; differences of accuracy are in percentage points. " + CONTROLS)
        widgets.take_away(figure, "evaluation", lambda: figures_csv(report))
    with st.expander("All figures as a table"):
        st.html(table_html(figures_table(report)))
    for sentence in takeaways.of_lengths(report):
        st.text(sentence)
    widgets.download("Report (JSON)", lambda: json.dumps(jsonable(report), indent=2) + "\n", "report.json")


def _subjects(report: Report) -> None:
    st.subheader("Subject by subject", anchor=False)
    said = evaluation_words.of_subjects(report)
    figure = subject_dots(report, session.theme())
    widgets.chart(figure, "subjects", said)
    st.text(said)
    st.caption(
        "Sorted by loss; beside each subject the points that it lost or won. Bars are 95 % Wilson intervals; left of "
        "the dotted line is worse than guessing."
    )
    widgets.take_away(figure, "subjects", lambda: subjects_csv(report))


def _positions(report: Report) -> None:
    st.subheader("Where in a text they part", anchor=False)
    said = evaluation_words.of_positions(report)
    figure = divergence_curves(report, session.theme())
    widgets.chart(figure, "positions", said)
    st.text(said)
    read = max(len(values) for _, values in by_position(report))
    st.caption(
        f"KL of each model's next token from the unmerged model's, of the first {read} tokens of a text. Fewer texts "
        "reach the late positions; the sentence compares each text with itself. The band and ± are one standard error."
    )
    widgets.take_away(figure, "positions", lambda: positions_csv(report))
