"""A repair in the browser: chosen, its progress seen, cancelled, measured, undone, and compared with none."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from mka.objects.repairs import REPAIRS
from tests.browser.looks import CUT, FAINT, WIDER
from tests.browser.server import Server
from tests.browser.visit import Visit

EVALUATION = "Evaluating the merge"
FEW = "8"
PROGRESS = "document.querySelector('[data-testid=stSidebar] [role=progressbar]')?.getAttribute('aria-valuenow')"


def sidebar(visit: Visit) -> Locator:
    return visit.page.get_by_test_id("stSidebar")


def chosen(visit: Visit, name: str) -> None:
    choice = visit.page.get_by_test_id("stMain").get_by_role("radio", name=name, exact=True)
    expect(choice).to_have_attribute("aria-checked", "true")


def planned(visit: Visit, last: int = 10) -> Visit:
    """Layer `last` merged with the one before it."""
    visit.open().click_cell(last - 1, last).press("Add to plan").go("Plan")
    chosen(visit, "No repair")
    return visit


def evaluate(visit: Visit) -> None:
    visit.unfold("What is measured, and on what").fill("At most, of each", FEW).press("Merge and evaluate")


def test_a_repair_is_cancelled_then_measured_and_stands_beside_the_same_plan_without_it(
    visitor: Callable[..., Visit], server: Server
):
    visit = planned(visitor(server)).pick("transplant").go("Evaluate")
    chosen(visit, "transplant")
    reads = visit.page.get_by_text("The repair reads 256 texts of demo for each part").filter(visible=True)
    expect(reads).to_have_count(1)
    evaluate(visit)
    sidebar(visit).get_by_text(re.compile(r"^repair \d+/\d+ · ")).wait_for()
    before = visit.page.evaluate(PROGRESS)
    visit.page.wait_for_function(f"(before) => Number({PROGRESS}) > Number(before)", arg=before)
    visit.cancel_button.click()
    visit.finish_job(f"{EVALUATION}: cancelled. Nothing was changed.").press("Dismiss")
    expect(sidebar(visit)).to_contain_text("9–10, repair transplant")
    visit.pick("linear-cut")
    evaluate(visit)
    visit.finish_job(f"{EVALUATION}: done")
    expect(visit.page.get_by_text("Repaired by linear-cut, worked out from 256 texts of demo")).to_be_visible()
    visit.unfold("Merge receipt")
    expect(visit.page.get_by_text("Repair linear-cut: 1 tensor was changed for it.")).to_be_visible()
    visit.aside("Undo").aside("Undo")
    chosen(visit, "No repair")
    evaluate(visit)
    visit.finish_job(f"{EVALUATION}: done").go("Runs")
    with visit.page.expect_download() as download:
        visit.button("Runs (CSV)").click()
    rows = csv.DictReader(download.value.path().open())
    assert [row["Repair"] for row in rows] == ["none", "linear-cut, 256 texts of demo"], "the latest first"


@pytest.mark.parametrize(("theme", "width"), [("light", 400), ("dark", 400), ("light", 1440), ("dark", 1440)])
def test_every_choice_can_be_read_and_is_in_sight(
    theme: str, width: int, visitor: Callable[..., Visit], server: Server
):
    visit = planned(visitor(server))
    visit.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    visit.page.set_viewport_size({"width": width, "height": 1000})
    visit.settle()
    for page in ("plan", "evaluate"):
        if page == "evaluate":
            visit.press("Evaluate this plan").page.reload()
            visit.settle()
        for name in ("scale", "transplant"):
            visit.pick(name)
            box = visit.page.get_by_role("radio", name="transplant", exact=True).bounding_box()
            assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width, (page, box)
            assert visit.page.evaluate(FAINT) == [] and visit.page.evaluate(CUT) == [], (page, name)
            assert visit.page.evaluate(WIDER) == 0


@pytest.mark.parametrize("width", [400, 500, 1440])  # at 500 the name of a repair breaks the plan's sentence
def test_a_choice_moves_neither_itself_nor_what_stands_below_it(
    width: int, visitor: Callable[..., Visit], server: Server
):
    visit = planned(visitor(server), last=4)  # never measured here, or a result would stand below the choices
    visit.page.set_viewport_size({"width": width, "height": 1000})
    visit.settle()
    for page, label in (("plan", "Evaluate this plan"), ("evaluate", "Merge and evaluate")):
        if page == "evaluate":
            visit.press("Evaluate this plan").page.reload()
            visit.settle()
        title, heights = visit.page.get_by_role("heading", level=1), set()
        for name in ("No repair", *REPAIRS):
            choices = visit.pick(name).page.get_by_role("radiogroup", name="Repair")
            boxes = [part.bounding_box() for part in (title, choices, visit.button(label))]
            top, *below = [box["y"] for box in boxes if box is not None]
            heights.add(tuple(round(y - top) for y in below))
        assert len(heights) == 1 and len(min(heights)) == 2, (page, heights)


def test_undo_stays_under_the_finger(visitor: Callable[..., Visit], server: Server):
    visit = planned(visitor(server))
    undo = sidebar(visit).get_by_role("button", name="Undo")
    seen = [undo.bounding_box()]
    for name in ("linear-cut", "transplant"):
        seen.append(visit.pick(name) and undo.bounding_box())
    while undo.is_enabled():
        seen.append(visit.aside("Undo") and undo.bounding_box())
    assert len(seen) >= 6 and all(box == seen[0] for box in seen), seen


def test_a_plan_file_brings_its_repair(visitor: Callable[..., Visit], server: Server, tmp_path: Path):
    visit = planned(visitor(server)).pick("replaceme")
    with visit.page.expect_download() as download:
        visit.button("Plan as JSON").click()
    visit.press("Clear")
    expect(visit.page.get_by_role("radio", name="replaceme", exact=True)).to_have_count(0)
    download.value.save_as(tmp_path / "plan.json")
    visit.page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(tmp_path / "plan.json")
    expect(sidebar(visit)).to_contain_text("9–10, repair replaceme")
    chosen(visit.settle(), "replaceme")


def test_a_strategy_that_tries_plans_shows_its_progress_and_can_be_cancelled(
    visitor: Callable[..., Visit], server: Server
):
    visit = visitor(server).open("plan").press("Try plans by greedy")
    expect(sidebar(visit)).to_contain_text("Choosing layers by greedy")
    sidebar(visit).get_by_text(re.compile(r"^greedy \d+/33 · ")).wait_for()
    visit.cancel_button.click()
    visit.finish_job("Choosing layers by greedy: cancelled. Nothing was changed.")
    expect(sidebar(visit)).to_contain_text("empty, 12 layers stay")
