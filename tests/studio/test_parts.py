"""Small parts of the studio: tables, sizes, offers, files, what is known of a plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mka.errors import BadInput
from mka.objects.plan import MergePlan
from mka.objects.report import Report
from mka.objects.sizes import bytes_text
from mka.planning.planner import plan
from mka.studio.explore.matrix import as_csv
from mka.studio.export.export_place import export_folder
from mka.studio.jobs.memory import count_text, free_bytes
from mka.studio.model.offers import checkpoints
from mka.studio.parts.widgets import ROW, csv_text, table_height
from mka.studio.plan.proposals import parse_plan, propose
from mka.studio.plan.savings_view import saved_words, size_words
from mka.studio.visits.desk import Calibration, Outcome
from mka.studio.visits.visit import OUTCOMES_KEPT, Process
from tests.studio.builders import a_desk, a_report, a_similarity, a_summary
from tests.studio.run_builders import TRIAL, a_receipt

WEIGHTS = ("f" * 16, "float32")


def test_csv_cells_cannot_run_as_formulas():
    assert csv_text(["=a", "b"], [("=1+1", -2.5), ("@x", "plain, text"), ("", "\n=1")]) == (
        "'=a,b\n'=1+1,-2.5\n'@x,\"plain, text\"\n,\"'\n=1\"\n"
    )


def test_a_matrix_as_csv_reads_back():
    lines = as_csv(a_similarity(3)).splitlines()
    assert lines[0] == "layer,0,1,2"
    assert [float(cell) for cell in lines[2].split(",")] == [1.0, *a_similarity(3).values[1]]


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.50 KB"),
        (999_960, "1.00 MB"),
        (16_060_522_496, "16.1 GB"),
        (5e15, "5,000 TB"),
    ],
)
def test_bytes_in_decimal_units(count: int, said: str):
    assert bytes_text(count) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (650, "650"),
        (1_800_000, "1.80\xa0M"),
        (2_470_000, "2.47\xa0M"),
        (8_030_261_248, "8.03\xa0B"),
        (3e12, "3.00\xa0T"),
    ],
)
def test_counts(count: int, said: str):
    assert count_text(count) == said


def test_the_machine_has_memory():
    assert free_bytes() > 10_000_000


def test_what_a_proposal_saves_in_words():
    summary, empty = a_summary(), MergePlan(6)
    two = plan(summary, groups=[[1, 2], [3, 4]])
    assert saved_words(summary, empty, two) == "Saves 2 layers, 200 parameters and 800\xa0B."
    more = saved_words(summary, two, plan(summary, groups=[[1, 2, 3, 4]]))
    assert more == "Saves 1 layer, 100 parameters and 400\xa0B beyond the plan so far."
    assert saved_words(summary, two, plan(summary, groups=[[1, 2, 3]])) == "As many layers as now: 4 of 6 stay."
    fewer = saved_words(summary, two, plan(summary, groups=[[1, 2]]))
    assert fewer == "1 layer more than now: 5 of 6 stay, 4 with the plan so far."
    assert size_words(summary, two) == "6 → 4 layers, 450 parameters (−30.8\xa0%)"


def test_only_checkpoint_folders_are_offered(tmp_path: Path):
    for name in ("b", "a", "other"):
        (tmp_path / name).mkdir()
    for name in ("b", "a"):
        (tmp_path / name / "config.json").write_text("{}")
    (tmp_path / "config.json").write_text("{}")
    assert [folder.name for folder in checkpoints(tmp_path)] == ["a", "b"]
    assert checkpoints(tmp_path / "none") == []


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[]", b'{"format": "other"}', b"[" * 100_000, b"9" * 5000])
def test_what_is_no_plan_is_refused(raw: bytes):
    with pytest.raises(BadInput):
        parse_plan(raw)


def test_a_plan_file_comes_back():
    proposal = propose(a_desk(), "mka", 2)
    assert parse_plan(json.dumps(proposal.to_json()).encode()) == proposal


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b", "/etc", "taken"])
def test_export_names(tmp_path: Path, name: str):
    (tmp_path / "taken").mkdir()
    with pytest.raises(BadInput):
        export_folder(tmp_path, name)
    assert export_folder(tmp_path, "fresh") == tmp_path / "fresh"


def test_what_is_known_of_a_plan_is_joined_and_the_oldest_goes_first():
    process = Process()
    first = plan(6, groups=[[1, 2]])
    process.remember(WEIGHTS, Outcome(first, report=a_report(), seconds=3.0))
    joined = process.remember(WEIGHTS, Outcome(first, saved=None))
    assert joined.report is not None and joined.seconds == 3.0
    for depth in range(7, 7 + OUTCOMES_KEPT):
        process.remember(WEIGHTS, Outcome(plan(depth, groups=[[1, 2]])))
    assert len(process.outcomes) == OUTCOMES_KEPT and (WEIGHTS, first.key, "", "") not in process.outcomes


def test_what_is_known_of_a_repaired_plan_goes_by_the_texts_of_its_repair():
    process, made = Process(), replace(plan(6, groups=[[1, 2]]), repair="linear")
    for texts, receipt in (("12 texts of demo", a_receipt(made)), ("8 texts of other", None)):
        process.remember(WEIGHTS, Outcome(made, receipt, a_report(), TRIAL, calibration=texts))
    demo, other = (
        process.known(WEIGHTS, made, calibration=texts)
        for texts in (Calibration("demo", None, 12), Calibration("other", None, 8))
    )
    assert demo is not None and other is not None and demo.run != other.run
    assert (demo.calibration, other.calibration) == ("12 texts of demo", "8 texts of other")
    assert demo.receipt is not None and other.receipt is None
    assert process.known(WEIGHTS, made) is None and process.known(WEIGHTS, made, other.run) == other
    shown = process.known(WEIGHTS, made, other.run, Calibration("demo", None, 12))
    assert shown == other, "a run that was chosen is shown"


@pytest.mark.parametrize("report", [None, a_report()])
def test_texts_of_one_name_are_told_apart_by_what_they_say(report: Report | None):
    process, made = Process(), replace(plan(6, groups=[[1, 2]]), repair="linear")
    old, new = (
        process.remember(WEIGHTS, Outcome(made, a_receipt(made), report, TRIAL, calibration="8 texts of a", texts=key))
        for key in ("old", "new")
    )

    def known(key: str | None) -> Outcome | None:
        return process.known(WEIGHTS, made, calibration=Calibration("a", None, 8, key))

    assert known("old") == old != new == known("new")
    assert known("another") is None and known(None) is not None, "whatever they say, where that is not known"
    assert len(process.runs.of_model(WEIGHTS[0])) == (0 if report is None else 2)


def test_a_report_on_other_weights_is_not_that_of_these():
    process = Process()
    made = plan(6, groups=[[1, 2]])
    process.remember(("f" * 16, "bfloat16"), Outcome(made, report=replace(a_report(), dtype="bfloat16"), trial=TRIAL))
    assert process.known(WEIGHTS, made) is None
    known = process.known(("f" * 16, "bfloat16"), made)
    assert known is not None and known.report is not None and known.report.dtype == "bfloat16"


def test_a_table_is_shown_whole_and_a_long_one_cut_inside_a_row():
    assert table_height(16) == "content"
    height = table_height(17)
    assert height != "content" and (height - ROW) % ROW == pytest.approx(ROW / 2, abs=1), "half a row below the header"
