"""The plan ruler on the screen: what a click on a block and a drag over several mean, its numbers as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import plotly.graph_objects as go
import streamlit as st

from mka.figures import takeaways
from mka.figures.plan_ruler import LOWER, UPPER, group_at, mark_at, mark_of, plan_ruler, proposed_ruler, shares
from mka.objects.plan import MergePlan
from mka.studio.parts import widgets
from mka.studio.plan.plan_editor import choose_group, chosen_group
from mka.studio.plan.repair_view import plan_sentence
from mka.studio.selection.naming import listed
from mka.studio.selection.state import StudioState
from mka.studio.visits import session

HEADER = ("layer", "group", "method", "share of the merged layer", "new layer")
ROWS = "Click blocks of the upper row, or drag over them, to propose a group"


def ruler() -> None:
    """The present plan, with what is selected framed by dashes; a group's merged layer selects the group."""
    state = session.state()
    _draw(state, None, _hold, "click a coloured block of the lower row to select its group.")
    if state.plan.groups:
        st.page_link("pages/plan.py", label="Edit its groups on the Plan page", icon=":material/call_merge:")


def edited_ruler() -> None:
    """The same; where nothing is selected, the group that is edited is framed, and a merged layer opens its group."""
    state = session.state()
    chosen = None if state.selected else chosen_group()
    _draw(state, chosen, choose_group, "click a coloured block of the lower row to edit its group.")


def _hold(group: int) -> None:
    choose_group(group)  # the one that the Plan page opens with
    session.act(lambda now: now.hold_group(group))


def _draw(state: StudioState, chosen: int | None, on_group: Callable[[int], None], below: str) -> None:
    """Of the present plan, or, while a strategy proposes a whole one, of that; below: what a click on the lower row of
    the present plan does."""
    proposal, theme = state.proposal, session.theme()
    if proposal is None:
        figure = plan_ruler(state.plan, theme, candidates=selection(state), chosen=chosen)
        _chart(figure, takeaways.of_plan(state.plan), on_group)
        plan_sentence(state.plan)
        st.caption(f"A block is filled as far as its layer's weight goes. {ROWS}; {below}")
    else:
        figure, takeaway = proposed_ruler(proposal, theme), proposed_words(state, proposal)
        _chart(figure, takeaway, on_group)
        st.text(takeaway)
        st.caption(f"Dashed, since it is only proposed. {ROWS} by hand instead.")
    widgets.take_away(figure, "plan-ruler", lambda: as_csv(proposal or state.plan))


def _chart(figure: go.Figure, takeaway: str, on_group: Callable[[int], None]) -> None:
    widgets.chart(figure, "plan", takeaway, on_click=lambda mark: click(mark, on_group), on_range=drag)


def proposed_words(state: StudioState, proposal: MergePlan) -> str:
    """What a strategy proposes, and what of the plan it replaces."""
    gone = listed(group.layers for group in state.displaced)
    instead = f" It replaces the present plan: {gone}." if gone else ""
    return f"Proposed by {proposal.provenance.strategy}, {takeaways.of_plan(proposal)}{instead}"


def selection(state: StudioState) -> tuple[tuple[int, ...], ...]:
    """The blocks to frame by dashes: of each candidate, or the one picked layer."""
    return state.candidate_layers or ((state.selected,) if state.selected else ())


def click(mark: widgets.Mark, on_group: Callable[[int], None]) -> None:
    """A source layer goes into the selection or out of it; `on_group` is told of a merged layer's group."""
    state = session.state()
    plan = state.proposal or state.plan
    place = place_of(plan, mark)
    if place is None:
        return
    row, index = place
    group = group_at(plan, index) if row == LOWER else None
    if row == UPPER:
        session.act(lambda now: now.toggle_layer(index))
    elif group is None:
        session.refuse(f"New layer {index} is layer {plan.layer_map[index][0]} as it was: it is in no group.")
    elif state.proposal is not None:
        session.refuse(f"New layer {index} is only proposed: use the proposal as the plan first.")
    else:
        on_group(group)


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
