from __future__ import annotations

import subprocess
import sys

import pytest

from mka.errors import BadInput
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.planning.planner import plan
from tests.planning.builders import summary_of, with_adjacent

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


def test_a_plan_of_no_groups_changes_nothing():
    assert plan(3, groups=[]) == MergePlan(3)


def test_planning_needs_no_torch():
    rooms = "planner strategies compatible savings files".split()
    imports = "; ".join(f"import mka.planning.{room}" for room in rooms)
    check = f"{imports}; import sys; assert not {{'torch', 'transformers'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)
