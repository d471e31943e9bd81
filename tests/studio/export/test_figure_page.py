"""One page with every picture of the view: which ones, and that it needs no network."""

from __future__ import annotations

import re

from mka.figures.theme import DARK, LIGHT
from mka.studio.export.figure_page import figures_of, gallery, page_name
from mka.studio.selection.state import StudioState
from mka.studio.visits.desk import Desk
from tests.studio.builders import NASTY, a_desk, a_report, a_summary

EMPTY = StudioState.of(a_summary())
PLANNED = EMPTY.click_cell(1, 2).add_candidate()


def titles(*arguments) -> list[str]:
    return [one.title for one in figures_of(*arguments, LIGHT)]


def test_what_there_is_is_shown():
    pictures = ["Similarity by Cosine", "Neighbours by Cosine"]
    assert titles(a_desk(), "cosine", EMPTY, None) == pictures
    assert titles(a_desk(), "cosine", PLANNED, None) == [*pictures, "Plan"]
    assert titles(Desk(a_summary()), "", PLANNED, None) == ["Plan"]
    assert titles(Desk(a_summary()), "", EMPTY, None) == []
    assert titles(a_desk(), "cosine", PLANNED, a_report())[3:5] == ["Language and answers", "Subject by subject"]


def test_each_picture_has_its_sentence_and_plotly_comes_once():
    shown = figures_of(a_desk(), "npib", PLANNED, a_report(), DARK)
    page = gallery("demo", shown, DARK)
    assert page.count("<figure>") == page.count("<figcaption>") == len(shown)
    assert page.count("plotly.js v") == 1, "the library's own first line"
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page), "nothing is fetched"
    assert page.count('"modeBarButtonsToRemove": ["sendChartToCloud"]') == len(shown), (
        "its buttons send nothing anywhere"
    )
    assert "compression ratio 16.7\xa0%" in page and DARK.page in page


def test_names_and_verdicts_are_no_markup():
    page = gallery(NASTY, figures_of(a_desk(source=NASTY), "npib", PLANNED, a_report(), LIGHT), LIGHT)
    assert "<img src=x" not in page and "&lt;img src=x" in page


def test_its_name_says_by_which_measure():
    assert page_name("npib") == "figures-npib.html" and page_name("") == "figures.html"
