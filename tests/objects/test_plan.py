"""Properties of every plan, over plans that hypothesis invents."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mka.errors import BadInput
from mka.objects.plan import KINDS, MergeGroup, MergePlan, Provenance


@st.composite
def weights(draw, count):
    """`count` numbers in [0, 1] that sum to 1, some of them 0."""
    shares = draw(st.lists(st.integers(0, 100), min_size=count, max_size=count).filter(any))
    return tuple(share / sum(shares) for share in shares)


@st.composite
def groups(draw, layers):
    methods = ("average", "rdsc", "keep", "drop") if len(layers) > 1 else ("drop",)
    method = draw(st.sampled_from((*methods, "slerp") if len(layers) == 2 else methods))
    weighted = method in ("average", "slerp")
    named = draw(st.sets(st.sampled_from(KINDS))) if weighted else ()
    return MergeGroup(
        layers,
        weights=draw(weights(len(layers))) if weighted or (method == "rdsc" and draw(st.booleans())) else (),
        kinds={kind: draw(weights(len(layers))) for kind in named},
        method=method,
        tensors=draw(st.sampled_from(("all", "projections"))),
        experts=draw(st.sampled_from(("refuse", "by-index"))),
        layer=draw(st.sampled_from(layers)) if method == "keep" else None,
    )


@st.composite
def plans(draw):
    """Cut 0 .. depth - 1 into blocks; each block gives a group of some of its layers, or none."""
    depth = draw(st.integers(1, 24))
    cuts = sorted({0, depth, *draw(st.lists(st.integers(0, depth), max_size=6))})
    made = []
    for start, stop in pairwise(cuts):
        layers = tuple(sorted(draw(st.sets(st.integers(start, stop - 1), max_size=stop - start))))
        if layers:
            made.append(draw(groups(layers)))
    if sum(group.removed for group in made) >= depth:
        made = made[1:]
    return MergePlan(
        depth,
        tuple(draw(st.permutations(made))),
        fingerprint=draw(st.none() | st.text("0123456789abcdef", min_size=16, max_size=16)),
        source=draw(st.none() | st.text(max_size=9)),
        provenance=Provenance(
            strategy=draw(st.sampled_from(("manual", "mka"))),
            measure=draw(st.none() | st.just("npib")),
            seed=draw(st.none() | st.integers()),
            calibration_key=draw(st.none() | st.text(max_size=4)),
            text_hashes=tuple(draw(st.lists(st.text(max_size=4), max_size=3))),
        ),
    )


@given(plans())
def test_a_plan_survives_its_file(plan):
    again = MergePlan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again == plan and again.key == plan.key


@given(plans())
def test_the_layer_map_accounts_for_every_layer(plan):
    standing = plan.layer_map
    assert len(standing) == plan.layers_after == plan.depth - plan.removed >= 1
    assert plan.compression_ratio == plan.removed / plan.depth
    used = [layer for place in standing for layer in place]
    assert len(used) == len(set(used))
    lost = {layer for group in plan.groups if group.method == "drop" for layer in group.layers}
    lost |= {layer for group in plan.groups if group.method == "keep" for layer in group.layers if layer != group.layer}
    assert set(used) == set(range(plan.depth)) - lost


@given(plans())
def test_a_group_stands_where_its_first_layer_stood(plan):
    first = {group.layer if group.method == "keep" else group.layers[0]: group.layers[0] for group in plan.groups}
    stands_at = [first.get(place[0], place[0]) for place in plan.layer_map]
    assert stands_at == sorted(stands_at)


@given(plans(), st.data())
def test_overlapping_groups_are_refused(plan, data):
    taken = [layer for group in plan.groups for layer in range(group.layers[0], group.layers[-1] + 1)]
    if not taken:
        return
    shared = data.draw(st.sampled_from(taken))
    with pytest.raises(BadInput, match=r"overlap|removes all"):
        replace(plan, groups=(*plan.groups, MergeGroup((shared,), method="drop")))


@given(plans())
def test_the_key_depends_on_what_is_done_alone(plan):
    assert replace(plan, provenance=Provenance("other"), fingerprint="0" * 16, source="x").key == plan.key
    assert replace(plan, groups=tuple(reversed(plan.groups))).key == plan.key
    assert replace(plan, depth=plan.depth + 1).key != plan.key


@given(st.integers(2, 9), st.data())
def test_weights_must_sum_to_one(count, data):
    drawn = data.draw(weights(count))
    layers = tuple(range(count))
    assert math.isclose(math.fsum(MergeGroup(layers, drawn).weights), 1)
    for wrong in (drawn[:-1], (*drawn, 0.0), tuple(w / 2 for w in drawn), (math.nan, *drawn[1:]), (-0.5, *drawn[1:])):
        with pytest.raises(BadInput, match="weights"):
            MergeGroup(layers, wrong)


@given(plans(), st.integers(0, 5))
def test_a_layer_that_does_not_exist_is_refused(plan, beyond):
    with pytest.raises(BadInput, match=f"layers 0..{plan.depth - 1}"):
        replace(plan, groups=(MergeGroup((0, plan.depth + beyond), (0.5, 0.5)),))


def edited(raw, path, value):
    """`raw` with the entry at `path` set to `value`."""
    if not path:
        return value
    copied = list(raw) if isinstance(raw, list) else dict(raw)
    copied[path[0]] = edited(copied[path[0]], path[1:], value)
    return copied


def places(raw, path=()):
    """The path of every entry of nested JSON."""
    yield path
    items = raw.items() if isinstance(raw, dict) else enumerate(raw) if isinstance(raw, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


FULL = MergePlan(
    9,
    (
        MergeGroup((1, 2), (0.25, 0.75), kinds={"norms": (1, 0)}),
        MergeGroup((3, 5), method="keep", layer=5),
        MergeGroup((7,), method="drop", tensors="projections", experts="by-index"),
    ),
    fingerprint="0123456789abcdef",
    source="demo",
    provenance=Provenance("mka", "npib", 0, "abcd", ("ef",)),
)
SPOILT = (None, True, 0, 5, -1, 1.5, math.nan, "x", [], [1], ["x"], [[1]], [None], {}, {"x": 1}, [{}])


@pytest.mark.parametrize("path", list(places(FULL.to_json())), ids=str)
@pytest.mark.parametrize("value", SPOILT, ids=str)
def test_a_spoilt_file_is_bad_input_or_a_plan_that_survives_its_file(path, value):
    try:
        read = MergePlan.from_json(edited(FULL.to_json(), path, value))
    except BadInput as refusal:
        assert "\n" not in str(refusal)
    else:
        assert MergePlan.from_json(json.loads(json.dumps(read.to_json()))) == read


def test_equal_weights_where_a_file_names_none():
    group = MergeGroup.from_json({"layers": [3, 4, 5]})
    assert group == MergeGroup((3, 4, 5), (1 / 3, 1 / 3, 1 / 3))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ({"layers": [1]}, "at least two layers"),
        ({"layers": [2, 1]}, r"increasing.*\[1, 2\]"),
        ({"layers": [1, 1]}, "named once"),
        ({"layers": [1, 2], "method": "blend"}, "average, slerp, rdsc, keep, drop"),
        ({"layers": [1, 2, 3], "method": "slerp"}, "between two layers, not 3"),
        ({"layers": [1, 2], "method": "slerp", "weights": [1.5, -0.5]}, r"lie in \[0, 1\]"),
        ({"layers": [1, 2], "method": "rdsc", "weights": [1, 1]}, "sum to 2, not 1; divide each by 2"),
        ({"layers": [1, 2], "method": "rdsc", "weights": [1, -1]}, "sum to 0, not 1; give weights that sum to 1"),
        ({"layers": [1, 2], "method": "rdsc", "weights": [1]}, "1 weights for 2 layers"),
        ({"layers": [1, 2], "method": "rdsc", "weights": [math.inf, 1]}, "finite numbers below a million"),
        ({"layers": [1, 2], "method": "rdsc", "kinds": {"mlp": [1, 0]}}, "rdsc takes no weights per kind"),
        ({"layers": [1, 2], "kinds": {"embedding": [1, 0]}}, "kinds .*embedding.* unknown; use some of attention, mlp"),
        ({"layers": [1, 2], "kinds": {"mlp": [1, 1]}}, r"group \[1, 2\], mlp: weights sum to 2"),
        ({"layers": [1, 2], "kinds": {"mlp": "10"}}, r"group \[1, 2\], mlp: weights must be a list of numbers"),
        ({"layers": [1, 2], "kinds": [1, 0]}, "kinds must be an object such as"),
        ({"layers": [1, 2], "method": "keep"}, "survivor"),
        ({"layers": [1, 2], "method": "keep", "layer": 3}, "survivor"),
        ({"layers": [1, 2], "method": "drop", "weights": [0.5, 0.5]}, "takes no weights"),
        ({"layers": [1, 2], "weight": [0.5, 0.5]}, "unknown keys"),
        ({"layers": "1-2"}, "list of whole numbers"),
        ({"layers": [1.0, 2.0]}, "whole numbers"),
        ([1, 2], "must be an object"),
        ({"layers": [1, 2], "weights": [10**4000, 0]}, r"weights \[1000.*\] must lie in \[0, 1\]"),
        ({"layers": [1, 2], "weights": [True, False]}, "weights must be a list of numbers"),
        ({"layers": [1, 2], "weights": [np.True_, np.False_]}, "weights must be a list of numbers"),
    ],
)
def test_groups_that_mean_nothing_are_refused(raw, why):
    with pytest.raises(BadInput, match=why):
        MergeGroup.from_json(raw)


@pytest.mark.parametrize("value", [None, 3, ["linear"]])
def test_a_repair_that_is_no_word_is_refused(value):
    with pytest.raises(BadInput, match=r"malformed: repair is .*, not a word; make it anew"):
        MergePlan.from_json(FULL.to_json() | {"repair": value})
    without = {key: item for key, item in FULL.to_json().items() if key != "repair"}
    assert MergePlan.from_json(without) == FULL


def test_numbers_of_numpy_become_plain_ones():
    layers, weights = np.array([1, 2]), np.array([0.25, 0.75])
    average = MergeGroup(tuple(layers), tuple(weights))
    keep = MergeGroup(tuple(layers), method="keep", layer=layers[1])
    from_file = MergeGroup.from_json({"layers": list(layers), "weights": list(weights.astype(np.float32))})
    assert average == from_file == MergeGroup((1, 2), (0.25, 0.75))
    for group in (average, keep, from_file):
        made = MergePlan(np.int64(4), (group,))
        assert MergePlan.from_json(json.loads(json.dumps(made.to_json()))).key == made.key


def test_whole_weights_are_the_same_plan_as_written_with_a_point():
    assert MergePlan(3, (MergeGroup((1, 2), (1, 0)),)).key == MergePlan(3, (MergeGroup((1, 2), (1.0, 0.0)),)).key


def test_a_plan_leaves_at_least_one_layer():
    with pytest.raises(BadInput, match="removes all 3 layers"):
        MergePlan(3, (MergeGroup((0, 1, 2), method="drop"),))


def test_differences_are_added_up_unless_the_plan_names_the_coefficients():
    assert MergeGroup((1, 2, 4, 5), method="rdsc").weights_of("mlp") == (-2, 1, 1, 1)
    assert MergeGroup((1, 2, 3), (-1.0, 0.0, 2.0), method="rdsc").weights_of(None) == (-1, 0, 2)


def test_kinds_have_weights_of_their_own_in_one_order_and_the_others_those_of_the_group():
    group = MergeGroup.from_json({"layers": [1, 2], "method": "slerp", "kinds": {"norms": [1, 0], "attention": [0, 1]}})
    assert group.kinds == (("attention", (0.0, 1.0)), ("norms", (1.0, 0.0)))
    assert [group.weights_of(kind) for kind in (*KINDS, None)] == [(0, 1), (0.5, 0.5), (1, 0), (0.5, 0.5)]


def test_a_plan_without_kinds_has_the_file_that_it_had_before_they_came():
    assert MergeGroup((1, 2), (0.5, 0.5)).to_json() == {
        "layers": [1, 2], "method": "average", "weights": [0.5, 0.5], "tensors": "all", "experts": "refuse",
    }  # fmt: skip
