"""Names and texts from models and files are shown as text: no tag of theirs becomes an element, none runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.browser.measured import Measured, measured_studio
from tests.browser.visit import Visit
from tests.studio.builders import NASTY, an_analysis

PAGES = ("model", "explore", "manifold", "layers", "plan", "evaluate", "runs", "export")
POINT = """() => {
    const trace = document.querySelector(".st-key-manifold .mka-chart")._fullData.find((one) => one.customdata);
    return [trace.y[0], trace.x[0]];
}"""
STRANGERS = "document.querySelectorAll('img[src=\"x\"], [onerror]').length"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """A studio on a model, texts and continuations that are all full of markup."""
    analysis = replace(an_analysis(6, source=NASTY), calibration=f"{NASTY}.txt")
    with measured_studio(tmp_path_factory.mktemp("hostile"), analysis) as studio:
        yield studio


@pytest.mark.parametrize("page", PAGES)
def test_markup_is_text_on_every_page(page: str, visitor: Callable[..., Visit], hostile: Measured):
    visit = visitor(hostile.server).open(hostile.at(page))
    visit.page.get_by_test_id("stSidebar").get_by_text(NASTY, exact=True).wait_for()
    assert visit.page.evaluate(STRANGERS) == 0


def test_a_text_is_text_under_the_pointer_and_among_what_is_found(visitor: Callable[..., Visit], hostile: Measured):
    visit = visitor(hostile.server).open("manifold")
    place = visit.page.evaluate(POINT)
    visit.page.mouse.move(*visit.pixel("manifold", *place))
    label = visit.page.locator(".st-key-manifold .hoverlayer .hovertext")
    expect(label).to_contain_text("onerror")
    visit.fill("Find a text", "onerror")
    expect(visit.page.get_by_role("button", name="Follow").first).to_be_visible()
    assert visit.page.evaluate(STRANGERS) == 0
