"""Touching the pictures: cells hit exactly at every depth, drags, double clicks, keys; every view changes one plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect

from mka.workflows.analysis_files import write_analysis
from tests.browser.server import Server, running_studio
from tests.browser.visit import DASHED, SOLID, Visit
from tests.studio.builders import an_analysis

HIT = {4: (0, 2), 12: (7, 4), 32: (30, 31), 80: (13, 66)}
CORNERS = ((-0.45, -0.45), (-0.45, 0.45), (0.45, -0.45), (0.45, 0.45))


@pytest.fixture(scope="module")
def of_depth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Server]]:
    """A studio on an analysis of so many layers; one per depth for all tests of this file."""
    running: dict[int, Server] = {}
    with ExitStack() as until_the_end:

        def studio(depth: int) -> Server:
            if depth not in running:
                folder = tmp_path_factory.mktemp(f"depth-{depth}")
                write_analysis(an_analysis(depth), folder / "analysis")
                environment = {"MKA_EXAMPLE": str(folder / "analysis")}
                running[depth] = until_the_end.enter_context(running_studio(folder / "out", environment))
            return running[depth]

        yield studio


@pytest.fixture
def twelve(visitor: Callable[..., Visit], of_depth: Callable[[int], Server]) -> Visit:
    """The Explore page of twelve layers."""
    return visitor(of_depth(12)).open()


def box(first: int, last: int) -> list[float]:
    return [first - 0.5, last + 0.5, first - 0.5, last + 0.5]


@pytest.mark.parametrize("depth", HIT)
def test_centre_and_corners_of_a_cell_and_of_the_picture_hit_exactly_their_block(
    depth: int, visitor: Callable[..., Visit], of_depth: Callable[[int], Server]
):
    visit = visitor(of_depth(depth)).open()
    row, column = HIT[depth]
    first, last = sorted((row, column))
    for down, across in ((0.0, 0.0), *CORNERS):
        visit.click_at("heatmap", row + down, column + across)
        assert visit.boxes(DASHED) == [box(first, last)], (down, across)
        visit.press("Drop")
    last, edge = depth - 1, 0.45
    for layer, out in ((0, -edge), (last, edge)):
        visit.click_at("heatmap", layer + out, layer + out)
        assert visit.says(f"Layer {layer} alone is no block") and visit.boxes(DASHED) == []
    visit.click_at("heatmap", -edge, last + edge)
    assert visit.boxes(DASHED) == [box(0, last)]
    visit.click_at("heatmap", last + edge, -edge)
    assert visit.boxes(DASHED) == [] and box(0, last) in visit.boxes(SOLID)


def test_the_cells_of_eighty_layers_are_wide_enough_and_scroll(
    visitor: Callable[..., Visit], of_depth: Callable[[int], Server]
):
    visit = visitor(of_depth(80), width=400).open()
    plot = visit.page.locator(".st-key-heatmap .mka-chart")
    size = plot.bounding_box()
    assert size is not None and size["width"] >= 900
    assert visit.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 400
    visit.page.evaluate("document.querySelector('.st-key-heatmap .mka-wide').scrollLeft = 9999")
    visit.click_cell(70, 78)
    assert visit.boxes(DASHED) == [box(70, 78)]


def test_a_drag_proposes_the_layers_it_spans_and_never_adds(twelve: Visit):
    for _ in range(2):
        twelve.drag("heatmap", (2, 2), (5, 4))
        assert twelve.boxes(DASHED) == [box(2, 5)] and twelve.boxes(SOLID) == []
    twelve.drag("neighbours", (0.05, 7), (0.05, 9))
    assert twelve.boxes(DASHED) == [box(7, 10)]


def test_a_drag_that_ends_where_it_began_is_nothing_and_one_outside_ends_at_the_edge(twelve: Visit):
    x, y = twelve.pixel("heatmap", 3, 6)
    twelve.page.mouse.move(x, y)
    twelve.page.mouse.down()
    twelve.page.mouse.move(*twelve.pixel("heatmap", 9, 9))
    expect(twelve.page.locator(".mka-band")).to_have_count(1)
    twelve.page.mouse.move(x + 1, y)
    twelve.page.mouse.up()
    expect(twelve.page.locator(".mka-band")).to_have_count(0)
    twelve.drag("heatmap", (9, 9), (14, 16))
    assert twelve.boxes(DASHED) == [box(9, 11)]


def test_a_double_click_adds_the_block(twelve: Visit):
    twelve.double_click_cell(4, 6)
    assert twelve.boxes(DASHED) == [] and box(4, 6) in twelve.boxes(SOLID)


def test_a_block_that_meets_another_takes_its_place_and_says_so(twelve: Visit):
    twelve.double_click_cell(2, 4).click_cell(4, 6)
    assert twelve.says("It takes the place of the planned group 2–4.")
    twelve.click_cell(4, 6)
    solid = twelve.boxes(SOLID)
    assert box(4, 6) in solid and box(2, 4) not in solid


def test_the_diagonal_is_no_block_and_says_so(twelve: Visit):
    twelve.click_cell(5, 5)
    assert twelve.says("Layer 5 alone is no block") and twelve.boxes(DASHED) == []


def test_every_view_changes_the_same_plan(twelve: Visit):
    twelve.click_cell(0, 1).press("Add to plan")
    twelve.click_bar(3).press("Add to plan")
    twelve.click_at("plan", 1, 6).click_at("plan", 1, 7)
    assert twelve.boxes(DASHED) == [box(6, 7)]
    twelve.press("Add to plan")
    twelve.go("Layers").click_mark("path", "segment-9").click_mark("path", "segment-9")
    expect(twelve.page.get_by_test_id("stSidebar")).to_contain_text("0–1, 3–4, 6–7, 9–10")
    twelve.go("Explore")
    assert twelve.boxes(SOLID) == [box(0, 1), box(3, 4), box(6, 7), box(9, 10)]


def test_lists_buttons_and_sliders_change_the_same_plan(twelve: Visit):
    sidebar = twelve.page.get_by_test_id("stSidebar")
    for layer in (2, 4, 3):
        twelve.click_row(layer)
    assert twelve.boxes(DASHED) == [box(2, 4)]
    assert twelve.click_row(2).boxes(DASHED) == [box(3, 4)], "a second click takes the layer out again"
    twelve.press("Add to plan").click_cell(5, 7).go("Manifold")
    twelve.page.get_by_role("slider", name="Second layer").press("ArrowRight")
    twelve.settle().press("Propose the block of layers 5–8").press("Add to plan")
    expect(sidebar).to_contain_text("3–4, 5–8")
    twelve.go("Plan").press("Join with the next group")
    expect(sidebar).to_contain_text("12 → 7 layers: 3–8")
    twelve.page.get_by_role("slider", name="Weight of layer 5").press("ArrowRight")
    expect(twelve.settle().button("Equal weights")).to_be_enabled()
    assert twelve.go("Explore").boxes(SOLID) == [box(3, 8)]


def test_a_finger_on_a_narrow_screen_proposes_and_adds(
    visitor: Callable[..., Visit], of_depth: Callable[[int], Server]
):
    visit = visitor(of_depth(12), width=400, touch=True).open()
    for boxes in (DASHED, SOLID):
        visit.tap_cell(3, 5)
        assert box(3, 5) in visit.boxes(boxes)


def test_the_heatmap_is_walked_and_chosen_by_keys_and_keeps_the_focus(twelve: Visit):
    plot = twelve.page.locator(".st-key-heatmap .mka-chart")
    plot.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"):
        twelve.page.keyboard.press(key)
    twelve.key_on("heatmap", "Enter")
    assert twelve.boxes(DASHED) == [box(3, 4)]
    twelve.key_on("heatmap", "Enter")
    assert box(3, 4) in twelve.boxes(SOLID)
    expect(plot).to_be_focused()
    for key in ("ArrowDown", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown"):
        twelve.page.keyboard.press(key)
    twelve.key_on("heatmap", "Enter")
    assert twelve.boxes(DASHED) == [box(4, 6)]
    twelve.page.keyboard.press("Escape")
    expect(twelve.page.locator(".mka-band")).to_have_count(0)


def test_undo_and_redo_go_over_selection_and_plan(twelve: Visit):
    twelve.click_cell(2, 3).click_cell(2, 3).click_cell(7, 8)
    sidebar = twelve.page.get_by_test_id("stSidebar")
    for seen in ("Layers 2–3", "empty, 12 layers stay"):
        twelve.aside("Undo")
        if seen.startswith("Layers"):
            twelve.aside("Undo")
        expect(sidebar).to_contain_text(seen)
    for _ in range(3):
        twelve.aside("Redo")
    assert twelve.boxes(DASHED) == [box(7, 8)] and box(2, 3) in twelve.boxes(SOLID)


def test_a_picture_is_saved_under_its_name(twelve: Visit, tmp_path: Path):
    for form, begins in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with twelve.page.expect_download() as waiting:
            twelve.page.locator(".st-key-save-heatmap").get_by_role("button", name=form).click()
        assert waiting.value.suggested_filename == f"mka-demo-similarity-npib.{form.lower()}"
        waiting.value.save_as(tmp_path / form)
        assert (tmp_path / form).read_bytes().startswith(begins)
    assert b"proposed" not in (tmp_path / "SVG").read_bytes() and b"layer" in (tmp_path / "SVG").read_bytes()
