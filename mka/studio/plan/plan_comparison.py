"""The present plan beside another one: a strategy's proposal, a plan that was measured, or a plan from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from mka.errors import BadInput, MkaError
from mka.figures import words
from mka.figures.plan_pair import of_plan_pair, plan_pair
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergePlan
from mka.objects.report import Report
from mka.planning.difference import differing_layers
from mka.planning.files import check_fits
from mka.planning.savings import savings
from mka.planning.strategies import STRATEGIES
from mka.studio.parts import widgets
from mka.studio.plan import proposals, ruler_view
from mka.studio.plan.plan_files import ask_file
from mka.studio.plan.savings_view import QUANTITIES
from mka.studio.selection.naming import blocks, sentence
from mka.studio.visits import session
from mka.studio.visits.desk import Desk, Outcome

NOTHING, STRATEGY, MEASURED, FILE = "nothing", "strategy", "measured", "file"
Choice = tuple[str, ...]
"""(NOTHING,), (STRATEGY, name), (MEASURED, key of the plan) or (FILE,)."""
MINE = "this plan"
FROM_FILE = "plan-beside"
"""The plan of the file that was opened to compare with, or why that file holds none."""


@dataclass(frozen=True)
class Side:
    """One of two plans: what a screen calls it, and what was measured of it, if anything."""

    name: str
    plan: MergePlan
    report: Report | None


@dataclass(frozen=True)
class Row:
    """One quantity of both sides, None where it is not known; `said` writes a value, `change` a difference."""

    name: str
    values: tuple[float | None, float | None]
    said: Callable[[float], str]
    comparable: bool = True

    @property
    def difference(self) -> float | None:
        """The other minus the first; None where the two do not compare."""
        first, second = self.values
        return None if first is None or second is None or not self.comparable else second - first


def comparison(desk: Desk) -> None:
    """Ask what to lay beside the present plan, and draw both."""
    offered = choices(desk)
    choice = st.selectbox(
        "Compare with", list(offered), format_func=lambda one: offered[one], key="plan-compare-with",
        persist_state="session", width=420,
    )  # fmt: skip
    try:
        other = other_side(desk, choice or (NOTHING,))
    except MkaError as error:
        st.text(sentence(str(error)))
        return
    if other is not None:
        _draw(desk.summary, Side(MINE, session.state().plan, _report(session.outcome())), other)


def choices(desk: Desk) -> Mapping[Choice, str]:
    """What there is to compare with, and what a screen calls it."""
    present = session.state().plan
    offered: dict[Choice, str] = {(NOTHING,): "nothing"}
    if present.removed:
        removed = "1 layer" if present.removed == 1 else f"{present.removed} layers"
        offered |= {(STRATEGY, name): f"{name}, removing {removed} too" for name in STRATEGIES}
    for outcome in session.measured():
        if outcome.plan.key != present.key:
            offered[MEASURED, outcome.plan.key] = f"measured: {blocks(outcome.plan)}"
    return offered | {(FILE,): "a plan file"}


def other_side(desk: Desk, choice: Choice) -> Side | None:
    """The plan that was chosen; None for nothing, or no file yet. BadInput where a strategy has no proposal, or the
    file's plan is for another model."""
    kind, *rest = choice
    measured = {outcome.plan.key: outcome for outcome in session.measured()}
    if kind == STRATEGY:
        plan = proposals.propose(desk, rest[0], session.state().plan.removed)
        return Side(f"what {rest[0]} proposes", plan, _report(measured.get(plan.key)))
    if kind == MEASURED:
        outcome = measured[rest[0]]
        return Side(f"measured: {blocks(outcome.plan)}", outcome.plan, outcome.report)
    if kind == FILE:
        return _from_file(desk, measured)
    return None


def _from_file(desk: Desk, measured: Mapping[str, Outcome]) -> Side | None:
    ask_file("Plan file to compare with", "beside", _keep, _keep)
    found = st.session_state.get(FROM_FILE)
    if isinstance(found, str):
        raise BadInput(found)
    if found is None:
        st.caption("Open a plan file: it is only looked at, the present plan stays.")
        return None
    check_fits(found, depth=desk.summary.layers, fingerprint=desk.summary.fingerprint)
    return Side("the file's plan", found, _report(measured.get(found.key)))


