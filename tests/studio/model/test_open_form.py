"""What is said before a model is opened: memory, devices, whom it waits for."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mka.figures.theme import DARK, LIGHT, VERMILION
from mka.studio.jobs.jobs import RUNNING, WAITING, Job, Task
from mka.studio.jobs.memory import Fit, fit_bar, left_in_group
from mka.studio.jobs.models import Held
from mka.studio.model.offers import DTYPES, _cuda, offered_devices
from mka.studio.model.open_form import ANOTHERS, Prospect, prospect_of, turn_words, waiting_words
from mka.studio.visits.desk import OpenOrder
from mka.workflows.opening import Opening
from tests.studio.builders import NASTY

DEMO, OTHER = OpenOrder("demo"), OpenOrder("owner/name")
HELD = Held(DEMO, 1000)


def a_job(number: int, kind: str, title: str, state: str) -> Job:
    job = Job(number, kind, title, Task(lambda progress, cancel: None), lambda: 0.0)
    job.state = state
    return job


def test_what_fits():
    assert Fit(400, 500).sentence == "Its weights need about 400\xa0B of memory; 500\xa0B are free: it fits."
    assert Fit(600, 500).sentence == "Its weights need about 600\xa0B of memory; 500\xa0B are free: it does not fit."
    both = Fit(600, 500, 200)
    assert both.fits and both.sentence.endswith(
        "500\xa0B are free, and 200\xa0B more once the model loaded now is released: it fits."
    )
    assert "released" not in Fit(10, 500, 20).sentence, "what hardly counts is not said"
    assert Fit(10**12, 0).fits and "this system does not say" in Fit(10**12, 0).sentence


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_bar_is_filled_as_far_as_the_model_takes_the_room(theme):
    assert re.findall(r"width:([\d.]+)%", fit_bar(Fit(150, 500, 100), theme)) == ["25.0"]
    assert theme.accent in fit_bar(Fit(150, 500), theme) and VERMILION not in fit_bar(Fit(150, 500), theme)
    too_large = fit_bar(Fit(1500, 500), theme)
    assert re.findall(r"width:([\d.]+)%", too_large) == ["100.0"] and VERMILION in too_large
    assert 'role="meter"' in too_large and "does not fit" in too_large
    assert re.findall(r"width:([\d.]+)%", fit_bar(Fit(5, 0), theme)) == ["0.0"]


def test_a_container_gives_what_its_limit_leaves_with_the_cache_of_files(tmp_path: Path):
    assert left_in_group(tmp_path) is None
    for name, text in (("max", "1000\n"), ("current", "700\n"), ("stat", "anon 500\ninactive_file 150\n")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert left_in_group(tmp_path) == 1000 - 700 + 150
    (tmp_path / "memory.current").write_text("2000\n")
    assert left_in_group(tmp_path) == 0
    (tmp_path / "memory.max").write_text("max\n")
    assert left_in_group(tmp_path) is None


def test_only_devices_that_exist_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert offered_devices()[:2] == ["auto", "cpu"] and DTYPES == ("auto", "float32", "bfloat16", "float16")
    assert _cuda(tmp_path / "none") == [] == _cuda(tmp_path)
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    assert _cuda(tmp_path) == ["cuda", "cuda:1"]
    for visible, offered in (("1", ["cuda"]), ("", []), ("-1", []), ("0,1", ["cuda", "cuda:1"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert _cuda(tmp_path) == offered


def test_what_is_known_of_an_order(tiny_llama_folder: Path, tmp_path: Path):
    assert prospect_of(OpenOrder(""), None) == Prospect()
    assert prospect_of(OTHER, None) == Prospect(on_hub=True)
    assert prospect_of(OTHER, 5) == Prospect(on_hub=True, need=5)
    whole = prospect_of(OpenOrder(str(tiny_llama_folder)), 5).need
    assert whole == 2 * prospect_of(OpenOrder(str(tiny_llama_folder), Opening(dtype="float16")), None).need
    gone = prospect_of(OpenOrder(str(tmp_path / NASTY)), None)
    assert gone.refusal.startswith("There is no folder") and gone.need is None
    assert "belongs to a hub id" in prospect_of(replace(DEMO, opening=Opening(revision="v1")), None).refusal


def test_what_opening_would_wait_for_and_release():
    job = a_job(1, "evaluate", f"Evaluating {NASTY}", RUNNING)
    assert turn_words([], (), None, OTHER) == "" == turn_words([], (), HELD, DEMO)
    assert turn_words([job], (1,), None, OTHER) == "Opening waits for a job that is at work."
    assert ANOTHERS in turn_words([job], (), None, OTHER) and NASTY not in turn_words([job], (), HELD, OTHER)
    assert "releases" in turn_words([], (), HELD, OTHER)
    assert "releases" in turn_words([], (), HELD, replace(DEMO, opening=Opening(dtype="bfloat16")))


def test_an_opening_that_waits_says_for_what():
    before, mine = a_job(1, "evaluate", "Evaluating the merge", RUNNING), a_job(2, "open", "Opening x", WAITING)
    assert waiting_words([before, mine], (2,), HELD) == (
        "Opening x waits for a job of another window; then the model demo is released."
    )
    assert waiting_words([before, mine], (1, 2), None) == "Opening x waits for the job “Evaluating the merge”."
    assert waiting_words([before, mine], (1,), HELD) == "", "another window's opening is its own affair"
    mine.state = RUNNING
    assert waiting_words([mine], (2,), HELD) == ""
