"""A group of the plan made into another: by hand calculation, and what cannot be is refused in words."""

import math
from dataclasses import replace

import pytest

from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.studio.selection.state import NOTHING_SEEN, StudioState


def planned(*groups: MergeGroup, depth: int = 12, provenance: Provenance = NOTHING_SEEN) -> StudioState:
    return StudioState(MergePlan(depth, groups, provenance=provenance))


def groups_of(state: StudioState) -> list[tuple[int, ...]]:
    return [group.layers for group in state.plan.groups]


def test_weights_are_scaled_to_one():
    state = planned(MergeGroup((1, 2), (0.5, 0.5))).set_weights(0, [3, 1])
    assert state.plan.groups[0].weights == pytest.approx((0.75, 0.25))
    same = state.set_weights(0, [0.75, 0.25])
    assert same.past == state.past
    for bad in ([0, 0], [-1, 2], [math.nan, 1], [math.inf, 1]):
        refused = state.set_weights(0, bad)
        assert refused.plan == state.plan and "must not be negative, nor endless" in refused.refusal
    for bad in ([1, 1, 1], []):
        assert f"takes 2 weights, not {len(bad)}" in state.set_weights(0, bad).refusal
    for bad in (-0.1, 1.5, math.nan):
        assert "is no share" in state.set_weight(0, 1, bad).refusal
    rounded = state.set_weights(0, [0.75 + 1e-12, 0.25])
    assert (rounded.plan, rounded.past) == (state.plan, state.past), "rounding is no change to go back over"


EVEN = (0.5, 0.3, 0.1, 0.1)


@pytest.mark.parametrize(
    ("group", "at", "parts"),
    [
        (MergeGroup((2, 3, 4, 5), EVEN), 4, [MergeGroup((2, 3), (5 / 8, 3 / 8)), MergeGroup((4, 5), (0.5, 0.5))]),
        (MergeGroup((2, 3, 4, 5), EVEN), 3, [MergeGroup((3, 4, 5), (0.6, 0.2, 0.2))]),
        (MergeGroup((2, 3, 4, 5), EVEN), 5, [MergeGroup((2, 3, 4), (5 / 9, 3 / 9, 1 / 9))]),
        (MergeGroup((2, 5), (0.2, 0.8)), 5, []),
        (MergeGroup((2, 5), (0.2, 0.8), "slerp"), 5, []),
        (
            MergeGroup((2, 3, 4), (0.5, 0.3, 0.2), kinds={"mlp": (0.1, 0.6, 0.3)}),
            3,
            [MergeGroup((3, 4), (0.6, 0.4), kinds={"mlp": (0.6 / 0.9, 0.3 / 0.9)})],
        ),
        (MergeGroup((2, 3, 4), (-3.0, 2.0, 2.0), "rdsc"), 4, [MergeGroup((2, 3), (), "rdsc")]),
        (MergeGroup((1, 3, 5, 8), (1, 0, 0, 0)), 5, [MergeGroup((1, 3), (1, 0)), MergeGroup((5, 8), (0.5, 0.5))]),
        (
            MergeGroup((2, 3, 4, 5), (), "keep", layer=5),
            4,
            [MergeGroup((2, 3), (), "keep", layer=2), MergeGroup((4, 5), (), "keep", layer=5)],
        ),
        (MergeGroup((2, 3, 4), (), "drop"), 3, [MergeGroup((2,), (), "drop"), MergeGroup((3, 4), (), "drop")]),
    ],
)
def test_a_group_is_split_in_two(group, at, parts):
    after = planned(group).split(0, at)
    assert groups_of(after) == [part.layers for part in parts]
    for made, part in zip(after.plan.groups, parts, strict=True):
        assert made.weights == pytest.approx(part.weights)
        assert all(made.weights_of(kind) == pytest.approx(weights) for kind, weights in part.kinds)
        assert replace(made, weights=part.weights, kinds=part.kinds) == part
    assert after.undo().plan.groups == (group,)


