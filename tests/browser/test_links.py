"""Links in a real browser: the address follows what is shown, reload and restart keep it, another browser copies."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.server import Server, running_studio
from tests.browser.visit import SOLID, Visit

OTHER_PLAN = "(old) => (new URLSearchParams(location.search).get('plan') || '') !== old"
PLANNED = re.compile(r"[?&]plan=[0-9a-f]{16}(&|$)")


def words(visit: Visit) -> dict[str, str]:
    """The parameters of the address, once it names the visit."""
    visit.page.wait_for_url(re.compile("[?&]visit="))
    return {name: values[-1] for name, values in parse_qs(urlsplit(visit.page.url).query).items()}


def planned(visit: Visit, row: int = 2, column: int = 4) -> Visit:
    """With one more block in its plan, and that plan in its address."""
    before = words(visit).get("plan", "")
    visit.click_cell(row, column).click_cell(row, column)
    visit.page.wait_for_function(OTHER_PLAN, arg=before)
    return visit


def shows(visit: Visit, text: str) -> None:
    expect(visit.page.get_by_test_id("stSidebar")).to_contain_text(text)


def test_the_address_names_what_is_shown_on_every_page(visit: Visit):
    planned(visit.open())
    visit.choose("Measure", "Cosine")
    visit.page.wait_for_url(re.compile("measure=cosine"))
    there = words(visit)
    assert there.keys() == {"visit", "model", "version", "measure", "plan"} and there["model"] == "demo"
    for page in ("Plan", "Manifold", "Guide"):
        visit.go(page)
        visit.page.wait_for_url(PLANNED)
        assert words(visit) | there == words(visit), page


def test_the_way_back_leads_through_pages_and_not_through_clicks(visit: Visit):
    planned(planned(visit.open(), 2, 4), 6, 7)
    visit.go("Plan").page.wait_for_url(PLANNED)
    visit.page.go_back()
    visit.page.wait_for_url(re.compile("/explore.*plan="))
    visit.settle()
    shows(visit, "2–4, 6–7")
    assert "/explore" in visit.page.url


def test_a_link_opened_by_another_browser_is_a_copy(visit: Visit, server: Server, visitor: Callable[..., Visit]):
    planned(visit.open())
    other = visitor(server).open(visit.page.url.removeprefix(f"{server.url}/"))
    shows(other, "2–4")
    assert words(other)["visit"] != words(visit)["visit"] and words(other)["plan"] == words(visit)["plan"]
    planned(other, 6, 7)
    shows(other, "2–4, 6–7")
    visit.page.reload()
    visit.settle()
    shows(visit, "→")
    expect(visit.page.get_by_test_id("stSidebar")).not_to_contain_text("6–7")


def test_a_reload_and_a_second_tab_find_the_visit_with_its_history(visit: Visit, server: Server):
    planned(visit.open())
    name = words(visit)["visit"]
    visit.page.reload()
    visit.settle()
    shows(visit, "2–4")
    second = Visit(visit.page.context.new_page(), server).open(visit.page.url.removeprefix(f"{server.url}/"))
    assert words(second)["visit"] == words(visit)["visit"] == name
    second.page.get_by_test_id("stSidebar").get_by_role("button", name="Undo").click()
    shows(second, "empty, 12 layers stay")
    assert second.wrong == []


def test_the_cookie_stays_with_this_site(visit: Visit):
    visit.open()
    words(visit)
    (mine,) = [cookie for cookie in visit.page.context.cookies() if cookie["name"] == "mka_browser"]
    assert mine["sameSite"] == "Strict" and mine["domain"] == "127.0.0.1" and len(mine["value"]) == 32


def test_copy_link_leaves_the_visit_out_and_shows_the_same(
    browser: Browser, server: Server, visitor: Callable[..., Visit]
):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    visit = planned(Visit(context.new_page(), server).open())
    visit.page.get_by_role("button", name="Copy link").click()
    expect(visit.page.get_by_role("button", name="Link copied")).to_be_visible()
    link = urlsplit(visit.page.evaluate("navigator.clipboard.readText()"))
    assert f"{link.scheme}://{link.netloc}" == server.url and link.path == "/explore"
    copied = {name: values[-1] for name, values in parse_qs(link.query).items()}
    assert copied == {name: value for name, value in words(visit).items() if name != "visit"}
    assert visit.wrong == []
    context.close()
    other = visitor(server).open(link.geturl().removeprefix(f"{server.url}/"))
    shows(other, "2–4")
    assert other.boxes(SOLID) == [[1.5, 4.5, 1.5, 4.5]] and other.page.url.startswith(f"{server.url}/explore")


def test_a_restart_keeps_what_the_address_names(tmp_path: Path, visitor: Callable[..., Visit]):
    """The same port and store, another process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"MKA_STORE": str(tmp_path / "store")}
    with running_studio(tmp_path / "out", environment, port) as first:
        visit = planned(visitor(first).open())
        visit.go("Plan").page.wait_for_url(PLANNED)
        before = words(visit)
        address = visit.page.url
        visit.page.goto("about:blank")
    with running_studio(tmp_path / "out", environment, port) as second:
        assert second.url == first.url
        visit.page.goto(address)
        visit.settle()
        shows(visit, "2–4")
        after = words(visit)
        assert {**after, "visit": ""} == {**before, "visit": ""}
        visit.leave()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("plan=xyz", "This address names the plan “xyz”, which is no key of a plan."),
        ("plan=0123456789abcdef", "The plan “0123456789abcdef” of this address is not kept on this machine"),
        ("measure=%3Cimg%20src=x%20onerror=alert(1)%3E", "names the measure “<img src=x onerror=alert(1)>”"),
        ("model=%3Cb%3Eno%3C/b%3E", "The model “<b>no</b>” of this address is not kept on this machine"),
        ("run=" + "z" * 3000, "This address names the run “" + "z" * 60 + "…”, which is no key of a run."),
    ],
)
def test_a_bad_value_is_said_as_text(query: str, sentence: str, visit: Visit):
    visit.open(f"plan?{query}")
    expect(visit.page.get_by_text(sentence)).to_be_visible()
    shows(visit, "empty")
    assert query not in words(visit).values() and "plan" not in words(visit)


def test_an_address_of_no_page_leads_to_the_first_one(visit: Visit):
    visit.open()
    for path, name in (("nonsense", "nonsense"), ("with%20space", "with space"), ("%3Cimg%20src=x%3E", "<img src=x>")):
        visit.open(path)
        expect(visit.page.get_by_text(f"There is no page “{name}” here; this is the Explore page.")).to_be_visible()
        visit.page.wait_for_url(re.compile("/explore"))
