"""Our own HTML: what is marked, that it can be read on both pages, and that no text becomes a tag."""

from __future__ import annotations

import re
from html import unescape

import pytest

from mka.evaluation.word_differences import differing
from mka.figures.theme import DARK, LIGHT, Theme
from mka.studio.evaluate.generation_view import difference_words
from mka.studio.evaluate.markup import BAR, MARKED, headline_html, side_by_side_html, table_html
from tests.contrast import contrast
from tests.studio.builders import NASTY


def beside(one: str, other: str, prompt: str = "The", remark: str = "") -> str:
    return side_by_side_html(prompt, *differing(one, other), remark)


def plain(shown: str) -> str:
    return unescape(re.sub("<[^>]*>", "", shown))


def test_words_that_differ_are_marked_by_colour_and_underline():
    shown = beside(" cat sat.", " dog sat.")
    assert re.findall("<mark[^>]*>(.*?)</mark>", shown) == ["cat", "dog"]
    assert shown.count("text-decoration: underline") == 2 and shown.count("background: rgba(213, 94, 0, 0.22)") == 2
    assert plain(shown) == "Theunmerged cat sat.merged dog sat."


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_marked_words_can_be_read_on_both_pages(theme: Theme):
    ground = [int(theme.page[at : at + 2], 16) for at in (1, 3, 5)]
    *colour, opacity = MARKED
    mixed = (round(top * opacity + below * (1 - opacity)) for top, below in zip(colour, ground, strict=True))
    behind = "#" + "".join(f"{channel:02X}" for channel in mixed)
    assert contrast(theme.text, behind) >= 7 and contrast(behind, theme.page) > 1.2
    assert contrast(BAR, theme.page) >= 3


def test_text_is_text():
    shown = beside(f"{NASTY} a", f"{NASTY}\n\n b", NASTY, NASTY)
    shown += headline_html(NASTY) + table_html({NASTY: [NASTY], "b": [NASTY]})
    assert "<img" not in shown and plain(shown).count(NASTY) == 8
    assert re.findall("<mark[^>]*>(.*?)</mark>", beside("<", "&")) == ["&lt;", "&amp;"]
    assert f"{NASTY}\n\n b" in plain(shown), "white space is kept as it was written"


def test_how_much_differs_is_said():
    assert difference_words(*differing("a b c", "a b c")) == "Both write the same."
    assert difference_words(*differing("a b c", "a x")) == "Marked: 2 of 3 words unmerged, 1 of 2 merged."


def test_a_model_that_writes_nothing_is_said_to():
    assert plain(beside("", "a")) == "Theunmerged(writes nothing)mergeda"


def test_a_headline_without_words_is_nothing():
    assert headline_html("") == "" and plain(headline_html("It lost.")) == "It lost."


def test_a_table_has_a_heading_per_column_and_per_row():
    shown = table_html({"Figure": ["Layers", "Accuracy"], "merged": ["5", "90 %"], "unmerged": ["6", "97 %"]})
    assert re.findall('<th scope="col"[^>]*>(.*?)</th>', shown) == ["Figure", "merged", "unmerged"]
    assert re.findall('<th scope="row"[^>]*>(.*?)</th>', shown) == ["Layers", "Accuracy"]
    assert re.findall("<td[^>]*>(.*?)</td>", shown) == ["5", "6", "90 %", "97 %"]
