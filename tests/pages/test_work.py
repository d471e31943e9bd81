"""The jobs from the screen, on a real tiny model: open, analyze, merge, evaluate, export, and what goes wrong."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from mka.objects.plan import MergeGroup, MergePlan
from mka.planning.files import read_plan
from mka.studio import session
from mka.studio.jobs import FAILED, JobQueue
from mka.studio.visit import Visit
from tests.pages.driver import Studio


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Calibration texts, one per paragraph."""
    file = tmp_path / "calibration.txt"
    file.write_text("\n\n".join(f"Text {n} says that {n} and {n} are {2 * n}." for n in range(8)) + "\n")
    return file


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Other texts and questions, in MMLU's layout."""
    for split in ("dev", "test"):
        folder = tmp_path / "mmlu" / split
        folder.mkdir(parents=True)
        rows = [f"{split} {n} plus {n} is,{2 * n},{n},{n + 1},{3 * n + 5},A" for n in range(2, 8)]
        (folder / f"sums_{split}.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "mmlu"


@pytest.fixture(autouse=True)
def models(tmp_path: Path, tiny_llama_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models for the studio to offer: a tiny one, and one without weights."""
    folder = tmp_path / "models"
    (folder / "broken").mkdir(parents=True)
    (folder / "broken" / "config.json").write_text((tiny_llama_folder / "config.json").read_text())
    (folder / "tiny").symlink_to(tiny_llama_folder)
    monkeypatch.setenv("MKA_MODELS", str(folder))
    return folder


@pytest.fixture
def opened(models: Path, studio: Studio) -> Studio:
    """The studio with the tiny model on its desk."""
    studio.go("model").set("selectbox", "Open a model", str(models / "tiny")).press("Open").finish()
    return studio


@pytest.fixture
def planned(opened: Studio) -> Studio:
    """Layers 1 and 2 of the tiny model are to become one."""
    opened.go("plan")
    opened.widget("number_input", "From layer").set_value(1)
    opened.widget("number_input", "To layer").set_value(2)
    return opened.press("Propose").press("Add to plan")


def test_open_then_analyze_then_see(opened: Studio, models: Path, texts: Path):
    assert not opened.at.exception
    assert opened.at.metric[0].value == "4"
    assert opened.says("empty, 4 layers stay")
    opened.set("text_input", "Calibration texts", str(texts))
    opened.set("select_slider", "Subsamples for error bars", 0)
    opened.press("Analyze").finish()
    assert opened.commands[-1].startswith(f"mka analyze {models / 'tiny'} --calibration {texts} --limit 8 --measure ")
    opened.go("explore")
    assert len(opened.spec("heatmap")["data"][0]["z"]) == 4
    assert opened.says("Each cell compares two of the 4 layers")
    opened.go("manifold")
    assert opened.says("Each dot is one of 8 calibration texts")


def test_merge_only_shows_the_receipt(planned: Studio):
    planned.go("evaluate").press("Merge only").finish()
    assert planned.says("Layers renumbered: 3→2")
    assert planned.at.metric[0].value == "4 → 3"
    assert planned.says("Nothing is measured for this plan yet.")


def test_evaluate_shows_merged_unmerged_and_the_free_controls(planned: Studio, questions: Path):
    planned.go("evaluate").set("text_input", "Texts and questions", str(questions))
    planned.set("multiselect", "Measure", ["choices"])
    assert planned.says("Perplexity is measured too")
    planned.set("number_input", "At most, of each", 6).press("Merge and evaluate").finish()
    assert not planned.at.exception
    table = planned.at.table[0].value.set_index("Figure")
    assert list(table) == ["merged", "unmerged", "truncate", "drop-keep-last"]
    assert list(table.loc["Layers"]) == ["3", "4", "3", "3"]
    assert all(table.loc["Perplexity ± s.e."]) and all(table.loc["Accuracy"])
    assert planned.says("6 questions of")
    assert planned.commands[-1].endswith(f"--tasks perplexity,choices --data {questions} --limit 6")
    planned.set("number_input", "At most, of each", 4)
    assert planned.commands[-1].endswith("--limit 6"), "the command is the one that made the figures"


def test_evaluating_on_calibration_texts_is_refused(opened: Studio, texts: Path):
    opened.set("text_input", "Calibration texts", str(texts)).press("Analyze").finish()
    opened.go("explore").press("Propose").press("Add to plan").go("evaluate")
    opened.set("multiselect", "Measure", ["perplexity"])
    opened.set("text_input", "Texts and questions", str(texts)).press("Merge and evaluate")
    with pytest.raises(AssertionError):
        opened.finish()
    assert opened.says("Evaluating the merge failed: ")


def test_export_writes_a_folder_that_any_tool_loads(planned: Studio, tmp_path: Path):
    planned.go("export").set("text_input", "Folder name", "small").press("Write the checkpoint").finish()
    folder = tmp_path / "out" / "small"
    assert planned.says(str(folder)) and planned.says("Reloaded from there")
    assert read_plan(folder / "mka-plan.json").groups[0].layers == (1, 2)
    assert AutoModelForCausalLM.from_pretrained(folder).config.num_hidden_layers == 3
    assert planned.says("Written there.") and planned.widget("button", "Write the checkpoint").disabled
    planned.go("model")
    assert planned.widget("selectbox", "Open a model").options[-1] == str(folder)


def test_a_plan_file_is_opened_or_refused(planned: Studio):
    plan = MergePlan(4, (MergeGroup((2, 3), (0.5, 0.5)),))
    planned.at.file_uploader[0].upload("plan.json", json.dumps(plan.to_json()).encode(), "application/json").run()
    assert planned.says("4 → 3 layers: 2–3")
    for content in (b"{", b"[1]", json.dumps(MergePlan(9).to_json()).encode()):
        planned.at.file_uploader[0].upload("plan.json", content, "application/json").run()
        assert not planned.at.exception
        assert planned.says("4 → 3 layers: 2–3")


def test_a_job_that_ends_between_two_looks_is_told(studio: Studio, monkeypatch: pytest.MonkeyPatch):
    job = session.process().queue.submit("x", "Size of it", lambda progress, cancel: "It fits.")
    while job.active:
        time.sleep(0.005)
    studio.visit.followed.append(job.number)
    looked, receive = [], Visit.receive

    def late(visit: Visit, queue: JobQueue) -> None:
        looked.append(1)
        if len(looked) > 1:  # at the first look it was still at work
            receive(visit, queue)

    monkeypatch.setattr(Visit, "receive", late)
    studio.at.run()
    assert studio.says("It fits.")


def test_a_running_job_shows_progress_and_can_be_cancelled(studio: Studio):
    begun = threading.Event()

    def slow(progress, cancel):
        while True:
            progress("counting", 3, 4)
            begun.set()

    job = session.process().queue.submit("x", "A long job", slow)
    studio.visit.followed.append(job.number)
    assert begun.wait(5)
    studio.at.run()
    assert studio.says("A long job") and studio.says("counting 3/4")
    studio.press("Cancel")
    while job.active:
        pass
    studio.at.run()
    assert studio.says("A long job: cancelled. Nothing was changed.")
    studio.press("Dismiss")
    assert not studio.says("A long job")
