"""The Model page: what is said before a model is opened, opening a real tiny one, and what it is made of."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from mka.models.summary import summarize
from mka.studio.jobs import work
from mka.studio.jobs.jobs import FAILED
from mka.studio.jobs.models import Held
from mka.studio.model import open_form
from mka.studio.model.offers import offered_models
from mka.studio.visits import session
from mka.studio.visits.desk import Desk, OpenOrder
from mka.workflows.opening import Opening
from tests.merging.models import model_of
from tests.pages.driver import Studio, last_job

GB = 10**9
HOSTILE = "**no/such** :material/home: https://example.org"
TYPED = ("owner/name", "owner/name@v1", HOSTILE)


@pytest.fixture(autouse=True)
def models(tmp_path: Path, tiny_llama_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models for the studio to offer: a tiny one, one without weights, one whose tokenizer is broken."""
    folder = tmp_path / "models"
    (folder / "bare").mkdir(parents=True)
    (folder / "bare" / "config.json").write_text((tiny_llama_folder / "config.json").read_text())
    (folder / "tiny").symlink_to(tiny_llama_folder)
    shutil.copytree(tiny_llama_folder, folder / "torn")
    (folder / "torn" / "tokenizer.json").write_text("{}")
    monkeypatch.setenv("MKA_MODELS", str(folder))
    typed = [*TYPED, str(folder / "nothing here")]  # AppTest chooses only among what is offered
    monkeypatch.setattr(open_form, "offered_models", lambda: [*offered_models(), *typed])
    return folder


