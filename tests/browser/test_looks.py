"""Light and dark, wide and narrow, and a model of eighty layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mka.workflows.analysis_files import write_analysis
from tests.browser.server import Server, running_studio
from tests.browser.visit import DASHED, Visit
from tests.studio.builders import an_analysis

GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 23, 31)"}
PAGES = ("Model", "Explore", "Manifold", "Layers", "Plan", "Evaluate", "Runs", "Export", "Guide")
FAINT = """() => {
    const channels = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    const light = (rgb) => {
        const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const over = (top, alpha, ground) => ground.map((value, i) => value * (1 - alpha) + top[i] * alpha);
    const ground = (element) => {
        const layers = [];
        for (let e = element; e; e = e.parentElement) layers.push(channels(getComputedStyle(e).backgroundColor));
        return layers.reverse().reduce((below, [r, g, b, a = 1]) => over([r, g, b], a, below), [255, 255, 255]);
    };
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement, text = texts.currentNode.textContent.trim();
        const box = element.getBoundingClientRect();
        if (!text || !box.width || !box.height || element.closest("svg, [disabled], style, script")) continue;
        // Icons are a font's letters. A slider's number stands in the picture's title too: the theme's one accent
        // colour cannot be read both under white letters and on a dark page.
        if (element.closest('[data-testid="stIconMaterial"], [data-testid="stSlider"]')) continue;
        const below = ground(element), [r, g, b, a = 1] = channels(getComputedStyle(element).color);
        let alpha = a;
        for (let e = element; e; e = e.parentElement) alpha *= parseFloat(getComputedStyle(e).opacity);
        const [low, high] = [light(over([r, g, b], alpha, below)), light(below)].sort((x, y) => x - y);
        if ((high + 0.05) / (low + 0.05) < 4.5) found.push([text, ((high + 0.05) / (low + 0.05)).toFixed(2)]);
    }
    return found;
}"""
WIDER = """() => [...document.querySelectorAll('[data-testid=stMain], html')]
    .filter((e) => e.scrollWidth > e.clientWidth + 1).length"""


@pytest.mark.parametrize("theme", GROUND)
def test_text_can_be_read_on_every_page(theme: str, visitor: Callable[..., Visit], server: Server, pictures: Path):
    visit = visitor(server, theme=theme).open().click_cell(1, 2).click_cell(1, 2).click_cell(3, 5)
    ground = visit.page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert ground == GROUND[theme]
    for page in PAGES:
        visit.go(page)
        visit.picture(pictures, f"{page.lower()}-{theme}")
        assert visit.page.evaluate(FAINT) == [], page


def test_nothing_is_cut_off_on_a_narrow_screen(visitor: Callable[..., Visit], server: Server, pictures: Path):
    visit = visitor(server, width=600).open()
    for page in PAGES:
        visit.open(page.lower())
        visit.picture(pictures, f"{page.lower()}-narrow")
        assert visit.page.evaluate(WIDER) == 0, page


@pytest.fixture(scope="module")
def deep_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio on an analysis of eighty layers."""
    folder = tmp_path_factory.mktemp("deep")
    write_analysis(an_analysis(80), folder / "analysis")
    with running_studio(folder / "out", {"MKA_EXAMPLE": str(folder / "analysis")}) as studio:
        yield studio


def test_the_cells_of_eighty_layers_are_hit(visitor: Callable[..., Visit], deep_server: Server, pictures: Path):
    visit = visitor(deep_server).open()
    for row, column in ((0, 1), (79, 78), (40, 41), (13, 66)):
        visit.click_cell(row, column)
        first, last = sorted((row, column))
        assert visit.boxes(DASHED) == [[first - 0.5, last + 0.5, first - 0.5, last + 0.5]]
    visit.picture(pictures, "eighty-layers")
