"""Every page with something on it, light and dark, from a telephone to a wide screen: read, and nothing cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.looks import CUT, FAINT, WIDER
from tests.browser.measured import Measured, measured_studio
from tests.browser.server import Server
from tests.browser.visit import Visit

GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 23, 31)"}
PAGES = ("model", "explore", "manifold", "layers", "plan", "evaluate", "runs", "export", "guide")
LOOKS = [("light", 400), ("dark", 600), ("light", 1024), ("dark", 1920)]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    with measured_studio(tmp_path_factory.mktemp("measured")) as studio:
        yield studio


def states(visit: Visit, studio: Measured) -> Iterator[str]:
    """The name of each state, while the visit shows it."""
    for page in PAGES:
        visit.open(studio.at(page))
        yield page
        if page == "explore":
            visit.click_cell(3, 4)
            yield "explore-proposed"
            visit.choose("Compare with", "Block influence")
            yield "explore-compared"
        elif page == "plan":
            visit.choose("Compare with", "truncate, removing 1 layer too")
            yield "plan-compared"
        elif page == "evaluate":
            visit.unfold("All figures as a table").unfold("Measure this plan again").unfold("Merge receipt")
            yield "evaluate-unfolded"
        elif page == "runs":
            visit.switch("Earlier runs kept on this machine").press("Pin").click_mark("runs", studio.runs[1])
            yield "runs-compared"
        elif page == "guide":
            for topic in ("Calibration", "Manifolds", "Measures"):
                visit.pick(topic)
                yield f"guide-{topic.lower()}"


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_every_page_can_be_read_and_nothing_is_cut_off(
    theme: str, width: int, visitor: Callable[..., Visit], measured: Measured, pictures: Path
):
    visit = visitor(measured.server, theme=theme, width=width)
    wrong = []
    for state in states(visit, measured):
        visit.picture(pictures, f"{state}-{theme}-{width}")
        seen = visit.page.evaluate(FAINT), visit.page.evaluate(WIDER), visit.page.evaluate(CUT)
        if seen != ([], 0, []):
            wrong.append((state, seen))
    assert wrong == []


@pytest.mark.parametrize("theme", GROUND)
def test_pages_without_a_plan_can_be_read(theme: str, visitor: Callable[..., Visit], server: Server):
    """On the bundled example, as at the first start."""
    visit = visitor(server, theme=theme).open()
    ground = visit.page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert ground == GROUND[theme]
    for page in ("explore", "plan", "evaluate", "runs", "export"):
        if page != "explore":
            visit.go(page.title())
        assert visit.page.evaluate(FAINT) == [] and visit.page.evaluate(CUT) == [], page
