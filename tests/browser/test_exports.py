"""What can be taken away from the pages, each file opened as its reader would open it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Download, Locator, expect

from tests.browser.measured import DEPTH, Measured, measured_studio
from tests.browser.server import Server
from tests.browser.visit import Visit
from tests.studio.builders import an_analysis

PAGES = {"explore": 4, "manifold": 2, "layers": 1, "plan": 1, "evaluate": 3, "runs": 1, "export": 0, "model": 0}
"""How many pictures each has at least."""
SHARP = 2
"""Pixels of a PNG per pixel of the screen."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    with measured_studio(tmp_path_factory.mktemp("measured")) as studio:
        yield studio


def taken(visit: Visit, button: Locator, folder: Path) -> Path:
    """The file that this button gives."""
    button.scroll_into_view_if_needed()
    with visit.page.expect_download() as waiting:
        button.click()
    return kept(waiting.value, folder)


def kept(download: Download, folder: Path) -> Path:
    file = folder / download.suggested_filename
    download.save_as(file)
    return file


def table(file: Path) -> list[list[str]]:
    """The rows of a CSV file, all of one width."""
    rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert len(rows) > 1 and {len(row) for row in rows} == {len(rows[0])}, file.name
    return rows


def open_offline(browser: Browser, file: Path) -> list[str]:
    """What a page asks for beside itself; it must draw its pictures without."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(f"error: {error}"))
    page.goto(file.as_uri())
    page.locator(".plotly-graph-div .main-svg").first.wait_for()
    titles = page.locator(".modebar-btn").evaluate_all("(all) => all.map((one) => one.dataset.title)")
    assert "Download plot as a PNG" in titles and "Share chart..." not in titles, "no button sends it to anybody"
    context.close()
    return [url for url in asked if url != file.as_uri() and not url.startswith(("data:", "blob:"))]


def check(browser: Browser, file: Path) -> None:
    """Open it by its kind."""
    match file.suffix:
        case ".csv":
            table(file)
        case ".json":
            assert json.loads(file.read_text(encoding="utf-8"))
        case ".py":
            compile(file.read_text(encoding="utf-8"), file.name, "exec")
        case ".html":
            assert open_offline(browser, file) == []
        case _:
            raise AssertionError(f"{file.name} is of no kind that a page gives")


@pytest.mark.parametrize("page", PAGES)
def test_every_file_of_a_page_opens(
    page: str, visitor: Callable[..., Visit], measured: Measured, browser: Browser, tmp_path: Path
):
    visit = visitor(measured.server).open(measured.at(page))
    visit.page.evaluate("document.querySelectorAll('details:not([open]) > summary').forEach((one) => one.click())")
    visit.settle()
    buttons = visit.page.get_by_test_id("stDownloadButton").locator("button:not([disabled])").filter(visible=True)
    files = [taken(visit, button, tmp_path) for button in buttons.all()]
    assert len({file.name for file in files}) == len(files) > 0
    assert all(file.name.startswith("mka-demo-") for file in files), "each names the model"
    for file in files:
        check(browser, file)
    assert sum(file.suffix == ".html" for file in files) >= PAGES[page]


@pytest.mark.parametrize("page", [page for page, pictures in PAGES.items() if pictures])
def test_every_picture_is_saved_as_svg_and_png(
    page: str, visitor: Callable[..., Visit], measured: Measured, tmp_path: Path
):
    visit = visitor(measured.server).open(measured.at(page))
    charts = visit.page.locator(".mka-chart[aria-busy=false]")
    assert charts.count() >= PAGES[page] and visit.page.locator(".mka-save").count() == charts.count()
    said = visit.page.get_by_test_id("stMain").get_by_test_id("stText").all_inner_texts()
    for chart, place in zip(charts.all(), visit.page.locator(".mka-save").all(), strict=True):
        assert chart.get_attribute("aria-label") in said, "its sentence, for those who do not see it"
        box = chart.bounding_box()
        assert box is not None
        size = int(box["width"] + 0.5), int(box["height"] + 0.5)  # halves go up, as in a browser
        picture = Image.open(taken(visit, place.get_by_role("button", name="PNG"), tmp_path))
        assert (
            picture.size == tuple(SHARP * side for side in size) and len(picture.convert("RGB").getcolors(1 << 24)) > 2
        )
        drawing = ElementTree.parse(taken(visit, place.get_by_role("button", name="SVG"), tmp_path)).getroot()
        assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
        assert (float(drawing.attrib["width"]), float(drawing.attrib["height"])) == size
        assert any(text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text"))


def test_the_numbers_of_the_heatmap_are_the_analysis(visitor: Callable[..., Visit], measured: Measured, tmp_path: Path):
    visit = visitor(measured.server).open("explore").choose("Measure", "Cosine")
    header, *rows = table(taken(visit, visit.button("CSV").first, tmp_path))
    assert header == ["layer", *map(str, range(DEPTH))] and [row[0] for row in rows] == header[1:]
    values = np.array([row[1:] for row in rows], dtype=float)
    np.testing.assert_allclose(values, an_analysis(DEPTH).similarities["cosine"].values, rtol=1e-6)


def test_a_plan_leaves_as_a_file_and_comes_back(visitor: Callable[..., Visit], measured: Measured, tmp_path: Path):
    visit = visitor(measured.server).open().click_cell(1, 3).click_cell(1, 3).go("Plan")
    sidebar = visit.page.get_by_test_id("stSidebar")
    file = taken(visit, visit.button("Plan as JSON"), tmp_path)
    assert json.loads(file.read_text(encoding="utf-8"))["groups"][0]["layers"] == [1, 2, 3]
    visit.press("Clear")
    expect(sidebar).to_contain_text(f"empty, {DEPTH} layers stay")
    visit.page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(file)
    expect(sidebar).to_contain_text("6 → 4 layers: 1–3")
    visit.settle()


def test_the_script_repeats_the_work(visit: Visit, server: Server, tmp_path: Path):
    """A block named by hand, so that the script has nothing to analyze."""
    visit.open("plan").press("Propose").press("Add to plan").go("Export").fill("Folder name", "by-script")
    file = taken(visit, visit.button("Script (Python)"), tmp_path)
    subprocess.run([sys.executable, str(file)], cwd=tmp_path, check=True, capture_output=True, timeout=200)
    config = json.loads((server.out / "by-script" / "config.json").read_text())
    assert config["num_hidden_layers"] == 11
    assert (server.out / "by-script" / "model.safetensors").stat().st_size > 0
