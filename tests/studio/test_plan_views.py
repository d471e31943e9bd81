"""What the Plan page's panels say and understand, without a page."""

from __future__ import annotations

from mka.figures.plan_ruler import LOWER, UPPER, mark_id
from mka.objects.plan import MergeGroup, MergePlan
from mka.studio.plan.ruler_view import as_csv, place_of, selection
from mka.studio.plan.strategy_view import deeds
from mka.studio.selection.state import StudioState

PLAN = MergePlan(6, (MergeGroup((1, 2), (0.75, 0.25)), MergeGroup((4,), method="drop")))


def mark(x: float, y: float, customdata: str | None = None) -> dict[str, object]:
    return {"x": x, "y": y, "customdata": customdata, "curve": 0}


def test_a_block_is_chosen_by_pointer_or_by_key():
    assert place_of(PLAN, mark(2.3, 1.2)) == (UPPER, 2)
    assert place_of(PLAN, mark(2.3, 0.2)) == (LOWER, 1), "four layers below begin one to the right"
    assert place_of(PLAN, mark(0.2, 0.2)) is None
    assert place_of(PLAN, mark(0.0, 0.6, mark_id(LOWER, 3))) == (LOWER, 3)


def test_one_picked_layer_is_framed_as_a_block_is():
    state = StudioState.start(6)
    assert selection(state) == ()
    assert selection(state.toggle_layer(3)) == ((3,),)
    assert selection(state.toggle_layer(3).toggle_layer(5)) == ((3, 5),)


def test_the_ruler_as_a_table():
    assert as_csv(PLAN).splitlines() == [
        "layer,group,method,share of the merged layer,new layer",
        "0,,,1.0,0",
        "1,1,average,0.75,1",
        "2,1,average,0.25,1",
        "3,,,1.0,2",
        "4,2,drop,0.0,",
        "5,,,1.0,3",
    ]


def test_a_plan_in_one_line():
    assert deeds(PLAN) == "Merges 1–2; drops 4"
    assert deeds(MergePlan(6, (MergeGroup((0, 1), method="keep", layer=1),))) == "Keeps one of 0–1"
    assert deeds(MergePlan(6)) == "Leaves every layer"
