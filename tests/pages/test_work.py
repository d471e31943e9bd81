"""The jobs from the screen, on a real tiny model: open, analyze, merge, evaluate, export, and what goes wrong."""

from __future__ import annotations

import json
import re
import shlex
import threading
import time
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from mka.data.texts import load_texts
from mka.models.loaded import LoadedModel
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.progress import Cancel, Progress
from mka.planning.files import read_plan
from mka.planning.guided import GUIDED
from mka.studio.jobs.course import Course, Stage
from mka.studio.jobs.jobs import Job, JobQueue, Task, Work
from mka.studio.visits import session
from mka.studio.visits.visit import Visit
from mka.workflows.planning import by_trying
from tests.cli.runner import mka
from tests.pages.driver import PAGES, Studio

pytestmark = pytest.mark.usefixtures("models")


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
    (table,) = [one.proto.body for one in planned.at.get("html") if one.proto.body.startswith("<table")]
    assert re.findall(r'scope="col"[^>]*>([^<]*)<', table) == [
        "Figure", "merged", "unmerged", "truncate", "drop-keep-last",
    ]  # fmt: skip
    rows = {row[0]: row[1:] for row in (re.findall(">([^<]*)</t[hd]", line) for line in table.split("<tr>")[2:])}
    assert rows["Layers"] == ["3", "4", "3", "3"] and all(rows["Perplexity ± s.e."]) and all(rows["Accuracy"])
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


def test_a_strategy_that_tries_plans_is_a_job_whose_find_is_proposed(
    opened: Studio, texts: Path, tiny_llama: LoadedModel, tmp_path: Path
):
    opened.go("plan").set("number_input", "Layers to remove", 1)
    assert opened.widget("button", "Try plans by greedy").disabled and opened.says("none are named yet")
    opened.go("model").set("text_input", "Calibration texts", str(texts))
    opened.set("select_slider", "Subsamples for error bars", 0).press("Analyze").finish()
    opened.go("plan").set("number_input", "Layers to remove", 1)
    assert opened.says(f"Tries plan after plan on 8 texts of {texts}: a minute or two for the demo model")
    found = {}
    for name in GUIDED:
        opened.press(f"Try plans by {name}").finish()
        state = opened.visit.state
        assert state is not None and state.plan.groups == () and opened.says(f"Choosing layers by {name}: done in ")
        assert state.proposal is not None
        found[name] = (state.proposal.groups, state.proposal.provenance)
    assert opened.says("proposed by greedy")
    alone = {name: by_trying(tiny_llama, name, 1, load_texts(texts)) for name in GUIDED}
    assert found == {name: (plan.groups, plan.provenance) for name, plan in alone.items()}
    opened.press("Use as plan")
    assert opened.says("4 → 3 layers: ") and any("it tries plans anew" in block.value for block in opened.at.code)
    (line,) = opened.commands
    given = shlex.split(line)[1:-1]  # all but the file's name
    assert mka(*given, str(tmp_path / "plan.json")).code == 0
    state = opened.visit.state
    assert state is not None and read_plan(tmp_path / "plan.json") == state.plan


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


class Held:
    """Work that goes on until it is stopped."""

    def __init__(self, stage: str = "counting") -> None:
        self.begun, self.stage = threading.Event(), stage

    def __call__(self, progress: Progress, cancel: Cancel) -> None:
        while True:
            progress(self.stage, 1, 4)
            self.begun.set()
            time.sleep(0.005)


def follow(studio: Studio, title: str, work: Work) -> Job:
    """Queue a job that this session follows."""
    job = session.process().queue.submit("x", title, work, studio.visit.owner)
    studio.visit.followed.append(job.number)
    return job


def stop_all() -> None:
    """End every job, so that the next test's queue is free."""
    for job in reversed(session.process().queue.active()):
        session.process().queue.stop(job)
        while job.active:
            time.sleep(0.005)


def test_a_running_job_shows_the_whole_jobs_progress_and_can_be_cancelled(studio: Studio):
    held = Held()
    job = follow(studio, "A long <b>job</b>", Task(held, None, Course((Stage("counting", 2), Stage("more", 2)))))
    assert held.begun.wait(5)
    studio.at.run()
    side = [one.value for one in studio.at.sidebar.text]
    assert "A long <b>job</b>" in side and any(text.startswith("counting 1/4 · ") for text in side)
    assert {one.proto.value for one in studio.at.get("progress")} == {12}, "an eighth of the whole"
    studio.press("Cancel")
    while job.active:
        time.sleep(0.005)
    studio.at.run()
    assert studio.says("A long <b>job</b>: cancelled. Nothing was changed.")
    studio.press("Dismiss")
    assert not studio.says("A long <b>job</b>")


