"""The analysis pages in a real browser, on an analysis made by hand: clicks, film, links, light and dark, 1024 wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from mka.workflows.analysis_files import write_analysis
from tests.browser.looks import FAINT, WIDER
from tests.browser.server import Server, running_studio
from tests.browser.visit import DASHED, SOLID, Visit
from tests.studio.builders import an_analysis, an_embedding, sure

SHOWN = """() => {
    const plot = document.querySelector('.st-key-manifold .mka-chart');
    return Array.from(plot._fullData[0].x);
}"""
ALONE = """() => {
    const plot = document.querySelector('.st-key-manifold .mka-chart');
    const dots = plot._fullData.filter((trace) => trace.customdata).flatMap((trace) =>
        Array.from(trace.customdata, (name, at) => ({ name, x: trace.x[at], y: trace.y[at] })));
    const room = (dot) => Math.min(...dots.filter((other) => other !== dot)
        .map((other) => Math.hypot(other.x - dot.x, other.y - dot.y)));
    const found = dots.reduce((best, dot) => (room(dot) > room(best) ? dot : best));
    return [found.name, [found.y, found.x]];
}"""
"""The dot that has most room around it as the chart shows it now, and its place."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio on an analysis of ten layers with errors, a flat and a deep map, and a path of the layers."""
    folder = tmp_path_factory.mktemp("made")
    plain = an_analysis(10)
    deep = replace(an_embedding(10, 12, 3), method="pca", model="f" * 16, calibration_key="key")
    whole = replace(
        plain,
        similarities={name: sure(one) for name, one in plain.similarities.items()},
        embeddings={**plain.embeddings, "pca": deep},
    )
    write_analysis(whole, folder / "analysis")
    with running_studio(folder / "out", {"MKA_EXAMPLE": str(folder / "analysis")}) as studio:
        yield studio


def test_a_click_on_the_difference_proposes_the_block(visitor: Callable[..., Visit], made: Server):
    visit = visitor(made).open().choose("Compare with", "Block influence")
    for row, column in ((2, 4), (7, 6)):
        visit.click_cell(row, column)
        first, last = sorted((row, column))
        assert visit.boxes(DASHED) == [[first - 0.5, last + 0.5, first - 0.5, last + 0.5]]
    visit.click_cell(7, 6)
    assert [5.5, 7.5, 5.5, 7.5] in visit.boxes(SOLID)


def test_a_click_on_a_bar_with_a_whisker_proposes_the_pair(visitor: Callable[..., Visit], made: Server):
    visit = visitor(made).open().click_bar(3)
    assert visit.boxes(DASHED) == [[2.5, 4.5, 2.5, 4.5]]


def test_layers_and_segments_of_the_path_are_clicked(visitor: Callable[..., Visit], made: Server):
    visit = visitor(made).open("layers").click_mark("path", "layer-6")
    assert visit.says("Layer 6 is one end of a block")
    visit.click_mark("path", "layer-3")
    assert visit.says("Layers 3–6 become one")
    visit.press("Add to plan").click_mark("path", "segment-7")
    assert visit.says("Layers 7–8 become one")
    visit.go("Explore")
    assert visit.boxes(DASHED) == [[6.5, 8.5, 6.5, 8.5]] and [2.5, 6.5, 2.5, 6.5] in visit.boxes(SOLID)


def test_the_film_moves_the_dots(visitor: Callable[..., Visit], made: Server):
    visit = visitor(made).open("manifold").pick("All, as a film")
    begin = visit.page.evaluate(SHOWN)
    visit.page.get_by_text("▶ Play").click()
    visit.page.wait_for_function(f"(begin) => ({SHOWN})().some((x, i) => Math.abs(x - begin[i]) > 0.1)", arg=begin)


def test_after_the_film_a_click_follows_the_dot_that_is_there(visitor: Callable[..., Visit], made: Server):
    visit = visitor(made).open("manifold").pick("All, as a film")
    begin = visit.page.evaluate(SHOWN)
    visit.page.get_by_text("▶ Play").click()
    visit.page.wait_for_function(f"(begin) => ({SHOWN})().some((x, i) => Math.abs(x - begin[i]) > 0.1)", arg=begin)
    visit.page.get_by_text("❚❚ Stop").click()
    visit.page.wait_for_timeout(600)
    point, (y, x) = visit.page.evaluate(ALONE)
    visit.click_at("manifold", y, x)
    followed = visit.page.locator(f".st-key-Let-go-{point}")
    expect(followed).to_be_visible()
    expect(visit.page.get_by_role("button", name="Let go")).to_have_count(1)


def test_a_panel_links_to_its_page_of_the_guide(visitor: Callable[..., Visit], made: Server):
    visit = visitor(made).open("manifold")
    visit.page.get_by_role("link", name="How to read it").first.click()
    expect(visit.page.get_by_role("heading", name="Manifolds: how a layer arranges the texts")).to_be_visible()
    visit.settle()
    assert "topic=manifolds" in visit.page.url and "visit=" in visit.page.url
    visit.pick("Measures")
    expect(visit.page.get_by_role("heading", name="Measures: how alike two layers are")).to_be_visible()
    visit.page.reload()
    expect(visit.page.get_by_role("heading", name="Measures: how alike two layers are")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_state_can_be_read(theme: str, visitor: Callable[..., Visit], made: Server, pictures: Path):
    visit = visitor(made, theme=theme, width=1024)

    def look(name: str) -> None:
        visit.picture(pictures, f"{name}-{theme}")
        assert visit.page.evaluate(FAINT) == [] and visit.page.evaluate(WIDER) == 0, name

    visit.open().choose("Compare with", "Cosine")
    look("difference")
    visit.go("Manifold").choose("Colour by", "loss")
    look("coloured")
    visit.pick("All, as a film")
    look("film")
    visit.choose("Map", "PCA")
    look("space")
    visit.go("Layers").click_mark("path", "layer-2")
    look("path")
    visit.go("Model").choose("Split", "test")
    look("form")
