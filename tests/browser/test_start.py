"""The first start: a picture at once, from the machine itself, before torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.browser.server import Server, running_studio
from tests.browser.visit import Visit

TITLES = {
    "model": "What is the model made of?",
    "explore": "Which layers repeat each other?",
    "manifold": "How does a layer arrange the texts?",
    "layers": "Which way do the layers go?",
    "plan": "Which layers become one?",
    "evaluate": "What did the merge cost?",
    "runs": "Which plan keeps the most?",
    "export": "Export the merged model",
    "guide": "Three arms: as written, as coded, as released",
}


@pytest.fixture
def terminal() -> Iterator[int]:
    """What a terminal is for the program in it; nobody types."""
    ours, theirs = os.openpty()
    yield theirs
    os.close(ours)
    os.close(theirs)


def test_the_first_start_shows_the_heatmap_without_torch(tmp_path: Path, terminal: int, visitor: Callable[..., Visit]):
    """As a new user makes it, who has no settings yet: in a terminal of a desktop, where nothing is asked. Measured in
    the server's own seconds, so that a busy machine does not decide."""
    desktop = {"HOME": str(tmp_path / "home"), "DISPLAY": ":99"}
    with running_studio(tmp_path / "out", desktop, stdin=terminal) as fresh:
        first = visitor(fresh).open()
        first.page.locator(".st-key-heatmap .mka-chart[aria-busy=false]").wait_for()
        assert first.page.url.startswith(f"{fresh.url}/explore")
        server = psutil.Process(fresh.pid)
        used = server.cpu_times()
        assert used.user + used.system < 5
        assert not [one.path for one in server.memory_maps() if "libtorch" in one.path]
        assert {c.laddr.ip for c in server.net_connections("inet") if c.status == psutil.CONN_LISTEN} == {"127.0.0.1"}
        assert server.children(recursive=True) == []
        first.leave()
    assert not psutil.pid_exists(fresh.pid)


@pytest.mark.parametrize("page", TITLES)
def test_a_deep_link_is_the_first_thing_a_fresh_server_hears(page: str, tmp_path: Path, visitor: Callable[..., Visit]):
    with running_studio(tmp_path / "out") as fresh:
        deep = visitor(fresh).open(page)
        deep.page.get_by_role("heading", name=TITLES[page]).wait_for()
        assert deep.page.url.startswith(f"{fresh.url}/{page}")
        assert deep.page.get_by_test_id("stSidebarNavLink").count() == len(TITLES)
        deep.leave()


def test_what_a_page_asks_of_others_is_noticed(visit: Visit):
    """By every kind of request, so that a visit on which nothing was wrong says something."""
    visit.open().page.evaluate("new WebSocket('ws://127.0.0.1:9/'); fetch('http://127.0.0.1:9/').catch(() => 0)")
    visit.page.wait_for_timeout(500)
    for address in ("ws://127.0.0.1:9/", "http://127.0.0.1:9/"):
        assert f"request outside: {address}" in visit.wrong
    visit.wrong.clear()


def test_every_page_by_the_sidebar(visit: Visit, server: Server):
    visit.open()
    for page, title in TITLES.items():
        visit.go(page.title())
        visit.page.get_by_role("heading", name=title).wait_for()
        assert not visit.page.get_by_test_id("stException").count()
