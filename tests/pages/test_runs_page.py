"""The Runs page: what it lists, what its controls do, whose runs they are."""

from __future__ import annotations

import pytest

from mka.objects.run import Run, Trial
from mka.studio.runs import runs_view
from mka.studio.visits import session
from mka.studio.visits.visit import Process
from tests.pages.driver import Studio
from tests.studio.builders import NASTY
from tests.studio.run_builders import a_run

FIRST = a_run([[1, 2]], 3.0, 0.9, when="2026-01-01 10:00:00 UTC")
SECOND = a_run([[3, 4, 5]], 5.2, 0.6, when="2026-01-02 10:00:00 UTC")


def keep(*runs: Run) -> None:
    """As an earlier process would have left them in the store."""
    for run in runs:
        Process().runs.add(run)


def made(studio: Studio, *runs: Run) -> Studio:
    """As evaluations in this window would leave them."""
    for run in runs:
        session.process().runs.add(run)
        studio.visit.measured.append(run.key)
    return studio


def plans(studio: Studio) -> list[str]:
    return list(studio.at.dataframe[0].value["Plan"])


def test_before_a_run_the_page_says_what_to_do(studio: Studio):
    studio.go("runs")
    assert studio.at.info[0].value.startswith("No plan of this model was evaluated yet.")


def test_runs_of_this_window_stand_in_picture_and_table(studio: Studio):
    made(studio, FIRST, SECOND).go("runs")
    assert not studio.at.exception and plans(studio) == ["3–5", "1–2"], "the latest first"
    marks = next(trace for trace in studio.spec("runs")["data"] if trace["name"] == "merged")
    assert marks["customdata"] == [FIRST.key, SECOND.key]
    assert studio.says("Δ is against the unmerged model of the same run.")


def test_earlier_runs_are_shown_only_where_that_is_chosen(studio: Studio):
    keep(FIRST)
    studio.go("runs")
    assert "1 earlier run is kept on this machine" in studio.at.info[0].value
    assert not studio.at.dataframe
    studio.press("Show earlier runs")
    assert plans(studio) == ["1–2"]


def test_another_window_does_not_see_this_ones_plans_unasked(studio: Studio):
    made(studio, FIRST).go("runs")
    other = Studio().go("runs")
    assert plans(studio) == ["1–2"] and not other.at.dataframe


def test_runs_of_another_model_are_not_listed(studio: Studio):
    made(studio, Run(**{**vars(FIRST), "fingerprint": "0" * 16})).go("runs")
    assert not studio.at.dataframe


def test_without_a_store_the_page_says_that_runs_are_lost(studio: Studio, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MKA_STORE", "off")
    made(studio, FIRST).go("runs")
    assert plans(studio) == ["1–2"] and studio.says("runs are gone when the studio ends")


def test_a_pinned_run_stays_on_top_and_is_what_the_others_are_compared_with(studio: Studio):
    made(studio, FIRST, SECOND)
    studio.visit.run = FIRST.key
    studio.go("runs").press("Pin")
    table = studio.at.dataframe[0].value
    assert list(table["Plan"]) == ["1–2", "3–5"] and list(table["Pinned"]) == ["★", ""]
    assert list(table["Perplexity Δ"]) == ["+0.0\xa0%", "+73.3\xa0%"], "5.2 / 3.0"
    assert list(table["Accuracy Δ"]) == ["+0.0 points", "−30.0 points"]
    assert studio.says("Δ is against the pinned run 1–2")
    assert {m.label: m.delta for m in studio.at.metric}["Perplexity"] == "+15.4\xa0%", "not itself"
    assert studio.says("Changes are against the unmerged model.")
    studio.press("Unpin")
    assert plans(studio) == ["3–5", "1–2"]


def test_only_what_differs_hides_equal_columns(studio: Studio):
    made(studio, FIRST, SECOND).go("runs")
    assert "Measured on" in studio.at.dataframe[0].value
    studio.set("toggle", "Only what differs", True)
    assert "Measured on" not in studio.at.dataframe[0].value and studio.says("Hidden, because equal: ")


def test_a_run_gives_its_plan_back_and_undo_takes_it_away(studio: Studio):
    made(studio, FIRST)
    studio.visit.run = FIRST.key
    studio.go("runs").press("Use this plan")
    assert studio.visit.state.plan.groups == FIRST.plan.groups
    studio.press("Undo")
    assert studio.visit.state.plan.groups == ()


def test_a_click_looks_at_a_run_and_a_second_one_takes_its_plan(studio: Studio, monkeypatch: pytest.MonkeyPatch):
    made(studio, FIRST, SECOND).go("runs")
    visit = studio.visit
    monkeypatch.setattr(session, "visit", lambda: visit)
    runs_view.point_clicked({"customdata": ""})
    assert visit.run == "", "a control is no run"
    runs_view.point_clicked({"customdata": SECOND.key})
    assert (visit.run, visit.state.plan.groups) == (SECOND.key, ())
    runs_view.point_clicked({"customdata": SECOND.key})
    assert visit.state.plan.groups == SECOND.plan.groups


def test_its_report_is_opened_on_the_evaluate_page(studio: Studio):
    made(studio, FIRST, SECOND)
    studio.visit.run = FIRST.key
    studio.go("runs").press("Open its report")
    assert studio.at.title[0].value == "What did the merge cost?"
    assert studio.visit.state.plan.groups == FIRST.plan.groups


def test_the_report_of_two_trials_of_one_plan_is_the_one_looked_at(studio: Studio):
    more = a_run([[1, 2]], 3.5, trial=Trial(("perplexity",), "demo", 80, 0), when="2026-01-03 10:00:00 UTC")
    made(studio, FIRST, more)
    known = session.process().known
    weights = FIRST.fingerprint, FIRST.report.dtype
    assert known(weights, FIRST.plan).run == more.key, "the latest, where none is chosen"
    assert known(weights, FIRST.plan, FIRST.key).trial == FIRST.trial
    studio.go("runs")
    assert plans(studio) == ["1–2", "1–2"]
    studio.set("selectbox", "Measured on", (more.trial,))
    assert list(studio.at.dataframe[0].value["Perplexity"]) == ["3.500"]


def test_text_of_a_run_is_never_markup(studio: Studio):
    hostile = a_run([[1, 2]], trial=Trial(("perplexity",), f"{NASTY} https://example.org", 4, 0))
    made(studio, hostile)
    studio.visit.run = hostile.key
    studio.go("runs")
    assert not studio.at.exception
    assert not [text for text in studio.markdown if "example.org" in text or "<img" in text]


def test_the_run_that_an_address_names_is_listed_though_another_made_it(studio: Studio):
    keep(FIRST, SECOND)
    studio.visit.run = SECOND.key
    studio.go("runs")
    assert plans(studio) == ["3–5"]
    assert studio.widget("toggle", "Earlier runs kept on this machine (2)").value is False
