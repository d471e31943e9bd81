"""The figure builders on data made by hand: what is drawn, where, and in which words."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mka.figures import takeaways, words
from mka.figures.adjacent import adjacent_strip
from mka.figures.heatmap import colour_range, heatmap
from mka.figures.manifold import axis_range
from mka.figures.theme import DARK, LIGHT, VERMILION, contrasting, escape, subject_marks
from mka.objects.plan import MergeGroup
from mka.objects.similarity import Similarity
from tests.contrast import contrast
from tests.studio.builders import a_report, a_similarity

GROUP = MergeGroup((2, 3, 4), (0.5, 0.25, 0.25))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_is_readable_on_the_page(theme):
    assert contrast(theme.text, theme.page) >= 7
    assert contrast(theme.muted, theme.page) >= 4.5
    assert contrast(theme.text, theme.neutral) >= 4.5


@pytest.mark.parametrize("fill", ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"])
def test_labels_on_colour_take_the_better_of_black_and_white(fill):
    assert contrast(contrasting(fill), fill) == max(contrast("#000000", fill), contrast("#FFFFFF", fill)) >= 4.5


def test_subject_marks_are_distinct_and_stable():
    names = [f"s{i}" for i in range(20)]
    marks = subject_marks(names)
    assert len(set(marks.values())) == 20
    assert marks == subject_marks(list(reversed(names)))


def test_heatmap_masks_the_diagonal_and_starts_top_left():
    similarity = a_similarity(6)
    figure = heatmap(similarity, LIGHT)
    shown = np.array(figure.data[0].z, dtype=float)
    assert np.isnan(np.diag(shown)).all()
    assert shown[0, 5] == similarity.values[0, 5]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert figure.layout.yaxis.scaleanchor == "x"


def test_colour_range_is_the_2_percent_quantile_to_the_largest_off_diagonal():
    values = np.zeros((101, 101))
    upper = np.triu_indices(101, 1)
    values[upper] = np.linspace(0.0, 1.0, len(upper[0]))
    values = values + values.T + 7 * np.eye(101)
    low, high = colour_range(Similarity(values, "cosine", (0, 1), True))
    assert low == pytest.approx(0.02, abs=1e-3) and high == 1.0
    assert colour_range(Similarity(values, "cosine", (0, 1), True), full=True)[0] == 0.0


@pytest.mark.parametrize("values", [np.full((3, 3), np.nan), np.ones((1, 1)), np.ones((3, 3))])
def test_colour_range_without_spread_is_still_a_range(values):
    low, high = colour_range(Similarity(values, "cosine", (0, 1), True))
    assert low < high
    heatmap(Similarity(values, "cosine", (0, 1), True), DARK)


def test_every_cell_says_which_two_layers_it_compares():
    figure = heatmap(a_similarity(5), LIGHT)
    for row, texts in enumerate(figure.data[0].text):
        for column, text in enumerate(texts):
            assert text.startswith(f"layers {row} and {column}:" if row != column else f"layer {row} with itself")
    assert figure.layout.meta["block"] == "square" and figure.layout.yaxis.range == (4.5, -0.5)


def test_groups_are_outlined_solid_and_candidates_dashed():
    figure = heatmap(a_similarity(8), LIGHT, groups=[GROUP], candidates=[(5, 6)])
    solid = [s for s in figure.layout.shapes if s.line.color == VERMILION]
    dashed = [s for s in figure.layout.shapes if s.line.dash == "dash"]
    assert [(s.x0, s.x1, s.y0, s.y1) for s in solid] == [(1.5, 4.5, 1.5, 4.5)]
    assert [(s.x0, s.x1, s.y0, s.y1) for s in dashed] == [(4.5, 6.5, 4.5, 6.5)]
    assert {a.text for a in figure.layout.annotations} == {"2–4", "proposed 5–6"}


def test_a_deep_models_cells_stay_large_enough_to_click():
    assert heatmap(a_similarity(80), LIGHT).layout.height >= 900


def test_a_distance_turns_the_colours_round():
    assert heatmap(replace(a_similarity(4), higher_is_alike=False), LIGHT).data[0].reversescale is True


def test_missing_values_are_named():
    values = a_similarity(4).values.copy()
    values[0, 1] = values[1, 0] = np.nan
    similarity = Similarity(values, "cosine", (0, 1), True)
    texts = heatmap(similarity, LIGHT).data[0].text
    assert "no value" in texts[0][1] and "no value" in texts[1][0]
    assert "1 pair" in takeaways.of_similarity(similarity)


def test_strip_marks_the_pairs_of_a_group():
    bars = adjacent_strip(a_similarity(6), LIGHT, groups=[GROUP]).data[0]
    assert [pair for pair, colour in zip(bars.x, bars.marker.color, strict=True) if colour == VERMILION] == [
        "2·3",
        "3·4",
    ]
    assert list(bars.y) == list(a_similarity(6).adjacent)


def test_a_candidate_shows_inside_a_planned_group_too():
    figure = adjacent_strip(a_similarity(5), LIGHT, groups=[MergeGroup((1, 2), (0.5, 0.5))], candidates=[(1, 2, 3)])
    assert list(figure.data[0].marker.pattern.shape) == ["", "/", "/", ""]


def test_takeaway_names_best_and_worst_neighbours():
    said = takeaways.of_similarity(a_similarity(6))
    assert "Neighbours 4 and 5 are most alike (0.900)" in said
    flipped = takeaways.of_similarity(replace(a_similarity(6), higher_is_alike=False))
    assert "4 and 5 least (0.900)" in flipped
    assert "no pair" in takeaways.of_similarity(a_similarity(1))


@pytest.mark.parametrize(("values", "expected"), [([], (-1, 1)), ([2.0, 2.0], (1, 3)), ([0, np.nan, 100], (-6, 106))])
def test_axis_ranges(values, expected):
    assert axis_range(np.array(values, dtype=float)) == expected


def test_what_did_not_fit_into_the_context_is_said():
    report = a_report()
    assert takeaways.of_lengths(report) == []
    result = report.result
    assert result.perplexity and result.choices
    cut = replace(
        result, perplexity=replace(result.perplexity, split=3), choices=replace(result.choices, cut=7, shots=5)
    )
    texts, prompts = takeaways.of_lengths(replace(report, result=cut))
    assert texts.startswith(f"3 of {result.perplexity.texts} texts are longer than the context")
    assert prompts == (
        f"7 of {2 * result.choices.n} prompts are longer than the context and lost their beginning, "
        "so not all saw 5 solved questions."
    )


def test_escape_leaves_no_tag():
    assert escape("<b>&") == "&lt;b&gt;&amp;"


def test_a_sentence_keeps_its_percents_with_their_numbers():
    assert words.tied("from 97.0 % to 90.0 % (the % of 3 runs)") == "from 97.0\xa0% to 90.0\xa0% (the % of 3 runs)"


def test_numbers_as_words():
    assert (words.percent(0.97), words.percent(0.125, 0), words.percent(math.nan)) == (
        "97.0\xa0%",
        "12\xa0%",
        "no value",
    )
    assert (words.signed(-0.155), words.signed(0.0), words.signed(-2, "{:.3f}".format)) == ("−0.2", "+0.0", "−2.000")
    assert (words.size(1536), words.size(999)) == ("1.54\xa0KB", "999\xa0B")
    assert (words.change(-0.155), words.change(0.031), words.change(math.nan)) == (
        "−15.5\xa0%",
        "+3.1\xa0%",
        "no value",
    )
    assert [words.number(x) for x in (2.6349, 31010.4, 7.4e9, math.inf, math.nan)] == [
        "2.635", "31,010", "7.400e+09", "∞", "no value",
    ]  # fmt: skip


def test_a_deep_models_bars_leave_some_numbers_out():
    assert len(adjacent_strip(a_similarity(80), LIGHT).layout.xaxis.tickvals) <= 16
    assert len(adjacent_strip(a_similarity(12), LIGHT).layout.xaxis.tickvals) == 11
