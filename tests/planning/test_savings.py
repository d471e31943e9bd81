from __future__ import annotations

import pytest

from mka.errors import BadInput
from mka.planning.planner import plan
from mka.planning.savings import savings
from tests.planning.builders import summary_of

SUMMARY = summary_of([10, 20, 30, 40, 50])


def saved(*groups):
    return savings(SUMMARY, plan(5, groups=groups))


def test_a_dropped_layer_takes_its_parameters_along():
    found = saved({"layers": [1, 3], "method": "drop"})
    assert found.layers == (5, 3)
    assert found.parameters == (1150, 1150 - 20 - 40)
    assert found.bytes == (2300, 2 * (1150 - 20 - 40))
    assert found.cache_bytes_per_token == (320, 192)
    assert found.compression_ratio == pytest.approx(2 / 5)
    assert found.parameter_ratio == pytest.approx(60 / 1150)


def test_an_average_weighs_one_of_its_layers_and_a_survivor_what_it_weighed():
    assert saved([1, 2, 3]).parameters[1] == 1150 - 30 - 40
    assert saved({"layers": [1, 2], "method": "keep", "layer": 2}).parameters[1] == 1150 - 20


def test_a_plan_of_no_groups_saves_nothing():
    found = saved()
    assert found.parameters[0] == found.parameters[1] and found.compression_ratio == 0 == found.parameter_ratio


def test_a_plan_for_another_depth_is_refused():
    with pytest.raises(BadInput, match="for 4 layers, but the model has 5"):
        savings(SUMMARY, plan(4, groups=[[1, 2]]))