@pytest.fixture
def page(studio: Studio) -> Studio:
    return studio.go("model")


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 1000 bytes to give."""
    monkeypatch.setattr(open_form, "free_bytes", lambda: 1000)
    monkeypatch.setattr(work, "free_bytes", lambda: 1000)


def choose(page: Studio, source: object) -> Studio:
    return page.set("selectbox", "Open a model", str(source))


def buttons(page: Studio) -> dict[str, bool]:
    """Label -> whether it can be pressed."""
    return {button.label: not button.disabled for button in page.at.button}


def test_what_a_folder_needs_is_said_unasked_and_follows_the_dtype(page: Studio, models: Path):
    choose(page, models / "tiny")
    stored = 4 * (2 * 259 * 16 + 4 * (768 + 3 * 16 * 32 + 2 * 16) + 16)
    assert page.says(f"Its weights need about {stored / 1000:#.3g} KB of memory; ") and page.says(": it fits.")
    page.set("selectbox", "Weights as", "bfloat16")
    assert page.says(f"Its weights need about {stored / 2000:#.3g} KB of memory; ")
    assert "What will it need?" not in buttons(page) and session.process().queue.find(1) is None


def test_a_folder_that_cannot_be_opened_is_said_before_it_is_tried(page: Studio, models: Path):
    choose(page, models / "bare")
    assert page.says("holds no weights") and not buttons(page)["Open"]
    choose(page, models / "nothing here")
    assert page.says("There is no folder") and not buttons(page)["Open"]


def test_opening_that_fails_is_one_sentence_and_the_desk_stays(page: Studio, models: Path):
    choose(page, models / "tiny").press("Open").finish()
    choose(page, models / "torn").press("Open")
    with pytest.raises(AssertionError, match="tokenizer"):
        page.finish()
    assert last_job().state == FAILED and page.says(f"Opening {models / 'torn'} failed: ")
    assert page.says(f"{models / 'tiny'}, LlamaForCausalLM") and session.process().models.held is None
    page.go("evaluate" if page.visit.state.plan.groups else "plan")
    page.widget("number_input", "From layer").set_value(1)
    page.widget("number_input", "To layer").set_value(2)
    page.press("Propose").press("Add to plan").go("evaluate").press("Merge only").finish()
    assert session.process().models.held.order.source == str(models / "tiny"), "the next job read it again"


def test_the_desk_is_served_as_it_was_opened(page: Studio, models: Path):
    choose(page, models / "tiny").set("selectbox", "Weights as", "bfloat16").set("selectbox", "Device", "cpu")
    page.press("Open").finish()
    opening = Opening(dtype="bfloat16", device="cpu")
    assert page.visit.desk.order == OpenOrder(str(models / "tiny"), opening) == session.process().models.held.order
    assert page.visit.desk.summary.dtype == "bfloat16"
    assert page.commands[0] == f"mka inspect {models / 'tiny'} --dtype bfloat16 --device cpu"


def test_what_does_not_fit_is_asked_twice(page: Studio, models: Path, little_memory: None):
    choose(page, models / "tiny")
    assert page.says("1.00 KB are free: it does not fit.") and "Open anyway" not in buttons(page)
    page.press("Open")
    assert session.process().queue.find(1) is None, "nothing was started"
    page.press("Leave it")
    assert "Open anyway" not in buttons(page)
    page.press("Open").press("Open anyway").finish()
    assert page.says(f"{models / 'tiny'}, LlamaForCausalLM")


def test_another_choice_takes_the_second_question_back(page: Studio, models: Path, little_memory: None):
    choose(page, models / "tiny").press("Open").set("selectbox", "Weights as", "float16")
    assert "Open anyway" not in buttons(page)


def test_a_model_of_the_hub_is_asked_for_by_a_button(
    page: Studio, monkeypatch: pytest.MonkeyPatch, little_memory: None
):
    asked = []

    def info(self: HfApi, name: str, revision: str | None = None, **rest: object) -> object:
        asked.append((name, revision))
        file = type("File", (), {"rfilename": "model.safetensors", "size": 16 * GB})
        return type("Info", (), {"siblings": [file], "safetensors": None})

    monkeypatch.setattr(HfApi, "model_info", info)
    choose(page, "owner/name").set("text_input", "Revision", "v2")
    assert page.says("stands on the hub") and asked == []
    page.press("What will it need?").finish()
    assert asked == [("owner/name", "v2")] and page.says("Its weights need about 16.0 GB of memory; 1.00 KB are free")
    page.press("Open")
    assert asked == [("owner/name", "v2")] and buttons(page)["Open anyway"]
    page.press("Dismiss").set("text_input", "Revision", "")
    assert not page.says("Its weights need"), "another revision may be of another size"
    page.press("Open")
    with pytest.raises(AssertionError, match="does not fit"):
        page.finish()
    assert asked[1:] == [("owner/name", None)]
    assert page.says("Its weights need") and session.process().models.held is None


def test_a_revision_is_asked_of_the_hubs_models_alone(page: Studio, models: Path):
    def labels() -> list[str]:
        return [one.label for one in page.at.text_input]

    assert "Revision" not in labels()
    assert "Revision" in [one.label for one in choose(page, "owner/name").at.text_input]
    choose(page, "owner/name@v1")
    assert "Revision" not in labels()


def test_opening_waits_for_another_windows_job_and_says_so(page: Studio, models: Path):
    choose(page, models / "tiny").press("Open").finish()
    begun, end = threading.Event(), threading.Event()

    def slow(progress, cancel):
        begun.set()
        end.wait(30)

    session.process().queue.submit("evaluate", "Of somebody else", slow)
    assert begun.wait(5)
    page.at.run()
    assert page.says("Opening waits for a job of another window that is at work.")
    choose(page, "demo")
    assert page.says("It then releases the model that is loaded now")
    page.press("Open")
    said = f"Opening demo waits for a job of another window; then the model {models / 'tiny'} is released."
    assert page.says(said) and not page.says("Of somebody else")
    end.set()
    page.finish()
    assert session.process().models.held.order.source == "demo" and not page.says("waits for")


def test_a_block_of_the_picture_shows_its_tensors(page: Studio):
    summary = summarize(model_of("llama"))
    page.visit.desk = Desk(summary)
    page.at.run()
    assert page.spec("layers")["data"][0]["customdata"] == [f"Layer {n}" for n in range(6)]
    table = page.at.dataframe[1].value
    assert list(table["Tensor"])[:2] == ["self_attn.q_proj.weight", "self_attn.k_proj.weight"]
    assert sum(table["Parameters"]) == summary.per_layer[0].parameters
    page.set("selectbox", "Block", "Head")
    assert list(page.at.dataframe[1].value["Shape"]) == ["259 × 16"]
    page.at.session_state["block"] = "Embedding"  # as a click does
    page.at.run()
    assert list(page.at.dataframe[1].value["Tensor"]) == ["model.embed_tokens.weight"]


def test_parts_have_shares_that_are_the_whole(page: Studio):
    page.visit.desk = Desk(summarize(model_of("llama")))
    page.at.run()
    table = page.at.dataframe[0].value
    assert list(table["Part"]) == ["embedding", "attention", "MLP", "norms", "head"]
    assert sum(table["Share"]) == pytest.approx(100)


def test_an_old_description_says_what_it_lacks(page: Studio):
    assert page.says("does not list tensors") and page.says("open the model to find out")
    assert list(page.at.dataframe[0].value["Part"]) == ["embedding", "decoder layers", "other", "head (tied)"]


def test_the_field_is_asked_where_there_are_records(page: Studio, tmp_path: Path):
    def asked() -> bool:
        return "Field with the text" in [one.label for one in page.at.text_input]

    assert not asked()
    (tmp_path / "t.jsonl").write_text('{"title": "one", "body": "a longer text"}')
    page.set("text_input", "Calibration texts", str(tmp_path / "t.jsonl"))
    assert asked()
    for other in (str(tmp_path), "texts.txt", "demo", ""):
        page.set("text_input", "Calibration texts", other)
        assert not asked(), other


def test_a_chosen_field_is_read_and_stands_in_the_command(page: Studio, models: Path, tmp_path: Path):
    lines = [f'{{"title": "title {n}", "body": "the much longer body number {n}"}}' for n in range(6)]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    choose(page, models / "tiny").press("Open").finish()
    assert page.says("Name calibration texts of this model's own kind") and not buttons(page)["Analyze"]
    page.set("text_input", "Calibration texts", str(tmp_path / "t.jsonl"))
    page.set("text_input", "Field with the text", "title").set("select_slider", "Subsamples for error bars", 0)
    page.press("Analyze").finish()
    assert page.visit.desk.analysis.points[3].text == "title 3" and page.visit.desk.analysis.field == "title"
    assert f"--calibration {tmp_path / 't.jsonl'} --limit 6 --field title" in page.commands[-1]


def test_the_source_of_the_texts_stays_while_another_page_is_looked_at(page: Studio):
    page.set("text_input", "Calibration texts", "my texts.txt").go("explore").go("model")
    assert page.widget("text_input", "Calibration texts").value == "my texts.txt"


def test_a_description_that_came_with_the_program_says_whether_the_model_is_loaded(page: Studio):
    assert page.visit.desk is not None and page.says("came with the program; the model itself is not loaded yet.")
    session.process().models.held = Held(OpenOrder("another", page.visit.desk.order.opening), 400)
    assert page.go("model").says("the model itself is not loaded yet.")
    session.process().models.held = Held(page.visit.desk.order, 400)
    assert page.go("model").says("came with the program; the model itself is loaded.")


def test_without_measures_it_says_what_to_choose(page: Studio):
    for pills in page.at.pills:
        pills.set_value([])
    page.at.run()
    assert page.says("Choose at least one measure or one map.") and not buttons(page)["Analyze"]


def test_names_of_models_are_never_markup(page: Studio, models: Path):
    choose(page, HOSTILE)
    assert page.says(HOSTILE) and not [text for text in page.markdown if "example.org" in text]
    page.visit.desk = replace(page.visit.desk, summary=replace(page.visit.desk.summary, architecture=HOSTILE))
    page.at.run()
    assert not [text for text in page.markdown if "example.org" in text]