def _keep(found: MergePlan | str) -> None:
    st.session_state[FROM_FILE] = found


def _report(outcome: Outcome | None) -> Report | None:
    return outcome.report if outcome is not None else None


def _draw(summary: ModelSummary, mine: Side, other: Side) -> None:
    differing = differing_layers(mine.plan, other.plan)
    names = (mine.name, other.name)
    takeaway = of_plan_pair(mine.plan, other.plan, names=names, differing=differing)
    figure = plan_pair(mine.plan, other.plan, session.theme(), names=names, differing=differing)
    widgets.chart(figure, "plan-pair", takeaway)
    st.text(takeaway)
    if mine.plan.repair != other.plan.repair:
        st.text(f"They differ in the repair: {mine.plan.repair} in {names[0]}, {other.plan.repair} in {names[1]}.")
    widgets.take_away(figure, "plan-pair", lambda: layers_csv(mine, other, differing))
    rows = table(summary, mine, other)
    st.table(
        {
            "Quantity": [row.name for row in rows],
            mine.name.capitalize(): [_said(row.values[0], row.said) for row in rows],
            other.name.capitalize(): [_said(row.values[1], row.said) for row in rows],
            "Difference": [_difference(row) for row in rows],
        },
        hide_index=True,
    )
    if not all(row.comparable for row in rows):
        st.text("The two were measured on other texts or questions: their perplexity and accuracy do not compare.")
    elif mine.report is None or other.report is None:
        st.caption("Perplexity and accuracy stand here once both plans are evaluated.")
    widgets.download("Comparison (CSV)", lambda: table_csv(rows, names), "plan-comparison.csv")


def table(summary: ModelSummary, mine: Side, other: Side) -> Sequence[Row]:
    """What each plan leaves of every quantity; perplexity and accuracy too where either was measured."""
    saved = [savings(summary, side.plan) for side in (mine, other)]
    rows = [Row(one.name, (one.of(saved[0])[1], one.of(saved[1])[1]), one.said) for one in QUANTITIES]
    results = [side.report.result if side.report is not None else None for side in (mine, other)]
    perplexities = [result.perplexity.value if result and result.perplexity else None for result in results]
    accuracies = [result.choices.accuracy if result and result.choices else None for result in results]
    same = _same_trial(mine.report, other.report)
    for name, (first, second), said in (
        ("Perplexity", perplexities, words.number),
        ("Accuracy", accuracies, words.percent),
    ):
        if first is not None or second is not None:
            rows.append(Row(name, (first, second), said, same))
    return rows


def _same_trial(first: Report | None, second: Report | None) -> bool:
    """Whether both were measured on the same texts and questions; True where one of them was not measured."""
    if first is None or second is None:
        return True
    return _trial(first) == _trial(second)


def _trial(report: Report) -> tuple[object, ...]:
    read, asked = report.result.perplexity, report.result.choices
    return (
        report.text_source, report.question_source, report.seed,
        (read.texts, read.tokens) if read else None, (asked.n, asked.shots) if asked else None,
    )  # fmt: skip


def _said(value: float | None, said: Callable[[float], str]) -> str:
    return "" if value is None else said(value)


def _difference(row: Row) -> str:
    if row.difference is None:
        return ""
    return "the same" if row.difference == 0 else words.signed(row.difference, row.said)


def table_csv(rows: Sequence[Row], names: tuple[str, str]) -> str:
    """The table's numbers as they are, without units; the difference is the second minus the first."""
    header = ["quantity", *names, "difference"]
    return widgets.csv_text(
        header, ([row.name, *("" if one is None else one for one in (*row.values, row.difference))] for row in rows)
    )


def layers_csv(mine: Side, other: Side, differing: Sequence[int]) -> str:
    """One row per source layer: whether the plans differ there, then both plans' columns of `ruler_view.as_csv`."""
    header = ["layer", "differs", *(f"{side.name}: {name}" for side in (mine, other) for name in ruler_view.HEADER[1:])]
    both = zip(*(ruler_view.layer_rows(side.plan) for side in (mine, other)), strict=True)
    return widgets.csv_text(
        header, ([first[0], "yes" if first[0] in differing else "", *first[1:], *second[1:]] for first, second in both)
    )
