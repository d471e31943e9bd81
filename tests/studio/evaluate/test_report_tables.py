"""A report as tables: what stands in each cell, and what of a file's name ends up in it."""

from __future__ import annotations

import math
from dataclasses import replace

from mka.objects.report import Divergence
from mka.studio.evaluate.report_tables import figures_csv, figures_table, measured_on, positions_csv, subjects_csv
from tests.studio.builders import a_report


def test_each_figure_has_a_row_and_each_model_a_column():
    table = figures_table(a_report())
    assert list(table) == ["Figure", "merged", "unmerged", "truncate", "drop-keep-last"]
    rows = dict(zip(table["Figure"], zip(table["merged"], table["unmerged"], strict=True), strict=True))
    assert rows["Layers"] == ("5", "6")
    assert rows["Perplexity ± s.e."] == ("3.000 ± 0.10", "2.600 ± 0.10")
    assert rows["Perplexity against unmerged"] == ("+15.4\xa0%", "")
    assert rows["Accuracy"] == ("90.0\xa0%", "97.0\xa0%") and rows["Accuracy against unmerged"] == ("−7.0 points", "")
    assert rows["95\xa0% interval"] == ("80.0\xa0% to 100.0\xa0%", "87.0\xa0% to 100.0\xa0%")
    assert rows["KL in nats ± s.e."][0] == "0.200 ± 0.010" and rows["Same next token"][0] == "80.0\xa0%"


def test_a_figure_that_nobody_has_is_left_out():
    report = a_report()
    bare = replace(report, result=replace(report.result, divergence=None, choices=None), baseline=None, controls={})
    assert list(figures_table(bare)) == ["Figure", "merged"]
    assert figures_table(bare)["Figure"] == ["Layers", "Parameters", "Perplexity ± s.e."]


def test_figures_as_csv_are_the_numbers_themselves():
    header, merged, *others = (line.split(",") for line in figures_csv(a_report()).splitlines())
    row = dict(zip(header, merged, strict=True))
    assert (row["model"], row["layers"], row["parameters"], row["bytes"]) == ("merged", "5", "500", "2000")
    assert (float(row["perplexity"]), float(row["stderr"]), float(row["accuracy"])) == (3.0, 0.1, 0.9)
    assert math.isclose(float(row["low"]) * float(row["high"]), 9.0), "as far below as above, on the log axis"
    assert (float(row["kl"]), float(row["same next token"])) == (0.2, 0.8)
    assert [other[0] for other in others] == ["unmerged", "truncate", "drop-keep-last"]


def test_subjects_as_csv_name_every_model():
    rows = subjects_csv(a_report()).splitlines()
    assert rows[0] == "model,subject,accuracy,by letter,questions" and "unmerged,sums,0.97,0.25,50" in rows
    assert len(rows) == 1 + 4 * 2


def test_positions_as_csv_count_from_0():
    report = a_report()
    moved = replace(report, result=replace(report.result, divergence=Divergence(0.2, 0.01, 0.8, 900, (0.5, 0.25))))
    assert positions_csv(moved) == "model,position,kl in nats,stderr\nmerged,0,0.5,\nmerged,1,0.25,\n"
    sure = replace(moved.result.divergence, position_stderr=(0.125, 0.0625))
    known = replace(moved, result=replace(moved.result, divergence=sure))
    assert positions_csv(known).endswith("\nmerged,0,0.5,0.125\nmerged,1,0.25,0.0625\n")


def test_what_the_figures_rest_on():
    report = replace(a_report(), text_source="a.txt", question_source="mmlu")
    assert measured_on(report) == "Measured on 30 texts of a.txt and 100 questions of mmlu, float32 weights, seed 0."
    bare = replace(report, result=replace(report.result, perplexity=None, choices=None))
    assert measured_on(bare) == "Float32 weights, seed 0."
    assert measured_on(replace(bare, dtype="")) == "Seed 0."
