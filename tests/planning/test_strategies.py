from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mka.errors import BadInput
from mka.planning.planner import plan
from mka.planning.strategies import STRATEGIES, chained, drop_keep_last, truncate
from tests.analysis.golden import golden
from tests.planning.builders import similarity_of, with_adjacent


def merged_pair_by_pair(vectors, ratios):
    """Merge the last two again and again, each time with its own ratio: what a chain of pairwise merges does."""
    stack = list(vectors)
    for ratio in reversed(ratios):
        last = stack.pop()
        stack[-1] = ratio * stack[-1] + (1 - ratio) * last
    (merged,) = stack
    return merged


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_chained_weights_are_a_chain_of_pairwise_merges(ratios):
    vectors = np.random.default_rng(0).normal(size=(len(ratios) + 1, 5))
    weights = chained(ratios)
    np.testing.assert_allclose(np.dot(weights, vectors), merged_pair_by_pair(vectors, ratios), atol=1e-12)
    assert math.fsum(weights) == pytest.approx(1, abs=1e-12)


def test_mka_takes_the_pairs_of_largest_similarity():
    alike = with_adjacent([0.99, 0.2, 0.9, 0.1, 0.8, 0.3])  # pairs 0-1 to 5-6; 0-1 is never taken
    one, two = (plan(7, strategy="mka", remove=k, similarity=alike).groups for k in (1, 2))
    assert [group.layers for group in one] == [(2, 3)]
    assert one[0].weights == pytest.approx((0.9, 0.1))
    assert [group.layers for group in two] == [(2, 3), (4, 5)]
    assert two[1].weights == pytest.approx((0.8, 0.2))
    assert all(group.method == "average" and group.tensors == "all" for group in two)


def test_mka_joins_a_run_of_pairs_into_one_group():
    alike = with_adjacent([0.5, 0.1, 0.6, 0.9, 0.8, 0.2])
    (group,) = plan(7, strategy="mka", remove=3, similarity=alike).groups
    assert group.layers == (2, 3, 4, 5)
    assert group.weights == pytest.approx((0.6, 0.4 * 0.9, 0.4 * 0.1 * 0.8, 0.4 * 0.1 * 0.2))


def test_mka_gives_ties_to_the_later_pair():
    alike = with_adjacent([0.5] * 7)
    assert [g.layers for g in plan(8, strategy="mka", remove=1, similarity=alike).groups] == [(6, 7)]
    assert [g.layers for g in plan(8, strategy="mka", remove=2, similarity=alike).groups] == [(5, 6, 7)]


def test_mka_clips_the_ratio_to_between_0_and_1():
    alike = with_adjacent([0.0, 3.5, -0.2, -4.0], measure="npib-code", bounds=(None, None))
    groups = plan(5, strategy="mka", remove=2, similarity=alike).groups
    assert [(group.layers, group.weights) for group in groups] == [((1, 2, 3), (1.0, 0.0, 0.0))]
    (all_of_them,) = plan(5, strategy="mka", remove=3, similarity=alike).groups
    assert all_of_them.weights == (1.0, 0.0, 0.0, 0.0)


def test_mka_reads_only_the_adjacent_pairs_after_the_first():
    values = np.full((5, 5), math.nan)
    values[range(4), range(1, 5)] = [math.nan, 0.2, 0.9, 0.3]
    assert [g.layers for g in plan(5, strategy="mka", remove=1, similarity=similarity_of(values)).groups] == [(2, 3)]
    values[3, 4] = math.nan
    with pytest.raises(BadInput, match=r"no value for the layers 3-4"):
        plan(5, strategy="mka", remove=1, similarity=similarity_of(values))