def test_groups_are_joined_by_their_layers():
    two = planned(
        MergeGroup((1, 2), (0.2, 0.8)), MergeGroup((4, 5, 6), (0.5, 0.25, 0.25)), MergeGroup((8,), (), "drop")
    )
    joined = two.join(0)
    assert groups_of(joined) == [(1, 2, 4, 5, 6), (8,)]
    assert joined.plan.groups[0].weights == pytest.approx((0.08, 0.32, 0.3, 0.15, 0.15))
    assert joined.message.text == "Joined 1–2, 4–6; layer 3 between them stays."
    for refused in (two.join(1), two.join(2), two.join(-1)):
        assert refused.refusal and refused.plan == two.plan
    assert "method is average in one and drop in the other" in two.join(1).refusal
    kept = planned(MergeGroup((1, 2), (), "keep", layer=2), MergeGroup((3, 4), (), "keep", layer=3)).join(0)
    assert kept.plan.groups == (MergeGroup((1, 2, 3, 4), (), "keep", layer=2),)
    assert kept.message.text == "Joined 1–2, 3–4."


def test_weights_of_kinds_are_joined_too_and_differences_are_added_anew():
    named = MergeGroup((1, 2), (0.2, 0.8), kinds={"norms": (1.0, 0.0)})
    joined = planned(named, MergeGroup((3, 4), (0.5, 0.5))).join(0).plan.groups[0]
    assert joined.weights == pytest.approx((0.1, 0.4, 0.25, 0.25))
    assert dict(joined.kinds)["norms"] == pytest.approx((0.5, 0.0, 0.25, 0.25))
    added = planned(MergeGroup((1, 2), (-1.0, 2.0), "rdsc"), MergeGroup((3, 4), (), "rdsc")).join(0)
    assert added.plan.groups == (MergeGroup((1, 2, 3, 4), (), "rdsc"),)
    arcs = planned(MergeGroup((1, 2), (0.5, 0.5), "slerp"), MergeGroup((3, 4), (0.5, 0.5), "slerp")).join(0)
    assert "slerp interpolates between two layers, not 4" in arcs.refusal


@pytest.mark.parametrize(
    ("before", "layer", "weight", "after"),
    [
        ((0.5, 0.3, 0.2), 4, 0.6, (0.6, 0.24, 0.16)),
        ((0.5, 0.3, 0.2), 5, 0.0, (5 / 7, 0, 2 / 7)),
        ((0.5, 0.3, 0.2), 6, 1.0, (0, 0, 1)),
        ((1, 0, 0), 4, 0.5, (0.5, 0.25, 0.25)),
    ],
)
def test_one_weight_leaves_the_others_their_ratios(before, layer, weight, after):
    state = planned(MergeGroup((4, 5, 6), before)).set_weight(0, layer, weight)
    assert state.plan.groups[0].weights == pytest.approx(after)


@pytest.mark.parametrize(
    ("group", "method", "survivor", "after"),
    [
        (MergeGroup((4, 5), (0.2, 0.8)), "keep", None, MergeGroup((4, 5), (), "keep", layer=4)),
        (MergeGroup((4, 5), (0.2, 0.8)), "keep", 5, MergeGroup((4, 5), (), "keep", layer=5)),
        (MergeGroup((4, 5), (0.2, 0.8)), "drop", None, MergeGroup((4, 5), (), "drop")),
        (MergeGroup((4, 5), (), "keep", layer=5), "average", None, MergeGroup((4, 5), (0.5, 0.5))),
        (MergeGroup((4, 5), (0.2, 0.8)), "slerp", None, MergeGroup((4, 5), (0.2, 0.8), "slerp")),
        (MergeGroup((4, 5), (0.2, 0.8), "slerp"), "average", None, MergeGroup((4, 5), (0.2, 0.8))),
        (MergeGroup((4, 5), (), "drop"), "slerp", None, MergeGroup((4, 5), (0.5, 0.5), "slerp")),
        (MergeGroup((4, 5), (0.2, 0.8), kinds={"mlp": (1, 0)}), "rdsc", None, MergeGroup((4, 5), (), "rdsc")),
        (MergeGroup((4, 5), (), "keep", layer=5), "keep", 4, MergeGroup((4, 5), (), "keep", layer=4)),
    ],
)
def test_a_group_is_treated_by_another_method(group, method, survivor, after):
    state = planned(group).set_method(0, method, survivor)
    assert state.plan.groups == (after,) and not state.refusal


