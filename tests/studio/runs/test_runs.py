"""The table of runs: order, deltas, what is hidden."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.studio.runs import runs
from tests.studio.builders import a_report, a_result
from tests.studio.run_builders import TRIAL, a_run

LOW = a_run([[1, 2]], 3.0, 0.9, when="2026-01-01 00:00:00 UTC")
HIGH = a_run([[3, 4]], 4.5, 0.6, when="2026-01-02 00:00:00 UTC")
DEEP = a_run([[1, 2, 3]], 3.9, 0.7, when="2026-01-03 00:00:00 UTC")
BROKEN = a_run([[0, 1]], report=replace(a_report(), result=a_result("merged", math.nan, 0.8)))


def cells(table: runs.Table, title: str) -> list[str]:
    return table.columns()[title]


def test_rows_are_sorted_by_any_column_and_what_has_no_value_comes_last():
    everything = [HIGH, BROKEN, LOW, DEEP]
    assert runs.ordered(everything, "Perplexity") == (LOW, DEEP, HIGH, BROKEN)
    assert runs.ordered(everything, "Perplexity", descending=True) == (HIGH, DEEP, LOW, BROKEN)
    assert runs.ordered([LOW, DEEP], "Layers") == (DEEP, LOW)
    for title in runs.COLUMNS:
        assert len(runs.ordered(everything, title)) == 4


def test_pinned_rows_stay_on_top_in_the_order_of_pinning():
    order = runs.ordered([LOW, HIGH, DEEP], "Perplexity", pinned=[HIGH.key, DEEP.key])
    assert order == (HIGH, DEEP, LOW)
    assert runs.baseline_of(order, [HIGH.key, DEEP.key]) == HIGH
    assert runs.baseline_of([LOW], [HIGH.key]) is None, "a pinned run of another model is no baseline"


def test_deltas_are_against_the_unmerged_model_where_nothing_is_pinned():
    table = runs.table([LOW])
    assert cells(table, "Perplexity Δ") == ["+15.4\xa0%"], "3.0 / 2.6"
    assert cells(table, "Accuracy Δ") == ["−7.0 points"], "0.90 - 0.97"
    assert cells(table, "KL Δ") == ["+0.000"], "0.2 of both"


def test_deltas_are_against_the_pinned_run():
    table = runs.table([LOW, HIGH], [LOW.key])
    assert cells(table, "Perplexity Δ") == ["+0.0\xa0%", "+50.0\xa0%"]
    assert cells(table, "Accuracy Δ") == ["+0.0 points", "−30.0 points"]
    assert cells(table, runs.PINNED) == [runs.STAR, ""]


def test_a_repair_is_told_with_its_texts():
    mended = a_run(made=replace(LOW.plan, repair="linear"), calibration="12 texts of demo")
    assert cells(runs.table([LOW, mended]), "Repair") == ["none", "linear, 12 texts of demo"]
    names = runs.run_names([LOW, mended])
    assert "repaired by linear, on demo" in names[mended.key] and "repair" not in names[LOW.key]
    assert "Repair" in runs.only_differing(runs.table([LOW, mended])).header
    assert "Repair" not in runs.only_differing(runs.table([LOW, HIGH])).header


def test_what_was_not_measured_is_an_empty_cell():
    silent = replace(a_result("merged", 3.0, 0.9), choices=None, divergence=None)
    table = runs.table([a_run(report=replace(a_report(), result=silent, baseline=None, controls={}))])
    for title in ("Accuracy", "Accuracy Δ", "KL (nats)", "Perplexity Δ", "Parameters removed", "Best of deleting"):
        assert cells(table, title) == [""]
    assert cells(table, "Perplexity") == ["3.000"]


def test_only_what_differs_leaves_out_equal_columns_and_rows():
    again = a_run([[3, 4]], 4.5, 0.6, trial=replace(TRIAL, tasks=("perplexity",)), when="2026-02-01 00:00:00 UTC")
    same = replace(again, trial=HIGH.trial, when="2026-02-02 00:00:00 UTC", key="0" * 64)
    whole = runs.table([LOW, HIGH, same])
    shown = runs.only_differing(whole)
    assert shown.runs == (LOW, HIGH) and shown.hidden[1] == 1
    assert "Layers" not in shown.header and "Measured on" not in shown.header, "6 → 5 and one trial in every row"
    assert {"Pinned", "Plan", "Perplexity", "When"} <= set(shown.header)
    assert len(whole.header) - len(shown.header) == shown.hidden[0]
    assert runs.only_differing(whole, [same.key]).runs == (LOW, HIGH, same), "what is pinned stays"
    assert runs.only_differing(runs.table([LOW])) == runs.table([LOW])


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        ((2, 1), "Hidden, because equal: 2 columns and 1 row."),
        ((1, 0), "Hidden, because equal: 1 column."),
        ((0, 0), "Nothing is equal, so nothing is hidden."),
    ],
)
def test_what_is_hidden_is_said(hidden: tuple[int, int], said: str):
    assert runs.hidden_words(hidden) == said


def test_a_plan_in_words():
    groups = (
        MergeGroup((0, 1), (0.5, 0.5)),
        MergeGroup((2,), method="drop"),
        MergeGroup((3, 4), method="keep", layer=4),
        MergeGroup((5, 7), (0.5, 0.5), tensors="projections"),
    )
    made = MergePlan(9, groups, provenance=Provenance("mka", "npib"))
    assert runs.plan_words(made) == "0–1, 2 dropped, 3–4 as 4, 5, 7 (projections)"
    others = (MergeGroup((0, 1), (0.5, 0.5), "slerp", tensors="projections"), MergeGroup((3, 4), (), "rdsc"))
    assert runs.plan_words(MergePlan(9, others)) == "0–1 (slerp, projections), 3–4 (rdsc)"
    assert runs.origin_words(made) == "mka, npib" and runs.origin_words(MergePlan(3)) == "by hand"
    assert runs.plan_words(MergePlan(3)) == "nothing merged"
    assert runs.trial_words(replace(TRIAL, shots=2)) == "demo, 40 of each, 2 shots"


def test_a_pin_is_put_in_and_taken_out():
    assert runs.toggled(["a"], "b") == ["a", "b"] and runs.toggled(["a", "b"], "a") == ["b"]


def test_trials_are_offered_once_the_latest_first():
    other = a_run(trial=replace(TRIAL, limit=8), when="2027-01-01 00:00:00 UTC")
    assert runs.trials_of([LOW, HIGH, other]) == (other.trial, TRIAL)


def test_as_numbers_a_row_is_what_was_measured_and_not_its_words():
    silent = replace(a_result("merged", 3.0, 0.9), choices=None)
    large = 2**53 + 1
    other = a_run([[3, 4]], report=replace(a_report(), result=silent, baseline=None, controls={}, seed=large))
    header = (runs.PINNED, *runs.COLUMNS)
    first, second = (dict(zip(header, row, strict=True)) for row in runs.numbers([LOW, other]))
    assert {len(header)} == {len(row) for row in runs.numbers([LOW, other])}
    assert first["Layers"] == 5 and first["Layers removed"] == pytest.approx(1 / 6)
    assert first["Perplexity Δ"] == pytest.approx(3.0 / 2.6 - 1) and first["Accuracy Δ"] == pytest.approx(0.9 - 0.97)
    assert first["Plan"] == "1–2" and first[runs.PINNED] == ""
    assert second["Accuracy"] == second["Accuracy Δ"] == second["Best of deleting"] == "", "not measured"
    assert second["Seed"] == large, "every digit of it"
    ((star, *_), (_, *rest)) = runs.numbers([LOW, HIGH], [LOW.key])
    assert star == runs.STAR and dict(zip(runs.COLUMNS, rest, strict=True))["Perplexity Δ"] == pytest.approx(0.5)