def test_the_queue_says_what_waits_for_what_and_names_no_job_of_another_window(studio: Studio):
    theirs = Held("secret model")
    session.process().queue.submit("x", "Opening secret model", theirs)
    waiting = [follow(studio, title, Held()) for title in ("The first", "The second")]
    assert theirs.begun.wait(5)
    studio.at.run()
    side = [one.value for one in studio.at.sidebar.text]
    assert [text for text in side if text.startswith("waits for")] == [
        "waits for: A job of another window",
        "waits for: The first",
    ]
    assert not any("secret" in text for text in studio.texts)
    cancels = [one for one in studio.at.sidebar.button if one.label == "Cancel"]
    assert len(cancels) == 2, "another window's job is not theirs to stop"
    cancels[0].click().run()
    assert not waiting[0].active and waiting[1].active
    assert studio.says("waits for: A job of another window") and not studio.says("waits for: The first")
    stop_all()


def test_a_job_that_two_people_wait_for_goes_on_when_one_turns_away(studio: Studio):
    held = Task(Held(), "the same")
    job, other = follow(studio, "Shared", held), Studio()
    assert follow(other, "Shared", held) is job
    assert held.work.begun.wait(5)
    studio.at.run()
    studio.press("Cancel")
    assert job.active and not job.cancel.requested
    assert studio.says("Shared goes on, since another window waits for it too")
    other.at.run()
    other.press("Cancel")
    assert not job.active and other.says("Shared: cancelled. Nothing was changed.")


def test_a_job_of_a_window_that_is_gone_is_stopped_in_another_window_of_the_same_browser(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(session, "browser_token", lambda: "the same")
    gone, held = Studio(), Task(Held(), "the same")
    job = follow(gone, "Evaluating the merge", held)
    assert held.work.begun.wait(5)
    later = Studio()
    assert later.visit is not gone.visit and later.says("Evaluating the merge")
    assert follow(later, "Evaluating the merge", held) is job, "asked for again, it is followed"
    later.visit.followed.clear()
    later.press("Cancel")
    assert not job.active and later.says("Evaluating the merge: cancelled. Nothing was changed.")


class Deaf:
    """Work in a step that cannot be stopped, until it is let go."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Event(), threading.Event()

    def __call__(self, progress: Progress, cancel: Cancel) -> str:
        progress("loading the libraries", 0, 0)
        self.begun.set()
        assert self.release.wait(30)
        return "This must not be said."


def test_who_cancels_a_step_that_cannot_be_stopped_is_released_and_the_next_job_says_what_it_waits_for(studio: Studio):
    deaf, held, other = Deaf(), Held(), Studio()
    job = follow(studio, "Opening a model", deaf)
    assert deaf.begun.wait(5)
    studio.at.run()
    studio.press("Cancel")
    assert not job.active and studio.says("Opening a model: cancelled. Nothing was changed.")
    following = follow(studio, "Merging", held)
    studio.at.run()
    words = "waits until a cancelled job has ended the step that it is in"
    assert studio.says(f"{words}: loading the libraries")
    assert studio.visit.owner != other.visit.owner
    follow(other, "Something else", Held())
    other.at.run()
    assert other.says("waits for: A job of another window") and other.says(f"A job of another window · {words}")
    assert not other.says("loading the libraries")
    deaf.release.set()
    assert held.begun.wait(5) and following.active
    studio.at.run()
    assert not studio.says(words) and not studio.says("This must not be said.")
    stop_all()


def test_the_same_job_is_not_started_twice_and_that_is_said(planned: Studio):
    held = Held()
    follow(planned, "Something before", held)
    assert held.begun.wait(5)
    planned.go("evaluate").press("Merge only")
    assert planned.says("waits for: Something before") and not planned.says("at work already")
    planned.press("Merge only")
    assert planned.says("Merging is at work already: it goes on and is not started again.")
    assert [job.title for job in session.process().queue.active()] == ["Something before", "Merging"]
    stop_all()


def test_a_job_that_ends_elsewhere_is_told_on_the_page_where_one_is(studio: Studio):
    held = Held()
    job = follow(studio, "A long job", held)
    assert held.begun.wait(5)
    studio.at.run()
    studio.go("guide")
    session.process().queue.stop(job)
    while job.active:
        time.sleep(0.005)
    studio.at.run()
    assert studio.says("A long job: cancelled.")


def test_undo_and_redo_stand_in_the_sidebar_of_every_page(planned: Studio):
    for page in PAGES:
        planned.go(page).press("Undo")
        assert planned.says("empty, 4 layers stay")
        planned.press("Redo")
        assert planned.says("4 → 3 layers: 1–2")
        assert planned.says("Saves 1 layer, ")
