"""From the first picture to a written checkpoint without a mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.server import Server, running_studio
from tests.browser.visit import Visit

MOST_STOPS = 150
"""No page has more places for the focus than this."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_studio(tmp_path_factory.mktemp("keys") / "out") as studio:
        yield studio


def tab_to(visit: Visit, wanted: Locator) -> Visit:
    """Press Tab until the focus is there."""
    expect(wanted).to_be_visible()
    for _ in range(MOST_STOPS):
        if wanted.evaluate("(it) => it === document.activeElement"):
            return visit
        visit.page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached by Tab")


def press(visit: Visit, key: str = "Enter") -> Visit:
    visit.page.keyboard.press(key)
    return visit.settle()


def turn_to(visit: Visit, title: str) -> Visit:
    """Another page, by the sidebar."""
    tab_to(visit, visit.page.get_by_test_id("stSidebarNav").get_by_role("link", name=title))
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url(f"**/{title.lower()}*")
    return visit.settle()


def test_propose_merge_evaluate_and_export_without_a_mouse(visitor: Callable[..., Visit], fresh: Server):
    visit = visitor(fresh).open()
    sidebar = visit.page.get_by_test_id("stSidebar")
    rows = visit.page.get_by_role("grid").get_by_role("row")
    tab_to(visit, visit.page.get_by_role("grid").locator("[tabindex='0']").first)
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Shift+ArrowDown"):
        press(visit, key)
    expect(rows.filter(has_text="proposed")).to_have_count(2)
    press(visit)
    expect(sidebar).to_contain_text("12 → 11 layers: 3–4")
    turn_to(visit, "Evaluate")
    tab_to(visit, visit.page.get_by_test_id("stMain").locator("summary").first)
    press(visit)
    tab_to(visit, visit.page.get_by_test_id("stMain").locator('input[aria-label="At most, of each"]'))
    visit.page.keyboard.press("Control+A")
    visit.page.keyboard.type("8")
    press(visit)
    tab_to(visit, visit.button("Merge and evaluate"))
    visit.page.keyboard.press("Enter")
    visit.finish_job("Evaluating the merge: done")
    turn_to(visit, "Export")
    tab_to(visit, visit.button("Write the checkpoint"))
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("heading", name="Written and verified")).to_be_visible(timeout=60_000)
    (folder,) = [one for one in Path(fresh.out).iterdir() if one.is_dir()]
    assert (folder / "model.safetensors").is_file()


def layer_field(visit: Visit, label: str) -> Locator:
    return visit.page.get_by_test_id("stMain").locator(f'input[aria-label="{label}"]')


def block(visit: Visit) -> tuple[str, str]:
    """What stands in the two fields of a block."""
    return layer_field(visit, "From layer").input_value(), layer_field(visit, "To layer").input_value()


def type_block(visit: Visit, first: int, last: int) -> None:
    """Name a block by its two ends and propose it."""
    for label, value in (("From layer", first), ("To layer", last)):
        tab_to(visit, layer_field(visit, label))
        visit.page.keyboard.press("Control+A")
        visit.page.keyboard.type(str(value))
    tab_to(visit, visit.button("Propose"))
    press(visit)


def test_a_block_is_proposed_by_numbers_on_two_pages_and_added_by_the_next_tab(
    visitor: Callable[..., Visit], fresh: Server
):
    visit = visitor(fresh).open()
    sidebar = visit.page.get_by_test_id("stSidebar")
    type_block(visit, 2, 4)
    press(visit, "Tab")
    press(visit)
    expect(sidebar).to_contain_text("12 → 10 layers: 2–4")
    turn_to(visit, "Plan")
    assert block(visit) == ("2", "4")
    type_block(visit, 6, 7)
    turn_to(visit, "Explore")
    assert block(visit) == ("6", "7")
    visit.click_cell(8, 10)
    turn_to(visit, "Plan")
    assert block(visit) == ("8", "10")
    tab_to(visit, visit.button("Propose"))
    press(visit)
    tab_to(visit, visit.button("Add to plan"))
    press(visit)
    expect(sidebar).to_contain_text("12 → 8 layers: 2–4, 8–10")


def test_a_plan_is_changed_and_taken_back_by_keys(visitor: Callable[..., Visit], fresh: Server):
    visit = visitor(fresh).open("plan")
    sidebar = visit.page.get_by_test_id("stSidebar")
    tab_to(visit, visit.button("Propose by truncate"))
    press(visit)
    tab_to(visit, visit.button("Use as plan"))
    press(visit)
    expect(sidebar).to_contain_text("12 → 9 layers: 9–11")
    type_block(visit, 2, 4)
    tab_to(visit, visit.button("Add to plan"))
    press(visit)
    equal = visit.button("Equal weights")
    expect(equal).to_be_disabled()
    tab_to(visit, visit.page.get_by_role("slider", name="Weight of layer 3"))
    press(visit, "ArrowRight")
    expect(equal).to_be_enabled()
    tab_to(visit, visit.button("Split"))
    press(visit)
    expect(sidebar).to_contain_text("12 → 8 layers: 3–4, 9–11")
    for seen in ("12 → 7 layers: 2–4, 9–11",) * 2:
        tab_to(visit, sidebar.get_by_role("button", name="Undo"))
        press(visit)
        expect(sidebar).to_contain_text(seen)
    expect(equal).to_be_disabled()
