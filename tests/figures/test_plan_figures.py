"""The plan ruler, alone and beside another: a block per layer, filled by its weight, and what a place of it means."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mka.figures.plan_pair import LIFT, of_plan_pair, plan_pair
from mka.figures.plan_ruler import BLOCK, LOWER, UPPER, group_at, mark_at, mark_id, mark_of, plan_ruler, runs, shares
from mka.figures.theme import DARK, LIGHT, group_colours
from mka.objects.plan import MergeGroup, MergePlan

AVERAGE = MergeGroup((2, 3, 4), (0.5, 0.25, 0.25))
KEEP = MergeGroup((5, 7), method="keep", layer=7)
DROP = MergeGroup((9,), method="drop")
PLAN = MergePlan(10, (AVERAGE, KEEP, DROP))


def bars(figure):
    """The upper row, the fills, the lower row."""
    return [trace for trace in figure.data if trace.type == "bar"]


def test_a_block_per_layer_before_and_after_in_one_trace_each():
    upper, _, lower = bars(plan_ruler(PLAN, LIGHT))
    assert list(upper.x) == list(range(10)) and len(lower.x) == PLAN.layers_after == 6
    assert upper.customdata == tuple(mark_id(UPPER, layer) for layer in range(10))
    assert [mark_of(mark) for mark in lower.customdata] == [(LOWER, new) for new in range(6)]
    assert sum(lower.x) / 6 == sum(upper.x) / 10, "the shorter row stands in the middle"


def test_a_block_says_what_becomes_of_its_layer():
    upper, _, lower = bars(plan_ruler(PLAN, LIGHT))
    said = upper.hovertext
    assert said[0] == "layer 0 stays" and said[3] == "layer 3 is in group 1 with weight 0.250"
    assert said[5] == "layer 5 leaves its place to layer 7 (group 2)" and said[7] == "layer 7 is kept (group 2)"
    assert said[9] == "layer 9 is dropped (group 3)" and upper.text[9] == "<s>9</s>"
    assert [lower.hovertext[new] for new in (0, 2, 3)] == [
        "new layer 0: made of layer 0",
        "new layer 2: made of layers 2, 3, 4",
        "new layer 3: made of layer 7",
    ]


def test_a_members_block_is_filled_as_far_as_its_weight_goes():
    assert [shares(group) for group in (AVERAGE, KEEP, DROP)] == [(0.5, 0.25, 0.25), (0.0, 1.0), (0.0,)]
    assert shares(MergeGroup((1, 2, 3, 4), method="rdsc")) == (0.4, 0.2, 0.2, 0.2), "-2, 1, 1, 1, by size"
    _, fills, _ = bars(plan_ruler(PLAN, DARK))
    filled = dict(zip(fills.x, fills.y, strict=True))
    assert {layer: height / BLOCK for layer, height in filled.items()} == {2: 0.5, 3: 0.25, 4: 0.25, 5: 0, 7: 1, 9: 0}


def test_colours_and_lines_go_from_a_groups_layers_to_what_they_become():
    figure = plan_ruler(PLAN, LIGHT)
    colours = group_colours(3)
    _, fills, lower = bars(figure)
    assert list(fills.marker.color) == [colours[0]] * 3 + [colours[1]] * 2 + [colours[2]]
    assert list(lower.marker.color) == [LIGHT.neutral] * 2 + [colours[0], colours[1]] + [LIGHT.neutral] * 2
    lines = {trace.line.color: trace for trace in figure.data if trace.type == "scatter"}
    assert list(lines[colours[0]].x) == [2, 4, None, 3, 4, None, 4, 4, None]
    assert list(lines[colours[1]].x) == [7, 5, None] and colours[2] not in lines


def test_candidates_are_framed_by_dashes_where_their_layers_are():
    shapes = plan_ruler(PLAN, LIGHT, candidates=[(0, 1), (6, 8)], chosen=0).layout.shapes
    frames = {dash: [(round(s.x0), round(s.x1)) for s in shapes if s.line.dash == dash] for dash in ("dash", None)}
    assert frames["dash"] == [(0, 1), (6, 6), (8, 8)], "layer 7 between them is no candidate"
    assert frames[None] == [(2, 4), (4, 4)], "the chosen group, above and below"
    assert all(s.x1 < t.x0 for s, t in pairwise(shapes[:3])), "neighbours' frames do not touch"


def test_runs_part_at_gaps():
    assert runs((1, 2, 3, 7, 9, 10)) == [(1, 3), (7, 7), (9, 10)] and runs(()) == []


def test_a_place_of_the_figure_is_a_block():
    assert mark_at(PLAN, 3.4, 1.2) == (UPPER, 3) and mark_at(PLAN, -0.7, 1.9) == (UPPER, 0)
    lower = bars(plan_ruler(PLAN, LIGHT))[-1]
    assert [mark_at(PLAN, x + 0.4, 0.3) for x in lower.x] == [(LOWER, new) for new in range(6)]
    assert mark_at(PLAN, lower.x[0] - 1, 0.3) is None and mark_at(PLAN, 9, 0.3) is None
    assert [group_at(PLAN, new) for new in range(6)] == [None, None, 0, 1, None, None]


@pytest.mark.parametrize("depth", [4, 17, 18, 32, 48, 80, 120])
def test_numbers_find_room_on_a_narrow_page(depth):
    """Of two digits of 12 pixels' height, a number is 14 pixels wide, and a page of 400 has 330 for the blocks."""
    plan = MergePlan(depth)
    upper = bars(plan_ruler(plan, LIGHT))[0]
    numbers = [text for text in upper.text if text]
    assert numbers[0] == "0" and len(numbers) <= 330 / (14 + 5)
    assert len(numbers) == depth or depth > 17, "a shallow model's are all there"


def test_eighty_layers_are_few_traces():
    deep = MergePlan(80, tuple(MergeGroup((layer, layer + 1), (0.5, 0.5)) for layer in range(0, 80, 2)))
    assert len(plan_ruler(deep, LIGHT).data) <= 10


def test_two_plans_stand_on_one_axis_and_their_differences_are_marked_in_both():
    other = MergePlan(10, (AVERAGE, MergeGroup((8, 9), method="drop")))
    figure = plan_pair(PLAN, other, LIGHT, names=("this <plan>", "another"), differing=(5, 7, 8, 9))
    uppers = [trace for trace in figure.data if trace.type == "bar" and len(trace.x) == 10]
    assert [trace.base for trace in uppers] == [LIFT + 1, 1] and uppers[0].x == uppers[1].x
    bands = sorted((s.x0, s.x1) for s in figure.layout.shapes)
    assert bands == [(4.5, 5.5), (4.5, 5.5), (6.5, 9.5), (6.5, 9.5)]
    assert [a.text for a in figure.layout.annotations] == ["<b>This &lt;plan&gt;</b>", "<b>Another</b>"]


def test_the_sentence_says_how_deep_each_leaves_the_model_and_where_they_differ():
    names = ("this plan", "another")
    assert (
        of_plan_pair(PLAN, PLAN, names=names, differing=()) == "Both plans leave 6 of 10 layers, and they are the same."
    )
    said = of_plan_pair(PLAN, MergePlan(10), names=names, differing=(2, 3, 4, 9))
    assert said == "Of 10 layers, this plan leaves 6 and another 10; they differ on layers 2–4, 9."
    assert of_plan_pair(PLAN, PLAN, names=names, differing=(7,)).endswith("; they differ on layer 7.")
