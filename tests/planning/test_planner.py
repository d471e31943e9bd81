from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mka.errors import BadInput
from mka.models.loading import load
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.planning.planner import plan
from tests.planning.builders import summary_of, with_adjacent
from tests.tiny import tiny_model_folder

ALIKE = with_adjacent([0.9, 0.5, 0.6], seed=7, calibration_key="texts", text_hashes=("a", "b"))


def test_groups_by_hand_may_be_lists_dicts_or_groups():
    made = plan(9, groups=[[1, 2], range(3, 6), {"layers": [6, 7], "method": "keep", "layer": 7}])
    assert made.groups == (
        MergeGroup((1, 2), (0.5, 0.5)),
        MergeGroup((3, 4, 5), (1 / 3, 1 / 3, 1 / 3)),
        MergeGroup((6, 7), method="keep", layer=7),
    )
    assert plan(9, groups=made.groups) == made
    assert made.provenance == Provenance() and made.fingerprint is None and made.source is None


def test_a_plan_for_a_model_is_bound_to_it():
    made = plan(summary_of([10] * 4), groups=[[1, 2]])
    assert (made.depth, made.fingerprint, made.source) == (4, "0123456789abcdef", "somewhere")


def test_a_loaded_model_and_its_depth_give_the_same_groups(tiny_llama):
    made, bare = plan(tiny_llama, groups=[[1, 2]]), plan(4, groups=[[1, 2]])
    assert made.key == bare.key
    assert (made.fingerprint, made.source) == (tiny_llama.fingerprint, tiny_llama.source)


def test_a_plan_carries_where_it_came_from():
    assert plan(4, strategy="mka", remove=1, similarity=ALIKE).provenance == Provenance(
        "mka", "npib", 7, "texts", ("a", "b")
    )
    assert plan(4, strategy="mka", remove=1, similarity=ALIKE, seed=3).provenance.seed == 3
    assert plan(4, strategy="truncate", remove=1, seed=3).provenance == Provenance("truncate", seed=3)


def test_groups_chosen_from_a_similarity_carry_its_texts():
    found = plan(4, groups=[[1, 2]], similarity=ALIKE).provenance
    assert (found.strategy, found.measure, found.text_hashes) == ("manual", "npib", ("a", "b"))


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({}, "exactly one"),
        ({"groups": [[1, 2]], "strategy": "mka"}, "exactly one"),
        ({"groups": [[1, 2]], "remove": 1}, "leave out the number"),
        ({"strategy": "best", "remove": 1}, "'best' is unknown; use one of mka, mka-code, truncate"),
        ({"strategy": "truncate"}, "name a number"),
        ({"strategy": "mka", "remove": 1}, "needs a similarity"),
        ({"strategy": "mka-code", "remove": 1}, "needs a similarity"),
        ({"groups": [[1, 2], [2, 3]]}, "overlap"),
        ({"groups": [[1, 4]]}, "layers 0..3"),
        ({"groups": [[1]]}, "at least two layers"),
        ({"groups": [3]}, "list of whole numbers"),
        ({"groups": 3}, "groups must be a list of groups"),
        ({"groups": "1-2"}, "groups must be a list of groups"),
        ({"groups": {"layers": [1, 2]}}, "groups must be a list of groups"),
        ({"strategy": "mka", "remove": 1, "similarity": "npib"}, "the similarity is str; give what mka.similarity"),
        ({"strategy": "truncate", "remove": 1, "seed": -1}, "seed must be a whole number from 0 to 4294967295"),
        ({"groups": [{"layers": [1, 2], "weights": [0.6, 0.6]}]}, "sum to 1.2"),
    ],
)
def test_what_makes_no_plan_is_refused(asked, why):
    with pytest.raises(BadInput, match=why) as refusal:
        plan(4, **asked)
    assert "\n" not in str(refusal.value)


def test_a_similarity_must_be_of_this_model():
    with pytest.raises(BadInput, match="compares 4 layers, but the model has 5"):
        plan(5, strategy="mka", remove=1, similarity=ALIKE)
    summary = summary_of([10] * 4)
    fits = with_adjacent([0.1] * 3, model=summary.fingerprint)
    assert plan(summary, strategy="mka", remove=1, similarity=fits).removed == 1
    with pytest.raises(BadInput, match="another model"):
        plan(summary, strategy="mka", remove=1, similarity=with_adjacent([0.1] * 3, model="f" * 16))


@pytest.mark.parametrize("strategy", ["mka", "mka-code"])
def test_a_distance_is_no_similarity(strategy):
    distance = with_adjacent([0.1] * 3, measure="block-influence", higher_is_alike=False)
    with pytest.raises(BadInput, match="block-influence is a distance"):
        plan(4, strategy=strategy, remove=1, similarity=distance)


