"""Plans as configs of mergekit and back, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given

from mka.errors import BadInput
from mka.objects.plan import MergeGroup, MergePlan
from mka.planning.mergekit import from_mergekit, merges, model_of, to_mergekit
from tests.objects.test_plan import plans


def source(layers, model="m", **parameters):
    found = {"model": model, "layer_range": list(layers)}
    return found | ({"parameters": parameters} if parameters else {})


def linear(*slices, normalize=False, **more):
    return {"merge_method": "linear", "parameters": {"normalize": normalize}, "slices": list(slices), **more}


def passthrough(*sources, **more):
    return {"merge_method": "passthrough", "slices": [{"sources": [one]} for one in sources], **more}


def test_layers_that_are_dropped_or_kept_pass_through_in_stretches():
    made = MergePlan(8, (MergeGroup((2,), method="drop"), MergeGroup((4, 5), method="keep", layer=5)))
    assert not merges(made)
    assert to_mergekit(made, "m") == passthrough(source([0, 2]), source([3, 4]), source([5, 8]))


def test_a_kept_layer_passes_through_at_its_groups_first_place():
    made = MergePlan(5, (MergeGroup((0, 1, 3), method="keep", layer=3),))
    assert to_mergekit(made, "m") == passthrough(source([3, 4]), source([2, 3]), source([4, 5]))


def test_an_average_names_its_model_by_as_many_spellings_as_it_has_layers():
    made = MergePlan(5, (MergeGroup((1, 2, 4), (0.5, 0.2, 0.3)), MergeGroup((0,), method="drop")))
    assert merges(made)
    one = {
        "sources": [source([1, 2], weight=0.5), source([2, 3], "m/.", weight=0.2), source([4, 5], "m/./.", weight=0.3)]
    }
    assert to_mergekit(made, "m") == linear(one, {"sources": [source([3, 4], weight=1.0)]})


def test_differences_are_a_sum_whose_zeros_are_left_out():
    made = MergePlan(5, (MergeGroup((0, 1), method="rdsc"), MergeGroup((2, 3, 4), method="rdsc")))
    second = {"sources": [source([1, 2], weight=1.0)]}
    sums = [source([2, 3], weight=-1.0), source([3, 4], "m/.", weight=1.0), source([4, 5], "m/./.", weight=1.0)]
    assert to_mergekit(made, "m") == linear(second, {"sources": sums})


def test_slerp_has_two_sources_everywhere():
    made = MergePlan(3, (MergeGroup((1, 2), (0.25, 0.75), "slerp"),))
    assert to_mergekit(made, "m") == {
        "merge_method": "slerp",
        "base_model": "m",
        "slices": [
            {"sources": [source([0, 1]), source([0, 1], "m/.")], "parameters": {"t": 0.0}},
            {"sources": [source([1, 2]), source([2, 3], "m/.")], "parameters": {"t": 0.75}},
        ],
    }


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (MergePlan(4, (MergeGroup((1, 2), (0.5, 0.5), tensors="projections"),)), r"group \[1, 2\] merges projections"),
        (
            MergePlan(4, (MergeGroup((1, 2), (0.5, 0.5), kinds={"mlp": (1, 0)}),)),
            r"group \[1, 2\] has weights per kind",
        ),
        (MergePlan(4, (MergeGroup((1, 2), (0.5, 0.5), experts="by-index"),)), r"group \[1, 2\] takes experts by index"),
        (MergePlan(4, repair="linear"), "no repair 'linear'"),
        (
            MergePlan(5, (MergeGroup((1, 2), (0.5, 0.5), "slerp"), MergeGroup((3, 4), (0.5, 0.5)))),
            "one method, but the plan has slerp in one group and average or rdsc",
        ),
    ],
)
def test_what_a_config_cannot_say_is_refused_by_name(made, why):
    with pytest.raises(BadInput, match=why):
        to_mergekit(made, "m")


def places(groups, depth):
    """What stands in the merged model: of each layer, the source layers with what they count for."""
    made = MergePlan(depth, groups)
    sums = {
        group.layers: dict(zip(group.layers, group.weights_of(None), strict=True))
        for group in made.groups
        if group.merges
    }
    found = [sums.get(layers, {layers[0]: 1.0}) for layers in made.layer_map]
    return [{layer: weight for layer, weight in one.items() if weight} for one in found]


@given(plans())
def test_there_and_back_the_same_stands_in_the_model(made):
    try:
        config = to_mergekit(made, "m")
    except BadInput:
        return
    if config["merge_method"] == "slerp":
        return
    back = from_mergekit(config, made.depth)
    expected, found = places(made.groups, made.depth), places(back, made.depth)
    assert [one.keys() for one in found] == [one.keys() for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other)


def test_a_config_is_read_into_groups():
    config = linear(
        {"sources": [source([0, 2])]},
        {"sources": [source([2, 3], "m/.", weight=3), source([4, 5], "./m", weight=1)]},
        {"sources": [source([6, 7], weight=2)]},
        normalize=True, dtype="bfloat16", tokenizer_source="base", base_model="m",
    )  # fmt: skip
    assert from_mergekit(config, 8) == (
        MergeGroup((2, 3, 4), (0.75, 0.0, 0.25)),
        MergeGroup((5,), method="drop"),
        MergeGroup((7,), method="drop"),
    )
    assert model_of(config) == "m"


def test_a_layer_that_stands_before_an_earlier_one_takes_the_place_of_one_that_is_gone():
    config = passthrough(source([0, 1]), source([5, 6]), source([4, 5]), source([6, 7]))  # 1, 2 and 3 are gone
    assert from_mergekit(config, 7) == (
        MergeGroup((3, 5), method="keep", layer=5),
        MergeGroup((1, 2), method="drop"),
    )
    config = passthrough(source([4, 5]), source([2, 3]))  # 0, 1 and 3 are gone: 3 inside the group of 4
    assert from_mergekit(config, 5) == (
        MergeGroup((1, 3, 4), method="keep", layer=4),
        MergeGroup((0,), method="drop"),
    )
    two = [source([2, 3], weight=0.5), source([3, 4], "m/.", weight=0.5)]
    config = linear({"sources": two}, {"sources": [source([1, 2])]})  # 0 is gone
    assert from_mergekit(config, 4) == (MergeGroup((0, 2, 3), (0.0, 0.5, 0.5)),)


def test_settings_of_the_inner_level_count():
    config = linear(
        {"sources": [source([0, 1], weight=0.25), source([1, 2], "m/.")], "parameters": {"weight": 0.75}},
        normalize=True,
    )
    assert from_mergekit(config, 2) == (MergeGroup((0, 1), (0.25, 0.75)),)
    config["slices"][0]["parameters"]["normalize"] = False
    assert from_mergekit(config, 2) == (MergeGroup((0, 1), (0.25, 0.75)),)
    assert from_mergekit({"merge_method": "linear", "slices": [{"sources": [source([0, 1])]}]}, 1) == ()


def test_sums_of_other_numbers_are_differences():
    config = linear({"sources": [source([0, 1], weight=-1), source([1, 2], weight=1), source([2, 3], weight=1)]})
    assert from_mergekit(config, 3) == (MergeGroup((0, 1, 2), method="rdsc"),)
    config = linear({"sources": [source([0, 1], weight=-0.5), source([1, 2], weight=1.5)]})
    assert from_mergekit(config, 2) == (MergeGroup((0, 1), (-0.5, 1.5), "rdsc"),)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ([], "must be a mapping"),
        ({"slices": []}, "merge method None cannot be read"),
        ({"merge_method": "ties", "slices": []}, "merge method 'ties' cannot be read as a plan; passthrough"),
        ({"merge_method": "linear", "models": [{"model": "m"}]}, "the config says models"),
        ({"merge_method": "linear", "slices": []}, "slices of the mergekit config must be a list that is not empty"),
        ({"merge_method": "linear", "slices": [{"sources": "m"}]}, "sources of the mergekit config must be a list"),
        (passthrough(source([0, 1]), source([1, 2], "n")), "several models, m, n; a plan is for one"),
        (passthrough(source([0, 1]), base_model="n"), "several models, m, n"),
        (passthrough(source([0, 1], "m+lora")), r"m\+lora carries an adapter"),
        (passthrough(source([0, 1], scale=0.5)), "slice 1, parameters says scale"),
        (passthrough(source([0, 2]), source([1, 3])), "uses layer 1 twice"),
        (
            passthrough(source([2, 3]), source([0, 1])),
            "layer 2 before layer 0, which a plan cannot say: a layer moves forward only to the place of one that is "
            "removed, and none is left there",
        ),
        (passthrough(source([0, 1]), source([3, 4]), source([1, 3])), "layer 3 before layer 1"),
        (passthrough(source([3, 4]), source([2, 3]), source([1, 2])), "layer 3 before layer 2"),
        (linear({"sources": [source([2, 3], weight=0.5)]}, {"sources": [source([1, 2])]}), r"layers \[2\] sum to 0.5"),
        (passthrough(source([0, 5])), r"names layer 4, but the model has layers 0\.\.3"),
        (passthrough(source([1, 1])), r"layer_range is \[1, 1\]"),
        (passthrough(source([0, 1.0])), "layer_range is"),
        (passthrough(source([0, True])), "layer_range is"),
        (passthrough({"model": "m"}), "layer_range of the mergekit config must be a list"),
        (
            {"merge_method": "passthrough", "slices": [{"sources": [source([0, 1]), source([1, 2])]}]},
            "passes 2 sources",
        ),
        (linear({"sources": [source([0, 2]), source([2, 3])]}), "sources of different lengths"),
        (linear({"sources": [source([0, 1], weight=[0, 1])]}), r"weight is \[0, 1\]"),
        (linear({"sources": [source([0, 1], weight=[{"filter": "mlp", "value": 1}])]}), "weight is"),
        (linear({"sources": [source([0, 1], weight=float("inf"))]}), "weight is inf"),
        (linear({"sources": [source([0, 1], weight=0.5)]}), r"layers \[0\] sum to 0.5, not 1"),
        (linear({"sources": [source([0, 1], weight=0)]}), "weights that are all 0"),
        (linear({"sources": [source([0, 1], weight=0)]}, normalize=True), "sum to 0 and cannot be normalised"),
        (linear({"sources": [source([0, 1])]}, normalize=1), "normalize is 1; write true or false"),
        (linear({"sources": [source([0, 1])], "residual_weight": 1}), "slice 1 says residual_weight"),
        (linear({"sources": [source([0, 1]) | {"lora": 1}]}), "slice 1 says lora"),
        (
            linear(
                {"sources": [source([0, 1], weight=0.5), source([2, 3], weight=0.5)]},
                {"sources": [source([1, 2], weight=0.5), source([3, 4], weight=0.5)]},
            ),
            None,
        ),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused_by_name(config, why):
    with pytest.raises(BadInput, match=why or "overlap") as refusal:
        MergePlan(4, from_mergekit(config, 4))
    assert "\n" not in str(refusal.value)
