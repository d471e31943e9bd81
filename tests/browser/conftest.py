"""A real Chromium, one studio server per module, and traces of the visits of a test that failed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.server import Server, running_studio
from tests.browser.traces import Traces
from tests.browser.visit import Visit

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
TRACES = pytest.StashKey[Traces]()
HINT = "The browser tests need Chromium: apt-get install chromium, or set CHROMIUM to its executable."


def chromium_executable(environment: Mapping[str, str]) -> str | None:
    """The system's Chromium, or what CHROMIUM names; None where there is none."""
    named = environment.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else NAMES)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium of the system; without one the tests fail and say how to get it."""
    executable = chromium_executable(os.environ)
    if executable is None:
        pytest.fail(HINT, pytrace=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio as it starts for a new user: on the bundled example."""
    with running_studio(tmp_path_factory.mktemp("studio") / "out") as studio:
        yield studio


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed keeps the traces and screenshots of its visits, and says where they are."""
    report = yield
    if report.failed and TRACES in item.stash:
        report.sections.append(("Traces and screenshots", "\n".join(map(str, item.stash[TRACES].keep()))))
    return report


@pytest.fixture
def traces(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Traces:
    """Where traces of a failed test go: the folder MKA_TRACES where it is set."""
    named = os.environ.get("MKA_TRACES")
    folder = Path(named) if named else tmp_path_factory.getbasetemp() / "traces"
    request.node.stash[TRACES] = Traces(folder, request.node.nodeid.rpartition("/")[2])
    return request.node.stash[TRACES]


@pytest.fixture
def visitor(browser: Browser, traces: Traces) -> Iterator[Callable[..., Visit]]:
    """Visits a server in a fresh browser session; at the end nothing may have gone wrong in any of them."""
    visits: list[Visit] = []

    def visit(server: Server, *, theme: str = "light", width: int = 1440, touch: bool = False) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 1000},
            color_scheme="dark" if theme == "dark" else "light",
            accept_downloads=True,
            has_touch=touch,
        )
        visits.append(traces.begin(Visit(context.new_page(), server)))
        return visits[-1]

    yield visit
    wrong = [line for one in visits for line in one.wrong]
    kept = traces.keep() if wrong else []
    for one in visits:
        one.page.context.close()
    if wrong:
        pytest.fail("\n".join([*wrong, *map(str, kept)]), pytrace=False)


@pytest.fixture
def visit(visitor: Callable[..., Visit], server: Server) -> Visit:
    """One light, wide visit."""
    return visitor(server)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: MKA_SCREENSHOTS where it is set."""
    named = os.environ.get("MKA_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
