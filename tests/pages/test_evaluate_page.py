"""The Evaluate page on reports made by hand and prompts continued by a tiny model: what leads, what is folded away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mka.objects.report import Divergence, Generation, Halves, Report
from mka.planning.planner import plan
from mka.studio.visits import session
from mka.studio.visits.desk import Continuation, Outcome
from tests.pages.driver import Studio
from tests.studio.builders import NASTY, a_report
from tests.studio.run_builders import a_receipt

HALVES = Halves(0.1, 0.4, 0.02, 30)
FIRST, SECOND = plan(6, groups=[[1, 2]]), plan(6, groups=[[3, 4]])


def planned(studio: Studio, report: Report | None = None) -> Studio:
    """The first plan made, and measured where there is a report; on the Evaluate page."""
    assert studio.visit.state is not None and studio.visit.desk is not None
    studio.visit.state = studio.visit.state.replace_plan(FIRST)
    if report is not None:
        session.process().remember(studio.visit.desk.weights, Outcome(FIRST, report=report))
    return studio.go("evaluate")


def order(studio: Studio) -> list[str]:
    """What stands on the page from top to bottom, as kind and words."""
    return [f"{one.type} {getattr(one, 'label', None) or getattr(one, 'value', '')}" for one in studio.at.main]


def shown_html(studio: Studio) -> list[str]:
    return [one.proto.body for one in studio.at.get("html") if "data-room" not in one.proto.body]


def test_before_a_result_the_cost_stands_first_and_one_button(studio: Studio):
    planned(studio)
    said = order(studio)
    cost = next(at for at, words in enumerate(said) if words.startswith("text Cost: up to 200 texts"))
    between = said[cost + 1 : said.index("button Merge and evaluate")]
    assert [words for words in between if words.split()[0] in ("text", "button")] == [
        "text Without a repair no calibration text is read."
    ]
    assert [box.label for box in studio.at.expander] == ["What is measured, and on what"]
    assert not studio.at.expander[0].proto.expanded


def test_what_is_doubtful_of_a_merge_stands_first_in_its_receipt(studio: Studio):
    planned(studio)
    assert studio.visit.desk is not None
    doubtful = replace(a_receipt(FIRST), warnings=("experts were averaged by their index alone",))
    session.process().remember(studio.visit.desk.weights, Outcome(FIRST, receipt=doubtful))
    said = order(studio.go("evaluate"))
    at = said.index("text Experts were averaged by their index alone.")
    assert at < said.index("metric Layers") and ":orange[:material/warning:]" in said[at - 1]


def test_what_must_be_named_is_not_folded_away(studio: Studio):
    assert studio.visit.desk is not None
    studio.visit.desk = replace(studio.visit.desk, summary=replace(studio.visit.desk.summary, source="other"))
    planned(studio)
    assert studio.at.expander[0].proto.expanded and studio.says("Name the texts and questions below first.")
    (button,) = [one for one in studio.at.button if one.label == "Merge and evaluate"]
    assert button.disabled


def test_the_verdict_leads_a_result_and_the_form_is_folded_away(studio: Studio):
    planned(studio, a_report())
    assert not studio.at.exception
    assert sum("It beats deleting as many layers." in body for body in shown_html(studio)) == 1
    said = order(studio)
    places = [
        next(at for at, words in enumerate(said) if words.startswith(begin))
        for begin in (
            "html",
            "text It costs little.",
            "metric Perplexity",
            "subheader Language and answers side by side",
        )
    ]
    assert places == sorted(places)
    again, *_ = studio.at.expander
    assert again.label == "Measure this plan again" and not again.proto.expanded
    assert [text.value for text in again.text if text.value.startswith("Cost: ")]


def test_the_pictures_of_a_result_have_their_sentence(studio: Studio):
    report = a_report()
    moved = replace(report.result, divergence=Divergence(0.2, 0.01, 0.8, 900, (0.1, 0.4), halves=HALVES))
    planned(studio, replace(report, result=moved))
    assert studio.spec("overview")["layout"]["xaxis"]["type"] == "log"
    assert studio.spec("subjects") and studio.spec("positions")["data"][0]["y"] == [0.1, 0.4]
    assert studio.says(
        "Unmerged to merged: perplexity 2.600 to 3.000 (+15.4 %), accuracy 97.0 % to 90.0 % (−7.0 points)."
    )
    assert studio.says("0.100 nats from the unmerged model's in the first half and 0.400 in the second: it grows")
    assert studio.says("of the first 2 tokens of a text.")


def test_a_change_is_said_from_what_it_starts_and_stays_with_its_sign(studio: Studio):
    planned(studio, replace(a_report(), verdict="From 97.0 % to 90.0 %."))
    assert {m.label: m.delta for m in studio.at.metric if m.delta} == {
        "Perplexity": "+15.4\xa0% from 2.600",
        "Accuracy": "−7.0 points from 97.0\xa0%",
        "Same next token": "KL 0.200 nats",
        "Parameters": "−16.7\xa0% from 600",
    }
    assert "From 97.0\xa0% to 90.0\xa0%." in [text.value for text in studio.at.text]


def test_where_the_two_disagree_it_is_said_beside_the_picture(studio: Studio):
    report = a_report()
    assert report.result.perplexity is not None
    lost = replace(report.result, perplexity=replace(report.result.perplexity, value=26.0))
    planned(studio, replace(report, result=lost, verdict="As measured."))
    assert studio.says("but no longer speaks the language.")


def test_what_models_and_files_say_is_text(studio: Studio):
    report = replace(a_report(), text_source=NASTY, question_source=NASTY)
    planned(studio, report)
    assert not studio.at.exception and studio.says(NASTY)
    assert not [text for text in studio.markdown if "<img" in text or "*bold*" in text]
    assert not [body for body in shown_html(studio) if "<img" in body]


def test_an_empty_prompt_is_refused_in_words(studio: Studio):
    planned(studio).press("Continue")
    assert studio.says("There is nothing to continue; write at least one word.")
    assert not session.process().queue.active()


def test_prompts_are_shown_with_the_plan_that_made_them_the_latest_first(studio: Studio):
    assert studio.visit.desk is not None
    here = studio.visit.desk.summary.fingerprint
    studio.visit.prompts = (
        Continuation(here, FIRST, Generation("newest", "a", "b")),
        Continuation("another model", FIRST, Generation("elsewhere", "a", "b")),
        Continuation(here, SECOND, Generation(f"oldest {NASTY}", "a", "b")),
    )
    planned(studio)
    newest, oldest = [body for body in shown_html(studio) if "unmerged" in body]
    assert "newest" in newest and "By another plan" not in newest
    assert "oldest &lt;img" in oldest and "By another plan: layers 3–4." in oldest
    assert studio.says("The model is not loaded yet: the first prompt loads it")


@pytest.fixture
def tiny(studio: Studio, tmp_path: Path, tiny_llama_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A real model on the desk with a plan, on the Evaluate page."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny").symlink_to(tiny_llama_folder)
    monkeypatch.setenv("MKA_MODELS", str(tmp_path / "models"))
    studio.go("model").set("selectbox", "Open a model", str(tmp_path / "models" / "tiny")).press("Open").finish()
    assert studio.visit.state is not None
    studio.visit.state = studio.visit.state.replace_plan(plan(4, groups=[[1, 2]]))
    return studio.go("evaluate")


def test_both_models_continue_a_prompt(tiny: Studio):
    assert tiny.says("The model is loaded.")
    tiny.widget("text_area", "Beginning of a text").set_value("the cat")
    tiny.widget("number_input", "New tokens").set_value(3)
    tiny.press("Continue").finish()
    assert not tiny.at.exception
    (made,) = tiny.visit.prompts
    assert made.generation.prompt == "the cat" and made.plan.groups[0].layers == (1, 2)
    assert len([body for body in shown_html(tiny) if ">the cat<" in body]) == 1
    assert tiny.says("Nothing is measured for this plan yet"), "a prompt measures nothing"
