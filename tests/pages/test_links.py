"""Links into the studio: after a restart, in the same browser and in another, with values that mean nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mka.studio.visits import session
from mka.studio.visits.desk import Desk
from mka.studio.visits.restoring import address_of
from tests.pages.driver import Studio
from tests.studio.builders import NASTY, a_summary, an_analysis


def link(studio: Studio) -> dict[str, str]:
    """The parameters of the address that `studio` shows."""
    name = next(name for name, visit in session.process().visits.items() if visit is studio.visit)
    return address_of(studio.visit, name, session.process().runs).words


def restart() -> None:
    """Another process, as far as the studio goes."""
    session.process.clear()  # type: ignore[attr-defined]


@pytest.fixture
def one_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every session from here on is of the same browser. (A simulated session has no cookies: each is another's.)"""
    monkeypatch.setattr(session, "browser_token", lambda: "the same")


def planned(studio: Studio) -> Studio:
    return studio.press("Propose").press("Add to plan")


def test_after_a_restart_a_link_shows_model_measure_and_plan(studio: Studio):
    planned(studio)
    studio.visit.measure = "cosine"
    studio.at.run()
    address, plan = link(studio), studio.visit.state.plan
    restart()
    again = Studio(**address)
    assert not again.at.exception and again.visit is not studio.visit
    assert again.visit.state.plan == plan and plan.provenance.text_hashes
    assert again.says("6 → 5 layers: 0–1") and again.says("Cosine")
    assert again.visit.measure_shown == "cosine" and again.visit.notice is None
    assert link(again) == {**address, "visit": link(again)["visit"]}


def test_after_a_restart_another_model_is_shown_as_it_was_analyzed(studio: Studio):
    other = replace(a_summary(4, "folder/other"), fingerprint="0" * 16)
    studio.visit.open(Desk(other, replace(an_analysis(4), summary=other)))
    studio.at.run()
    planned(studio)
    address = link(studio)
    restart()
    again = Studio(**address)
    assert again.says("folder/other") and again.says("4 → 3 layers: 0–1") and not again.visit.notice
    assert again.visit.desk is not None and set(again.visit.desk.similarities) == set(an_analysis().similarities)


def test_a_reload_finds_the_visit_with_its_history(one_browser: None, studio: Studio):
    planned(Studio())  # somebody else in between
    mine = planned(Studio())
    again = Studio(**link(mine))
    assert again.visit is mine.visit
    again.press("Undo")
    assert not mine.visit.state.plan.groups


def test_another_browser_at_the_same_address_gets_a_copy(studio: Studio):
    planned(studio)
    other = Studio(**link(studio))
    assert other.visit is not studio.visit and other.visit.state.plan == studio.visit.state.plan
    assert link(other)["visit"] != link(studio)["visit"]
    other.press("Clear")
    assert studio.visit.state.plan.groups and not other.visit.state.plan.groups
    studio.at.run()
    assert studio.says("6 → 5 layers: 0–1")


def test_an_older_link_in_the_same_browser_leaves_the_visit_as_it_is(one_browser: None, studio: Studio):
    mine = planned(Studio())
    older, plan = link(mine), mine.visit.state.plan
    mine.press("Clear")
    again = Studio(**older)
    assert again.visit is not mine.visit, "the other window goes on with what it shows"
    assert again.visit.state.plan == plan and not mine.visit.state.plan.groups


@pytest.mark.parametrize(
    "query",
    [
        {"model": NASTY},
        {"measure": NASTY},
        {"plan": NASTY},
        {"run": NASTY},
        {"plan": "x" * 5000},
        {"measure": "nonsense", "plan": "0" * 16, "run": "0" * 64},
    ],
)
def test_a_bad_value_is_said_as_text_and_the_page_works(studio: Studio, query: dict[str, str]):
    bad = Studio(**query)
    assert not bad.at.exception
    assert bad.says("of this address") or bad.says("This address names")
    assert not [text for text in bad.markdown if "<img" in text]
    assert bad.says("empty, 6 layers stay")
    bad.press("Dismiss")
    assert not bad.says("his address")
    planned(bad)
    assert bad.says("6 → 5 layers: 0–1")


def test_what_was_said_of_an_address_stays_on_the_first_page(studio: Studio):
    bad = Studio(plan="xyz")
    bad.at.run()
    assert bad.says("which is no key of a plan")
    bad.go("plan")
    assert not bad.says("which is no key of a plan")


def test_nothing_is_kept_where_the_store_is_off(studio: Studio, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MKA_STORE", "off")
    mine = planned(Studio())
    address = link(mine)
    restart()
    again = Studio(**address)
    assert again.says("is not kept, since this studio keeps nothing; open its file on the Plan page.")
    assert not again.at.exception and not again.visit.state.plan.groups


def test_a_limit_that_is_no_size_stops_nothing(studio: Studio, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MKA_STORE_LIMIT", "much")
    mine = Studio(plan="0" * 16)
    assert not mine.at.exception and mine.says("this studio keeps nothing")


def test_a_store_that_cannot_be_written_is_said_beside_the_plan(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MKA_STORE", str(tmp_path / "file" / "store"))
    words = "A restart of the studio loses what is open here: results are not kept for next time"
    mine = Studio()
    assert not mine.says(words), "there is nothing to lose"
    assert planned(mine).says(words)
    mine.press("Clear")
    assert not mine.says(words)
