"""Which two layers stand for a selection."""

from __future__ import annotations

import pytest

from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.studio.selection.ends import ends
from mka.studio.selection.regroup import equal_group
from mka.studio.selection.state import StudioState

START = StudioState.start(6)


def proposed(*groups: MergeGroup) -> StudioState:
    return START.propose(MergePlan(6, groups, provenance=Provenance("by a strategy")))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (START, None),
        (START.pick_layer(2), (2, 3)),
        (START.pick_layer(5), (4, 5)),
        (StudioState.start(1).pick_layer(0), (0, 0)),
        (START.toggle_layer(1).toggle_layer(4), (1, 4)),
        (proposed(equal_group((1, 2)), equal_group((3, 4, 5))), (1, 2)),
        (proposed(MergeGroup((0,), method="drop"), equal_group((2, 3, 4))), (2, 4)),
        (proposed(MergeGroup((5,), method="drop")), (4, 5)),
        (proposed(MergeGroup((1,), method="drop"), MergeGroup((4,), method="drop")), (1, 4)),
    ],
)
def test_the_ends_of_a_selection(now: StudioState, expected: tuple[int, int] | None):
    assert ends(now) == expected
