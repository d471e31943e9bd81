"""Names and texts from models and files are shown as text: no tag of theirs becomes an element, none runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.browser.measured import Measured, measured_studio
from tests.browser.visit import Visit
from tests.studio.builders import NASTY, an_analysis

PAGES = ("model", "explore", "manifold", "layers", "plan", "evaluate", "runs", "export")
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


def test_a_point_says_its_text_as_text_under_the_pointer(visitor: Callable[..., Visit], hostile: Measured):
    visit = visitor(hostile.server).open("manifold")
    visit.page.get_by_test_id("stMain").locator('input[aria-label="Find a text"]').fill("onerror")
    visit.page.keyboard.press("Enter")
    visit.settle()
    assert visit.page.evaluate(STRANGERS) == 0 and visit.says("12")
