"""Long work in the browser: progress, cancel, found again after a reload and on other pages, and two people at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.server import Server, running_studio
from tests.browser.visit import DASHED, Visit

EVALUATION = "Evaluating the merge"
LONG = "100000"
"""Texts and questions: the demo has fewer, and takes long over them."""
PROGRESS = "document.querySelector('[data-testid=stSidebar] [role=progressbar]')?.getAttribute('aria-valuenow')"


@pytest.fixture(scope="module")
def shared(tiny_llama_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio that offers a second model beside the demo."""
    with running_studio(tmp_path_factory.mktemp("shared") / "out", {"MKA_MODELS": str(tiny_llama_folder.parent)}) as it:
        yield it


def sidebar(visit: Visit) -> Locator:
    return visit.page.get_by_test_id("stSidebar")


def evaluating(visit: Visit, row: int, column: int) -> Visit:
    """With a block planned and a long evaluation of it begun."""
    visit.open().click_cell(row, column).click_cell(row, column).go("Evaluate")
    visit.unfold("What is measured, and on what")
    visit.fill("Texts and questions", "demo").fill("At most, of each", LONG)
    visit.button("Merge and evaluate").click()
    expect(visit.cancel_button).to_be_visible()
    return visit


def cancelled(visit: Visit) -> Visit:
    visit.cancel_button.click()
    return visit.finish_job(f"{EVALUATION}: cancelled. Nothing was changed.")


def test_a_job_goes_on_over_pages_and_reloads_and_is_cancelled(visitor: Callable[..., Visit], shared: Server):
    visit = evaluating(visitor(shared), 2, 5)
    visit.page.wait_for_function(f"Number({PROGRESS}) > 0")
    visit.go("Explore")
    expect(visit.cancel_button).to_be_visible()
    visit.click_cell(7, 8)
    assert visit.boxes(DASHED) == [[6.5, 8.5, 6.5, 8.5]]
    before = visit.page.evaluate(PROGRESS)
    visit.page.wait_for_function(f"(before) => Number({PROGRESS}) > Number(before)", arg=before)
    visit.page.reload()
    expect(visit.cancel_button).to_be_visible()
    expect(sidebar(visit)).to_contain_text(EVALUATION)
    expect(sidebar(visit)).to_contain_text("2–5")
    cancelled(visit)
    expect(visit.cancel_button).to_have_count(0)
    visit.press("Dismiss")
    expect(visit.page.get_by_text("Nothing was changed")).to_have_count(0)
    visit.go("Evaluate")
    expect(visit.page.get_by_text("Nothing is measured for this plan yet.")).to_be_visible()


def test_a_job_of_a_closed_tab_is_cancelled_in_another_tab_of_the_same_browser(
    visitor: Callable[..., Visit], shared: Server
):
    gone = evaluating(visitor(shared), 2, 5)
    later = Visit(gone.page.context.new_page(), shared)
    gone.leave()
    later.open()
    expect(sidebar(later)).to_contain_text(EVALUATION)
    cancelled(later)
    expect(later.cancel_button).to_have_count(0)
    assert later.wrong == []
    later.leave()


def test_two_people_see_nothing_of_each_other_and_share_the_model(visitor: Callable[..., Visit], shared: Server):
    mine, other = visitor(shared), visitor(shared)
    other.open("evaluate")
    evaluating(mine, 1, 3)
    other.go("Explore")
    expect(sidebar(other)).to_contain_text("A job of another window")
    expect(sidebar(other)).to_contain_text("empty, 12 layers stay")
    expect(other.page.get_by_text(EVALUATION)).to_have_count(0)
    expect(other.cancel_button).to_have_count(0)
    other.click_cell(6, 8).click_cell(6, 8).go("Evaluate")
    other.unfold("What is measured, and on what").button("Merge only").click()
    expect(sidebar(other)).to_contain_text("waits for: A job of another window")
    cancelled(mine)
    other.finish_job("Merging: done")
    expect(sidebar(mine)).not_to_contain_text("6–8")
    expect(sidebar(other)).not_to_contain_text("1–3")


def test_another_model_waits_for_the_job_at_work_and_then_takes_its_place(
    visitor: Callable[..., Visit], shared: Server, tiny_llama_folder: Path
):
    mine, other = evaluating(visitor(shared), 1, 3), visitor(shared)
    opening = f"Opening {tiny_llama_folder}"
    other.open("model").choose("Open a model", str(tiny_llama_folder))
    other.page.get_by_test_id("stBaseButton-primary").filter(has_text="Open").click()
    waits = f"{opening} waits for a job of another window; then the model demo is released."
    expect(other.page.get_by_text(waits)).to_be_visible()
    expect(mine.cancel_button).to_be_visible()
    cancelled(mine)
    other.finish_job(f"{opening}: done")
    expect(sidebar(other)).to_contain_text("4 layers")
    expect(sidebar(mine)).to_contain_text("12 layers")
    mine.go("Explore").go("Evaluate")
    expect(mine.page.get_by_text("The model is not loaded yet")).to_be_visible()
    expect(sidebar(mine)).to_contain_text("1–3")


def test_a_failed_job_says_why_and_leaves_what_was_there(visitor: Callable[..., Visit], shared: Server):
    visit = visitor(shared).open().click_cell(4, 6).click_cell(4, 6).go("Evaluate")
    visit.unfold("What is measured, and on what").fill("Texts and questions", "nowhere/<b>at all</b>.txt")
    visit.button("Merge and evaluate").click()
    visit.finish_job(f"{EVALUATION} failed: ")
    expect(visit.page.get_by_text("nowhere/<b>at all</b>.txt").first).to_be_visible()
    expect(sidebar(visit)).to_contain_text("4–6")
    expect(visit.cancel_button).to_have_count(0)
