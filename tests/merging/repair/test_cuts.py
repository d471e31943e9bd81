"""Which source layer's output should leave each place, worked out by hand."""

from __future__ import annotations

import pytest

from mka.errors import BadInput
from mka.merging.repair.cuts import Place, places_of
from mka.objects.plan import MergeGroup, MergePlan


def targets(plan):
    return [(place.target, place.changed) for place in places_of(plan)]


def drop(*layers):
    return MergeGroup(layers, method="drop")


def test_deleted_layers_are_owed_by_the_one_before():
    assert targets(MergePlan(6, (drop(2, 3), drop(5)))) == [(0, False), (3, True), (5, True)]
    assert places_of(MergePlan(3, (drop(1),)))[1] == Place(
        number=1, target=2, changed=False, first=2, gone=(), alone=True
    )


def test_a_merged_layer_stands_for_its_group():
    plan = MergePlan(6, (MergeGroup((1, 2), (0.5, 0.5)), MergeGroup((4, 5), method="keep", layer=5)))
    assert targets(plan) == [(0, False), (2, True), (3, False), (5, True)]


def test_layers_inside_a_group_with_a_gap_keep_their_own_target():
    assert targets(MergePlan(5, (MergeGroup((1, 3), (0.5, 0.5)),))) == [(0, False), (1, True), (3, True), (4, False)]


def test_what_is_gone():
    plan = MergePlan(8, (MergeGroup((1, 2), (0.5, 0.5)), drop(3), MergeGroup((5, 6), method="keep", layer=6)))
    assert [place.gone for place in places_of(plan)] == [(), (3,), (), (5,), ()]
    assert [place.first for place in places_of(plan)] == [0, 1, 4, 5, 7]


def test_an_empty_plan_changes_nothing():
    assert targets(MergePlan(3)) == [(0, False), (1, False), (2, False)]


def test_nothing_stands_before_a_first_layer_that_is_dropped():
    with pytest.raises(BadInput, match="layers 0 to 1 are dropped and nothing stands before"):
        places_of(MergePlan(5, (drop(0, 1),)))