@pytest.mark.parametrize(
    ("group", "change", "arguments"),
    [
        (MergeGroup((4, 5), (0.2, 0.8)), "set_weight", (0, 6, 0.5)),
        (MergeGroup((4, 5), (0.2, 0.8)), "set_weight", (0, 4, 1.5)),
        (MergeGroup((4, 5), (0.2, 0.8)), "set_weight", (0, 4, math.nan)),
        (MergeGroup((4, 5), (), "drop"), "set_weight", (0, 4, 0.5)),
        (MergeGroup((4, 5), (), "drop"), "set_weights", (0, [0.5, 0.5])),
        (MergeGroup((4, 5), (0.2, 0.8)), "set_method", (0, "melt")),
        (MergeGroup((4, 5, 6), (0.2, 0.8, 0)), "set_method", (0, "slerp")),
        (MergeGroup((4, 5), (), "rdsc"), "set_weights", (0, [0.5, 0.5])),
        (MergeGroup((4, 5), (0.2, 0.8)), "set_method", (0, "keep", 7)),
        (MergeGroup((4, 5), (0.2, 0.8)), "set_method", (0, "drop", 4)),
        (MergeGroup((4,), (), "drop"), "set_method", (0, "average")),
        (MergeGroup((4,), (), "drop"), "set_method", (0, "keep")),
        (MergeGroup(tuple(range(12)), (1 / 12,) * 12), "set_method", (0, "drop")),
        (MergeGroup((4, 7), (0.2, 0.8)), "split", (0, 5)),
        (MergeGroup((4, 7), (0.2, 0.8)), "split", (0, 4)),
        (MergeGroup((4, 7), (0.2, 0.8)), "split", (1, 7)),
    ],
)
def test_what_a_group_cannot_be_is_refused_in_a_sentence(group, change, arguments):
    before = planned(group)
    after = getattr(before, change)(*arguments)
    assert after.refusal.endswith(".") and after.refusal[0].isupper()
    assert replace(after, message=None) == before


def test_layers_of_two_types_are_dropped_but_not_averaged():
    state = replace(StudioState.start(4), layer_types=("full", "full", "sliding", "sliding"), shape_classes=(0,) * 4)
    dropped = replace(state, plan=MergePlan(4, (MergeGroup((1, 2), (), "drop"),)))
    assert "layer 1 is full and layer 2 is sliding" in dropped.set_method(0, "average").refusal
    assert not dropped.set_method(0, "keep").refusal
    apart = replace(state, plan=MergePlan(4, (MergeGroup((0, 1), (0.5, 0.5)), MergeGroup((2, 3), (0.5, 0.5)))))
    assert apart.join(0).plan == apart.plan and apart.join(0).refusal


def test_what_was_done_to_a_group_is_said():
    state = planned(MergeGroup((4, 5), (0.2, 0.8)))
    said = {method: state.set_method(0, method).message.text for method in ("slerp", "rdsc", "keep", "drop")}
    assert said == {
        "slerp": "Layers 4–5 are interpolated.",
        "rdsc": "Layers 4–5 are added up.",
        "keep": "Layers 4–5 become one of them.",
        "drop": "Layers 4–5 are dropped.",
    }


def test_changing_a_group_leaves_the_selection():
    state = planned(MergeGroup((4, 5), (0.2, 0.8))).click_cell(8, 9)
    assert state.set_weight(0, 4, 0.5).candidate_layers == ((8, 9),)
    assert state.pick_layer(3).set_method(0, "drop").picked == 3


def test_a_changed_group_keeps_the_texts_that_chose_it():
    chosen = planned(MergeGroup((4, 5, 6), (0.2, 0.4, 0.4)), provenance=Provenance("mka", "npib", 0, "key", ("h1",)))
    for changed in (chosen.split(0, 5), chosen.set_weight(0, 4, 0.5), chosen.set_method(0, "drop")):
        assert changed.plan.provenance == Provenance("manual", "npib", 0, "key", ("h1",))
    assert chosen.set_method(0, "average") == chosen, "nothing changed, so the strategy is still its author"
    assert chosen.remove_group(0).plan.provenance == NOTHING_SEEN, "no text chose a layer of an empty plan"