@given(st.integers(3, 12), st.data())
def test_mka_removes_as_many_as_asked_for_and_spares_the_first(depth, data):
    values = data.draw(st.lists(st.floats(-1, 2), min_size=depth - 1, max_size=depth - 1))
    remove = data.draw(st.integers(1, depth - 2))
    made = plan(depth, strategy="mka", remove=remove, similarity=with_adjacent(values))
    assert made.removed == remove
    assert made.layer_map[0] == (0,)
    chosen = [layer for group in made.groups for layer in group.layers[:-1]]
    left = [values[layer] for layer in range(1, depth - 1) if layer not in chosen]
    assert len(chosen) == remove and min(values[layer] for layer in chosen) >= max(left, default=-1)


def test_mka_code_has_the_ratios_of_the_official_code():
    found = golden()
    alike = similarity_of(found["npib"], measure="npib-code")
    pairs, ratios = found["fusion_ratio_pairs"], found["fusion_ratios"]
    assert pairs.tolist() == [[layer, layer + 1] for layer in range(7)]
    np.testing.assert_array_equal(
        plan(8, strategy="mka-code", remove=1, similarity=alike).groups[0].weights, ratios[-1]
    )
    for remove in range(1, 8):
        (group,) = plan(8, strategy="mka-code", remove=remove, similarity=alike).groups
        assert group.layers == tuple(range(7 - remove, 8)) and group.tensors == "projections"
        by_pairs = merged_pair_by_pair(np.eye(remove + 1), ratios[7 - remove :, 0])
        np.testing.assert_allclose(group.weights, by_pairs, rtol=0, atol=1e-12)


def test_mka_code_of_equally_similar_layers_is_a_geometric_series():
    a = 1 / (1 + math.exp(-0.5))  # about 0.62
    (group,) = plan(6, strategy="mka-code", remove=3, similarity=similarity_of(np.ones((6, 6)))).groups
    assert group.weights == pytest.approx((a, (1 - a) * a, (1 - a) ** 2 * a, (1 - a) ** 3))


def test_mka_code_refuses_rows_without_a_value_where_it_reads_them():
    values = np.ones((5, 5))
    values[0, 1] = math.nan
    assert plan(5, strategy="mka-code", remove=2, similarity=similarity_of(values)).removed == 2
    values[0, 3] = values[3, 0] = math.nan
    with pytest.raises(BadInput, match=r"layers 2 and 3 no merge ratio"):
        plan(5, strategy="mka-code", remove=2, similarity=similarity_of(values))
    with pytest.raises(BadInput, match=r"no merge ratio"):
        plan(5, strategy="mka-code", remove=2, similarity=similarity_of(np.zeros((5, 5))))


def test_mka_code_bears_row_means_that_almost_cancel():
    values = np.zeros((3, 3))
    values[1], values[2] = 1.0, -1.0 + 1e-9
    (group,) = plan(3, strategy="mka-code", remove=1, similarity=similarity_of(values)).groups
    assert group.weights == (1.0, 0.0)


BI = {"measure": "block-influence", "bounds": (0.0, 2.0), "higher_is_alike": False}


def kept(made):
    return [place for (place,) in made.layer_map]


def test_shortgpt_drops_the_layers_of_least_influence_wherever_they_stand():
    influence = with_adjacent([0.5, 0.1, 0.4, 0.05, 0.3, 0.2], **BI)  # of the layers 1 to 6
    assert [kept(plan(7, strategy="shortgpt", remove=k, similarity=influence)) for k in (1, 2, 3)] == [
        [0, 1, 2, 3, 5, 6],
        [0, 1, 3, 5, 6],
        [0, 1, 3, 5],
    ]
    groups = plan(7, strategy="shortgpt", remove=4, similarity=influence).groups
    assert [(group.method, group.layers) for group in groups] == [("drop", (2,)), ("drop", (4, 5, 6))]


def test_shortgpt_gives_ties_to_the_later_layer_and_spares_the_first():
    assert kept(plan(5, strategy="shortgpt", remove=2, similarity=with_adjacent([0.1] * 4, **BI))) == [0, 1, 2]
    assert kept(plan(5, strategy="shortgpt", remove=4, similarity=with_adjacent([0.1] * 4, **BI))) == [0]


