from __future__ import annotations

import pytest

from mka.errors import BadInput
from mka.planning.difference import differing_layers
from mka.planning.planner import plan


def differing(one, other):
    return differing_layers(plan(8, groups=one), plan(8, groups=other))


def test_plans_differ_where_a_layers_group_does():
    assert differing([[1, 2, 3]], [[1, 2], [5, 6]]) == (1, 2, 3, 5, 6)
    assert differing([[1, 2], [5, 6]], [[1, 2]]) == (5, 6)
    assert differing([[1, 2]], [[1, 2]]) == differing([], []) == ()


def test_a_weight_counts_layer_by_layer():
    half = {"layers": [1, 2, 3], "weights": [0.5, 0.3, 0.2]}
    assert differing([half], [{"layers": [1, 2, 3], "weights": [0.5, 0.2, 0.3]}]) == (2, 3)
    assert differing([half], [{"layers": [1, 2, 3], "weights": [0.5, 0.3 + 1e-9, 0.2 - 1e-9]}]) == ()


@pytest.mark.parametrize(
    "other",
    [
        {"layers": [1, 2], "method": "drop"},
        {"layers": [1, 2], "method": "keep", "layer": 1},
        {"layers": [1, 2], "tensors": "projections"},
        {"layers": [1, 2], "experts": "by-index"},
        {"layers": [1, 2], "method": "slerp"},
        {"layers": [1, 2], "method": "rdsc"},
        {"layers": [1, 2], "kinds": {"mlp": [0.4, 0.6]}},
    ],
)
def test_the_way_of_merging_counts(other):
    assert differing([[1, 2]], [other]) == (1, 2) and differing([other], [other]) == ()


def test_a_survivor_counts():
    one, other = ({"layers": [1, 2], "method": "keep", "layer": layer} for layer in (1, 2))
    assert differing([one], [other]) == (1, 2)


def test_plans_of_two_depths_are_not_compared():
    with pytest.raises(BadInput, match="for 8 and 6 layers"):
        differing_layers(plan(8, groups=[]), plan(6, groups=[]))