def test_layers_of_two_types_or_shapes_are_not_averaged():
    types = ("sliding_attention", "full_attention") * 2
    with pytest.raises(BadInput, match="layer 1 is full_attention and layer 2 is sliding_attention"):
        plan(summary_of([10] * 4, types=types), groups=[[1, 2]])
    with pytest.raises(BadInput, match="layers 1 and 2 hold tensors of other names or shapes"):
        plan(summary_of([10, 10, 20, 20], classes=(0, 0, 1, 1)), groups=[[1, 2]])
    mixed = summary_of([10, 10, 20, 20], types=types, classes=(0, 0, 1, 1))
    assert plan(mixed, groups=[{"layers": [1, 2], "method": "drop"}]).removed == 2
    assert plan(mixed, groups=[{"layers": [1, 2], "method": "keep", "layer": 2}]).removed == 1
    assert plan(summary_of([10] * 4, types=types), groups=[[0, 2]]).removed == 1


def a_chain(groups):
    return [group.layers for group in groups]


def test_mka_ranks_only_neighbours_that_can_be_averaged():
    window, full = "sliding_attention", "full_attention"
    summary = summary_of([10] * 7, types=(window, window, window, full, window, window, window))
    alike = with_adjacent([0.1, 0.5, math.nan, 0.9, 0.2, 0.6])  # 2-3 and 3-4 are of two types
    for remove, chosen in ((1, [(5, 6)]), (2, [(1, 2), (5, 6)]), (3, [(1, 2), (4, 5, 6)])):
        assert a_chain(plan(summary, strategy="mka", remove=remove, similarity=alike).groups) == chosen
    with pytest.raises(BadInput, match=r"only 3 of the 5 pairs .*cannot remove 4; remove at most 3") as refusal:
        plan(summary, strategy="mka", remove=4, similarity=alike)
    assert "\n" not in str(refusal.value)


def test_mka_ranks_only_neighbours_of_one_shape():
    summary = summary_of([10] * 5, classes=(0, 0, 0, 1, 1))
    alike = with_adjacent([0.9, 0.3, 0.8, 0.2])
    assert a_chain(plan(summary, strategy="mka", remove=2, similarity=alike).groups) == [(1, 2), (3, 4)]
    assert a_chain(plan(5, strategy="mka", remove=2, similarity=alike).groups) == [(1, 2, 3)]


def test_a_model_whose_layers_alternate_has_no_pair_for_mka(tmp_path):
    model = load(tiny_model_folder(tmp_path, "gemma2"), device="cpu")
    with pytest.raises(BadInput, match=r"mka can average none of the 2 pairs .*cannot remove 1; truncate"):
        plan(model, strategy="mka", remove=1, similarity=ALIKE)
    with pytest.raises(BadInput, match=r"group \[2, 3\] cannot be averaged: layer 2 is sliding_attention"):
        plan(model, strategy="mka-code", remove=1, similarity=ALIKE)
    assert plan(model, strategy="truncate", remove=1).removed == 1


def test_mka_merges_within_the_windows_of_a_real_model(tmp_path):
    model = load(tiny_model_folder(tmp_path, "gemma3", layers=7), device="cpu")
    types = model.stack.layer_types
    (group,) = plan(model, strategy="mka", remove=1, similarity=with_adjacent([0.5] * 6)).groups
    first, second = group.layers
    assert types[first] == types[second] and second == first + 1 == 4 and types[2] != types[3]


def test_numbers_may_come_out_of_numpy():
    assert plan(np.int64(9), groups=[[np.int64(3), np.int64(4)]]) == plan(9, groups=[[3, 4]])
    assert plan(np.int32(4), strategy="truncate", remove=np.int64(2), seed=np.int64(3)).provenance.seed == 3


@pytest.mark.parametrize("given", ["demo", Path("demo"), None, 4.0, True, [4], object()])
def test_a_plan_is_for_a_loaded_model_or_a_depth(given):
    with pytest.raises(BadInput, match=f"not for {type(given).__name__}; open the model with mka.load first"):
        plan(given, groups=[[1, 2]])


def test_a_plan_of_no_groups_changes_nothing():
    assert plan(3, groups=[]) == MergePlan(3)


def test_planning_needs_no_torch():
    rooms = "planner strategies compatible savings files".split()
    imports = "; ".join(f"import mka.planning.{room}" for room in rooms)
    check = f"{imports}; import sys; assert not {{'torch', 'transformers'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
