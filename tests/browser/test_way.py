"""The whole way by mouse: click a block, add it, merge, evaluate, export; and stopping on the way."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.browser.server import Server
from tests.browser.visit import DASHED, SOLID, Visit


def test_a_click_on_a_cell_proposes_exactly_that_block(visit: Visit):
    visit.open()
    for row, column in ((3, 5), (7, 6), (0, 1), (2, 4)):
        visit.click_cell(row, column)
        first, last = sorted((row, column))
        assert visit.boxes(DASHED) == [[first - 0.5, last + 0.5, first - 0.5, last + 0.5]]
        assert visit.says(f"Layers {first}–{last} become one")
        assert visit.boxes(SOLID) == []


def test_a_second_click_or_the_button_adds_the_block(visit: Visit):
    visit.open().click_cell(1, 2).click_cell(1, 2)
    assert visit.boxes(DASHED) == []
    assert [0.5, 2.5, 0.5, 2.5] in visit.boxes(SOLID)
    visit.click_cell(5, 4).press("Add to plan")
    assert [3.5, 5.5, 3.5, 5.5] in visit.boxes(SOLID)
    expect(visit.page.get_by_test_id("stSidebar")).to_contain_text("1–2, 4–5")


def test_a_click_on_a_bar_proposes_the_pair(visit: Visit):
    visit.open().click_bar(3)
    assert visit.boxes(DASHED) == [[2.5, 4.5, 2.5, 4.5]]


def test_merge_evaluate_and_export(visit: Visit, server: Server, pictures: Path):
    visit.open().click_cell(4, 5).click_cell(4, 5).go("Evaluate")
    visit.unfold("What is measured, and on what")
    visit.fill("Texts and questions", "demo").fill("At most, of each", "12")
    visit.press("Merge only").finish_job("Merging: done")
    expect(visit.page.get_by_text("Layers renumbered")).to_be_visible()
    visit.press("Merge and evaluate")
    expect(visit.page.get_by_role("progressbar")).to_be_visible()
    expect(visit.cancel_button).to_be_visible()
    visit.finish_job("Evaluating the merge: done")
    expect(visit.page.get_by_role("heading", level=2)).to_be_visible()
    for word in ("Perplexity", "Accuracy", "Same next token"):
        expect(visit.page.get_by_test_id("stMetric").filter(has_text=word)).to_be_visible()
    expect(visit.page.locator(".st-key-subjects .legendtext")).to_have_text(
        ["merged", "unmerged", "truncate", "drop-keep-last"]
    )
    visit.picture(pictures, "evaluated")
    visit.go("Export").fill("Folder name", "by-browser").press("Write the checkpoint")
    visit.finish_job("Writing by-browser: done")
    expect(visit.page.get_by_role("heading", name="Written and verified")).to_be_visible()
    folder = server.out / "by-browser"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    source_depth = int(visit.page.get_by_text("layers become").inner_text().split("group: ")[1].split()[0])
    assert model.config.num_hidden_layers == source_depth - 1
    assert model.generate(**tokenizer("The capital of", return_tensors="pt"), max_new_tokens=2).shape[0] == 1
