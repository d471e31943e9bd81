"""A repair from the screen, on a real tiny model: measured, told, exported, and what goes wrong."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from safetensors.torch import load_file

from mka.objects.plan import MergeGroup, MergePlan
from tests.cli.runner import mka
from tests.pages.driver import Studio
from tests.tiny import tiny_model_folder


@pytest.fixture
def repaired(opened: Studio, texts: Path) -> Studio:
    """The tiny model analyzed, its layers 1 and 2 planned, and a repair chosen."""
    opened.set("text_input", "Calibration texts", str(texts)).set("select_slider", "Subsamples for error bars", 0)
    opened.press("Analyze").finish()
    opened.go("plan")
    opened.widget("number_input", "From layer").set_value(1)
    opened.widget("number_input", "To layer").set_value(2)
    return opened.press("Propose").press("Add to plan").set("segmented_control", "Repair", "linear")


def test_a_repaired_plan_is_measured_told_and_compared_with_the_same_plan_unrepaired(
    repaired: Studio, questions: Path, texts: Path
):
    def measure() -> None:
        repaired.set("text_input", "Texts and questions", str(questions)).set("multiselect", "Measure", ["perplexity"])
        repaired.press("Merge and evaluate").finish()

    repaired.go("evaluate")
    assert repaired.says(f"The repair reads 8 texts of {texts} for each projection from the first cut on: seconds")
    measure()
    assert repaired.says(f"Repaired by linear, worked out from 8 texts of {texts}; none of these judged it.")
    assert repaired.says("Repair linear: ") and repaired.says(" were changed for it. Of the squared error")
    repaired.set("segmented_control", "Repair", "none")
    assert repaired.says("Without a repair no calibration text is read.")
    assert not repaired.says("The last such run took"), "it was repaired"
    assert repaired.says("Nothing is measured for this plan yet.") and not repaired.says("Repair linear: ")
    measure()
    assert not repaired.says("worked out from")
    repaired.set("segmented_control", "Repair", "linear")
    assert repaired.says("The last such run took")
    assert repaired.says("Repaired by linear"), "what was measured of it is found again"
    repaired.go("runs")
    (table,) = [one.value for one in repaired.at.dataframe if "Repair" in one.value]
    assert sorted(table["Repair"]) == [f"linear, 8 texts of {texts}", "none"]


def test_other_texts_of_the_same_name_are_analyzed_and_measured_anew(repaired: Studio, questions: Path, texts: Path):
    def measure() -> None:
        repaired.set("text_input", "Texts and questions", str(questions)).set("multiselect", "Measure", ["perplexity"])
        repaired.press("Merge and evaluate").finish()

    repaired.go("evaluate")
    measure()
    texts.write_text(texts.read_text().replace("says", "tells"))
    with pytest.raises(AssertionError, match="holds other texts by now than those that were analyzed; analyze it anew"):
        measure()
    repaired.go("model").press("Analyze").finish()
    repaired.go("evaluate")
    assert repaired.says(f"8 texts of {texts} as they were before they changed; none of these judged it.")
    repaired.visit.run = ""  # as in a window of its own: no run is chosen
    repaired.at.run()
    assert repaired.says("Nothing is measured for this plan yet.")
    measure()
    assert repaired.says(f"Repaired by linear, worked out from 8 texts of {texts}; none of these judged it.")
    repaired.go("runs")
    (table,) = [one.value for one in repaired.at.dataframe if "Repair" in one.value]
    assert list(table["Repair"]) == [f"linear, 8 texts of {texts}"] * 2


def test_the_repaired_checkpoint_is_the_one_that_the_command_line_beside_it_writes(repaired: Studio, tmp_path: Path):
    repaired.go("export")
    repaired.set("text_input", "Folder name", "by-hand")
    *_, line = repaired.commands
    place = tmp_path / "mka-tiny-plan.json"
    assert repaired.visit.state is not None
    place.write_text(json.dumps(repaired.visit.state.plan.to_json()))
    words = ["--out", str(tmp_path / "by-line")]
    given = [str(place) if word.endswith("plan.json") else word for word in shlex.split(line)[1:]]
    given[given.index("--out") : given.index("--out") + 2] = words
    repaired.press("Write the checkpoint").finish()
    assert mka(*given).code == 0
    mine, other = (
        load_file(folder / "model.safetensors") for folder in (tmp_path / "out/by-hand", tmp_path / "by-line")
    )
    assert mine.keys() == other.keys() and all((mine[name] == other[name]).all() for name in mine)
    receipt = json.loads((tmp_path / "out/by-hand/mka-receipt.json").read_text())
    assert receipt["repair"] == "linear" and receipt["repaired"]
    assert repaired.says("Repair linear: ")


def test_a_plan_file_with_a_repair_waits_for_texts(planned: Studio):
    asked = MergePlan(4, (MergeGroup((2, 3), (0.5, 0.5)),), repair="linear")
    planned.at.file_uploader[0].upload("plan.json", json.dumps(asked.to_json()).encode(), "application/json").run()
    assert planned.says("4 → 3 layers: 2–3, repair linear")
    assert planned.says("A repair is worked out from calibration texts of this model's own kind")
    planned.go("evaluate")
    assert planned.widget("button", "Merge and evaluate").disabled and planned.widget("button", "Merge only").disabled
    planned.go("export")
    assert planned.widget("button", "Write the checkpoint").disabled and planned.commands == []
    planned.go("plan").set("segmented_control", "Repair", "none").go("evaluate")
    assert not planned.widget("button", "Merge only").disabled


def test_a_model_that_cannot_be_repaired_is_named_in_one_sentence_and_the_plan_stays(
    studio: Studio, models: Path, texts: Path, tmp_path: Path
):
    (models / "normed").symlink_to(tiny_model_folder(tmp_path, family="gemma2", layers=4))
    studio.go("model").set("selectbox", "Open a model", str(models / "normed")).press("Open").finish()
    studio.set("text_input", "Calibration texts", str(texts)).set("select_slider", "Subsamples for error bars", 0)
    studio.press("Analyze").finish()
    state = studio.visit.state
    assert state is not None
    studio.visit.state = state.toggle_layer(1).toggle_layer(3).add_candidate().set_repair("linear")
    studio.go("evaluate").press("Merge only")
    with pytest.raises(AssertionError, match="Gemma2ForCausalLM cannot be repaired"):
        studio.finish()
    assert not studio.at.exception and studio.says("Merging failed: Gemma2ForCausalLM cannot be repaired: layer ")
    assert studio.says("merge with repair none") and studio.says("repair linear")
