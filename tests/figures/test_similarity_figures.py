"""Difference, error bars and their words, on matrices made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mka.analysis.comparison import compare
from mka.figures import certainty, takeaways
from mka.figures.adjacent import adjacent_strip
from mka.figures.difference import Difference, colour_limit, difference_map, plain_difference, rank_difference
from mka.figures.heatmap import colour_range, heatmap
from mka.figures.theme import DARK, LIGHT, diverging, group_colours
from mka.objects.plan import MergeGroup
from mka.objects.similarity import Similarity
from tests.contrast import contrast
from tests.studio.builders import a_similarity, sure

NAMES = ("A", "B")


def matrix(
    pairs: dict[tuple[int, int], float], layers: int, measure: str = "npib", *, alike: bool = True
) -> Similarity:
    """A symmetric matrix with ones on the diagonal and these values elsewhere."""
    values = np.eye(layers)
    for (row, column), value in pairs.items():
        values[row, column] = values[column, row] = value
    return Similarity(values, measure, (0.0, 1.0), alike)


def test_ranks_are_subtracted_so_that_blue_is_more_alike_by_the_first():
    """By hand: A ranks the pairs 01, 12, 02; B, a distance, ranks them 02, 12, 01."""
    first = matrix({(0, 1): 0.9, (1, 2): 0.5, (0, 2): 0.1}, 3)
    second = matrix({(0, 1): 30.0, (1, 2): 20.0, (0, 2): 10.0}, 3, "euclidean", alike=False)
    found = rank_difference(compare(first, second).all_pairs, 3, NAMES)
    assert found.pairs == 3 and found.largest in ((0, 1), (0, 2))
    assert (found.first[0, 1], found.second[0, 1]) == (1, 3)
    assert [found.values[0, 1], found.values[1, 2], found.values[0, 2]] == [2, 0, -2]
    assert np.isnan(np.diag(found.values)).all() and found.values[1, 0] == 2
    assert "place 1 of 3 by A and place 3 of 3 by B" in takeaways.of_difference(found)
    assert "by how many places A ranks the pair above B, among all 3 pairs" in takeaways.of_difference_cells(found)


def test_one_measure_on_two_texts_is_subtracted_in_its_own_unit_and_direction():
    high, low = matrix({(0, 1): 0.75}, 2), matrix({(0, 1): 0.25}, 2)
    assert plain_difference(high, low, NAMES).values[0, 1] == 0.5
    near, far = (replace(one, measure="angular", higher_is_alike=False) for one in (low, high))
    found = plain_difference(near, far, NAMES)
    assert found.values[0, 1] == 0.5, "the smaller distance is the more alike"
    assert (found.first[0, 1], found.second[0, 1], found.pairs) == (0.25, 0.75, 0)
    assert takeaways.of_difference(found).endswith("layers 0 and 1: 0.250 on A and 0.750 on B.")


def test_a_missing_value_has_no_difference_and_is_named():
    first, second = a_similarity(4), a_similarity(4)
    first.values[0, 3] = first.values[3, 0] = np.nan
    found = rank_difference(compare(first, second).all_pairs, 4, NAMES)
    assert found.pairs == 5 and np.isnan(found.values[0, 3])
    assert "A: no value" in difference_map(found, LIGHT).data[0].text[0][3]


def test_colours_end_at_the_same_distance_on_both_sides_of_zero():
    found = plain_difference(a_similarity(12), replace(a_similarity(12), values=np.zeros((12, 12))), NAMES)
    cells = difference_map(found, LIGHT).data[0]
    assert cells.zmin == -cells.zmax == -colour_limit(found)
    off = np.sort(np.abs(found.values[~np.eye(12, dtype=bool)]))
    assert colour_limit(found, full=True) == off[-1] == 0.9
    assert off[0] < colour_limit(found) <= off[-1]
    same = plain_difference(a_similarity(3), a_similarity(3), NAMES)
    assert colour_limit(same) == 1.0 and takeaways.of_difference(same).endswith("They differ nowhere.")


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_diverging_scale_goes_from_orange_to_blue_and_never_green(theme):
    colours = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for _, colour in diverging(theme)]
    assert all(red > green > blue for red, green, blue in colours[:2])
    assert all(blue > green > red for red, green, blue in colours[3:])


def test_difference_cells_can_be_clicked_as_the_heatmaps_can():
    found = plain_difference(a_similarity(5), a_similarity(5), NAMES)
    plain, other = heatmap(a_similarity(5), LIGHT), difference_map(found, LIGHT, candidates=[(1, 2)])
    assert plain.layout.meta == other.layout.meta == {"block": "square"}
    assert plain.layout.yaxis.range == other.layout.yaxis.range
    assert [shape.line.dash for shape in other.layout.shapes] == [None, "dash"]


PLANNED = (MergeGroup((0, 1), (0.5, 0.5)), MergeGroup((2, 3), (0.5, 0.5)))


def test_a_cell_says_what_a_click_on_it_does():
    said = heatmap(a_similarity(6), LIGHT, groups=PLANNED, candidates=((3, 4, 5),)).data[0].text
    assert said[3][5].endswith("click again to add layers 3–5 to the plan") and said[5][3].endswith(said[3][5][-30:])
    assert said[2][3].endswith("click to take hold of the group 2–3 of the plan")
    assert said[1][4].endswith("click to propose the block 1–4") and said[4][4] == "layer 4 with itself"
    held = heatmap(a_similarity(6), LIGHT, groups=PLANNED, candidates=((2, 3),)).data[0].text
    assert held[2][3].endswith("click again to let go of it")
    several = heatmap(a_similarity(6), LIGHT, candidates=((0, 1), (3, 4))).data[0].text
    assert several[3][4].endswith("click to propose the block 3–4"), "adding one of several is no second click"
    on_difference = difference_map(a_difference(), LIGHT, groups=PLANNED[:1]).data[0].text
    assert on_difference[0][1].endswith("click to take hold of the group 0–1 of the plan")
    on_strip = adjacent_strip(a_similarity(6), LIGHT, groups=PLANNED).data[0].text
    assert on_strip[2].endswith("click to take hold of the group 2–3 of the plan")


def test_names_of_groups_and_of_proposals_stand_at_other_corners():
    figure = heatmap(a_similarity(6), LIGHT, groups=PLANNED[1:], candidates=((2, 3, 4), (4, 5)))
    group, low, last = figure.layout.annotations
    assert (group.text, group.x, group.y, group.xanchor) == ("2–3", 3.5, 1.5, "right")
    assert (low.text, low.x, low.y, low.yanchor) == ("proposed 2–4", 1.5, 4.5, "top")
    assert (last.y, last.yanchor) == (5.5, "bottom"), "nothing is written below the picture"


def test_a_group_has_one_colour_in_every_picture():
    one, other = group_colours(2)
    frames = [shape.line.color for shape in heatmap(a_similarity(6), LIGHT, groups=PLANNED).layout.shapes]
    assert frames[1::2] == [one, other]
    bars = adjacent_strip(a_similarity(6), LIGHT, groups=PLANNED).data[0].marker.color
    assert (bars[0], bars[2], bars[1]) == (one, other, LIGHT.accent)
    assert group_colours(7)[0] == group_colours(7)[6] == one


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_frames_on_the_difference_show_on_its_pale_middle_and_on_its_orange(theme):
    shapes = difference_map(a_difference(), theme, groups=PLANNED[:1], candidates=((1, 2),)).layout.shapes
    middle = diverging(theme)[2][1]
    for halo in (shapes[0], shapes[2]):
        assert contrast(halo.line.color, middle) > 3
    assert contrast(shapes[3].line.color, shapes[2].line.color) > 3


def test_a_cell_of_two_texts_is_said_in_the_measures_own_unit():
    assert "by how much they are more alike on one than on other" in takeaways.of_difference_cells(a_difference())


def a_difference() -> Difference:
    return plain_difference(a_similarity(6), a_similarity(6), ("one", "other"))


def test_two_heatmaps_can_share_their_colours():
    low, high = matrix({(0, 1): 0.1}, 2), matrix({(0, 1): 0.9}, 2)
    assert colour_range(low, high, full=True) == (0.1, 0.9)
    shared = heatmap(low, LIGHT, limits=(0.1, 0.9)).data[0]
    assert (shared.zmin, shared.zmax) == (0.1, 0.9)


def test_whiskers_are_the_standard_errors_of_the_adjacent_pairs():
    bars = adjacent_strip(sure(a_similarity(6)), LIGHT).data[0]
    assert list(bars.error_y.array) == pytest.approx([0.01, 0.03, 0.05, 0.07, 0.09])
    assert "± 0.090 standard error" in bars.text[4] and "between rank 1 and 2 of 5" in bars.text[4]
    assert "click to propose" in bars.text[4]
    bare = adjacent_strip(a_similarity(6), LIGHT).data[0]
    assert bare.error_y.array is None and "standard error" not in bare.text[4]


def test_whiskers_stay_inside_the_frame():
    known = sure(a_similarity(6))
    assert known.uncertainty is not None
    wide = replace(known, uncertainty=replace(known.uncertainty, stderr=np.full((6, 6), 0.5)))
    assert adjacent_strip(wide, LIGHT).layout.yaxis.range[1] > 0.9 + 0.5


def test_the_other_texts_stand_as_diamonds_over_the_bars():
    other = replace(a_similarity(6), values=2 * a_similarity(6).values)
    strip = adjacent_strip(a_similarity(6), LIGHT, beside=("others", other))
    assert list(strip.data[1].y) == list(other.adjacent) and strip.data[1].x == strip.data[0].x
    assert strip.layout.yaxis.range[1] > 1.8


def test_cells_say_their_error_where_it_is_known():
    assert "0.900 ± 0.090" in heatmap(sure(a_similarity(6)), LIGHT).data[0].text[4][5]
    assert "±" not in heatmap(a_similarity(6), LIGHT).data[0].text[4][5]


@pytest.mark.parametrize(
    ("tau", "words"),
    [(0.9, "is steady"), (0.6, "holds in the main"), (0.3, "is shaky"), (0.1, "hardly more than noise"), (-1, "noise")],
)
def test_the_ranking_is_called_as_stable_as_it_is(tau: float, words: str):
    said = certainty.of_ranking(sure(a_similarity(6), tau=tau))
    assert words in said and f"Kendall's tau {tau:.2f}" in said and "32 subsamples of 6 points" in said


def test_pairs_whose_ranks_meet_the_best_pairs_cannot_be_told_apart():
    ranks = np.array([[2, 5], [3, 5], [3, 5], [2, 4], [1, 2]], dtype=float)
    said = certainty.of_ranking(sure(a_similarity(6), ranks=ranks))
    assert "4·5, cannot be told apart from 0·1, 3·4." in said
    apart = np.array([[2, 5], [3, 5], [3, 5], [2, 4], [1, 1]], dtype=float)
    assert "4·5, stands apart from all others" in certainty.of_ranking(sure(a_similarity(6), ranks=apart))
    noise = np.tile([1.0, 11.0], (11, 1))
    assert "from 10 of the 10 others" in certainty.of_ranking(sure(a_similarity(12), ranks=noise))


def test_without_an_estimate_it_is_said_that_there_is_none():
    assert "was not estimated" in certainty.of_ranking(a_similarity(6))
    assert "no calibration text stands behind" in certainty.of_ranking(a_similarity(6, "weights"))
    assert "Too few pairs" in certainty.of_ranking(sure(a_similarity(2), tau=math.nan))


def test_agreement_is_said_in_words_and_as_a_rank_correlation():
    one = a_similarity(6)
    against = replace(one, higher_is_alike=False)
    assert certainty.of_comparison(compare(one, one)) == (
        "The two order the neighbours almost the same: Spearman 1.00; over all 15 pairs: 1.00."
    )
    assert certainty.of_comparison(compare(one, against)).startswith(
        "The two order the neighbours against each other: Spearman -1.00"
    )
    flat = replace(one, values=np.ones((6, 6)))
    assert "cannot be said" in certainty.of_comparison(compare(one, flat))


def test_a_measure_of_weights_claims_no_texts():
    assert "calibration" not in takeaways.of_cells(a_similarity(6, "weights"), "12 calibration texts", "demo")
    assert "on 12 calibration texts by NPIB" in takeaways.of_cells(a_similarity(6), "12 calibration texts", "demo")
