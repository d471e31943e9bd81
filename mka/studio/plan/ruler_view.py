"""The plan ruler on the screen: what a click on a block and a drag over several mean, its numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mka.figures import takeaways
from mka.figures.plan_ruler import UPPER, group_at, mark_at, mark_of, plan_ruler, shares
from mka.objects.plan import MergePlan
from mka.studio.parts import widgets
from mka.studio.plan.plan_editor import choose_group, chosen_group
from mka.studio.selection.state import StudioState
from mka.studio.visits import session

HEADER = ("layer", "group", "method", "share of the merged layer", "new layer")


def ruler() -> None:
    """The present plan, with what is selected framed by dashes and the group that is edited framed."""
    state = session.state()
    takeaway = takeaways.of_plan(state.plan)
    figure = plan_ruler(state.plan, session.theme(), candidates=selection(state), chosen=chosen_group())
    widgets.chart(figure, "plan", takeaway, on_click=click, on_range=drag)
    st.text(takeaway)
    st.caption(
        "A block is filled as far as its layer's weight goes. Click blocks of the upper row, or drag over them, to "
        "propose a group; click a coloured block of the lower row to edit its group."
    )
    widgets.take_away(figure, "plan-ruler", lambda: as_csv(state.plan))


def selection(state: StudioState) -> tuple[tuple[int, ...], ...]:
    """The blocks to frame by dashes: of each candidate, or the one picked layer."""
    return state.candidate_layers or ((state.selected,) if state.selected else ())


def click(mark: widgets.Mark) -> None:
    """A source layer goes into the selection or out of it; a merged layer opens its group."""
    plan = session.state().plan
    place = place_of(plan, mark)
    if place is None:
        return
    row, index = place
    if row == UPPER:
        session.act(lambda now: now.toggle_layer(index))
        return
    group = group_at(plan, index)
    if group is None:
        session.refuse(f"New layer {index} is layer {plan.layer_map[index][0]} as it was: it is in no group.")
    else:
        choose_group(group)


def place_of(plan: MergePlan, mark: widgets.Mark) -> tuple[str, int] | None:
    """The (row, index) of the block that was chosen: by key it is named, by pointer it is where the pointer is."""
    given = mark["customdata"]
    return mark_of(given) if isinstance(given, str) else mark_at(plan, mark["x"], mark["y"])


def drag(first: widgets.Mark, last: widgets.Mark) -> None:
    """The layers from one block to another are proposed as one group."""
    session.act(lambda now: now.drag_range(round(first["x"]), round(last["x"])))


def as_csv(plan: MergePlan) -> str:
    """The ruler as a table."""
    return widgets.csv_text(HEADER, layer_rows(plan))


def layer_rows(plan: MergePlan) -> Sequence[Sequence[object]]:
    """By source layer, under HEADER: its group, counted from 1, its share there, and the merged model's layer that it
    goes into; empty where there is none."""
    new = {layer: place for place, layers in enumerate(plan.layer_map) for layer in layers}
    members = {
        layer: (number, group.method, share)
        for number, group in enumerate(plan.groups, 1)
        for layer, share in zip(group.layers, shares(group), strict=True)
    }
    stays = ("", "", 1.0)
    return [[layer, *members.get(layer, stays), new.get(layer, "")] for layer in range(plan.depth)]