def test_shortgpt_reads_a_similarity_the_other_way_round():
    alike = with_adjacent([0.5, 0.9, 0.6, 0.95, 0.7, 0.8])
    assert kept(plan(7, strategy="shortgpt", remove=2, similarity=alike)) == [0, 1, 3, 5, 6]


def distances(depth, **pairs):
    """All at distance 1 but the pairs named as a1_3=0.2: the outputs of the layers 1 and 3 are 0.2 apart."""
    values = np.ones((depth, depth))
    for name, value in pairs.items():
        first, last = map(int, name[1:].split("_"))
        values[first, last] = values[last, first] = value
    return similarity_of(values, measure="angular", higher_is_alike=False)


def test_angular_drops_the_block_whose_input_and_output_are_nearest():
    apart = distances(7, a1_3=0.2, a3_5=0.1, a2_3=0.05, a0_3=0.4)
    assert kept(plan(7, strategy="angular", remove=1, similarity=apart)) == [0, 1, 2, 4, 5, 6], (
        "from 2 to 3 layer 3 goes"
    )
    assert kept(plan(7, strategy="angular", remove=2, similarity=apart)) == [0, 1, 2, 3, 6], "from 3 to 5 go 4 and 5"
    assert kept(plan(7, strategy="angular", remove=3, similarity=apart)) == [0, 4, 5, 6]
    assert kept(plan(7, strategy="angular", remove=6, similarity=apart)) == [0]


def test_angular_gives_ties_to_the_later_block():
    assert kept(plan(7, strategy="angular", remove=2, similarity=distances(7))) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("strategy", ["shortgpt", "angular"])
def test_what_has_no_value_cannot_be_ranked(strategy):
    with pytest.raises(BadInput, match=r"no value for the layers 1-2; use another measure"):
        plan(4, strategy=strategy, remove=1, similarity=with_adjacent([0.1, math.nan, 0.3], **BI))
    with pytest.raises(BadInput, match=f"the strategy {strategy} needs a similarity"):
        plan(4, strategy=strategy, remove=1)


def test_truncate_drops_the_last_layers():
    assert plan(6, strategy="truncate", remove=2).layer_map == ((0,), (1,), (2,), (3,))
    assert truncate(6, 2).key == plan(6, strategy="truncate", remove=2).key
    assert truncate(6, 5).layer_map == ((0,),)


def test_drop_keep_last_spares_the_last():
    assert drop_keep_last(6, 2).layer_map == ((0,), (1,), (2,), (5,))
    assert drop_keep_last(6, 5).layer_map == ((5,),)


@pytest.mark.parametrize("remove", [0, -1, 6, 7, 2.0, True, "2"])
@pytest.mark.parametrize("control", [truncate, drop_keep_last])
def test_a_number_of_layers_that_cannot_be_removed_is_refused(control, remove):
    with pytest.raises(BadInput, match="can remove 1 to 5 of 6 layers"):
        control(6, remove)


@pytest.mark.parametrize(
    ("name", "most"), [("mka", 4), ("mka-code", 5), ("truncate", 5), ("shortgpt", 5), ("angular", 5)]
)
def test_each_strategy_removes_at_most_what_it_can(name, most):
    alike = with_adjacent([0.5] * 5)
    assert plan(6, strategy=name, remove=most, similarity=alike).removed == most
    for wrong in (0, most + 1):
        with pytest.raises(BadInput, match=f"{name} can remove 1 to {most} of 6 layers, not {wrong}"):
            plan(6, strategy=name, remove=wrong, similarity=alike)


def test_a_model_too_shallow_for_a_strategy_is_refused():
    with pytest.raises(BadInput, match="mka can remove no layer of a model of 2"):
        plan(2, strategy="mka", remove=1, similarity=with_adjacent([0.5]))


def test_every_strategy_says_what_it_does():
    assert list(STRATEGIES) == ["mka", "mka-code", "truncate", "shortgpt", "angular"]
    assert all(strategy.sentence.endswith(".") for strategy in STRATEGIES.values())
