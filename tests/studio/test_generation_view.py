"""Two continuations as HTML: what is marked, what is said, and that nothing of a model is markup."""

from __future__ import annotations

import re
from html import unescape

import pytest

from mka.evaluation.word_differences import differing
from mka.figures.theme import DARK, LIGHT, Theme
from mka.objects.report import Generation
from mka.studio.generation_view import MARKED, difference_words, side_by_side
from mka.studio.report_view import headline_html
from tests.contrast import contrast
from tests.studio.builders import NASTY


def marked(shown: str) -> list[str]:
    return [unescape(word) for word in re.findall("<mark[^>]*>(.*?)</mark>", shown)]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_words_that_differ_are_marked_by_colour_and_underline(theme: Theme):
    shown = side_by_side(Generation("The", " cat sat.", " dog sat."), theme)
    assert marked(shown) == ["cat", "dog"] and "<b>" not in shown
    assert shown.count("text-decoration: underline") == 2 and shown.count(f"background: {MARKED[theme.name]}") == 2
    assert shown.index("unmerged") < shown.index("cat") < shown.index(">merged") < shown.index("dog")
    assert contrast(theme.text, MARKED[theme.name]) >= 7 and contrast(MARKED[theme.name], theme.page) > 1.1


def test_text_is_text():
    shown = side_by_side(Generation(NASTY, f"{NASTY} a", f"{NASTY}\n\n b"), LIGHT, remark=NASTY)
    assert "<img" not in shown and shown.count("&lt;") >= 4
    plain = unescape(re.sub("<[^>]*>", "", shown))
    assert f"{NASTY} a" in plain and f"{NASTY}\n\n b" in plain, "white space is kept as it was written"


def test_how_much_differs_is_said():
    assert difference_words(*differing("a b c", "a b c")) == "Both write the same."
    assert difference_words(*differing("a b c", "a x")) == "Marked: 2 of 3 words unmerged, 1 of 2 merged."
    assert "By another plan. Both write the same." in side_by_side(Generation("p", "a", "a"), LIGHT, "By another plan.")


def test_a_model_that_writes_nothing_is_said_to():
    assert side_by_side(Generation("p", "", "a"), LIGHT).count("(writes nothing)") == 1


def test_the_headline_is_text_and_empty_without_words():
    assert "&lt;b&gt;" in headline_html("<b>", LIGHT) and headline_html("", LIGHT) == ""
