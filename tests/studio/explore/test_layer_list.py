"""The layers as a table: what each row says, what a gesture on it does, and that each gesture counts once."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.studio.explore.layer_list import Gesture, as_csv, rows, transition
from mka.studio.selection.state import StudioState
from mka.studio.visits import session
from tests.studio.builders import NASTY, a_similarity, a_summary, sure

SEEN = Provenance("manual", "npib", 0, "key", ("h1",))
PLANNED = StudioState(
    MergePlan(
        8,
        (
            MergeGroup((0, 1), (0.5, 0.5)),
            MergeGroup((3, 4), (), "keep", layer=4),
            MergeGroup((6,), (), "drop"),
        ),
    )
)


def gesture(kind: str, layer: int, begun: int | None = None) -> Gesture:
    return Gesture(kind, layer, layer if begun is None else begun)


def after(state: StudioState, *gestures: Gesture) -> StudioState:
    for one in gestures:
        state = transition(state, one, SEEN)
    return state


def test_a_row_says_what_a_layer_is_and_what_becomes_of_it():
    summary = a_summary(8)
    odd = replace(summary.per_layer[2], type=f"sliding_attention {NASTY}", parameters=2_470_000)
    summary = replace(summary, per_layer=(*summary.per_layer[:2], odd, *summary.per_layer[3:]))
    table = rows(summary, sure(a_similarity(8)), PLANNED.click_cell(4, 5))
    assert [one.layer for one in table] == list(range(8))
    assert [one.group for one in table] == [1, 1, None, 2, 2, None, 3, None]
    assert [one.selected for one in table] == [False] * 4 + [True] * 2 + [False] * 2
    assert [one.place for one in table] == [
        "in group 1",
        "in group 1",
        "stays",
        "in group 2, removed",
        "proposed, in group 2, kept",
        "proposed",
        "in group 3, dropped",
        "stays",
    ]
    assert (table[2].type, table[2].parameters) == (f"sliding attention {NASTY}", 2_470_000)
    # Neighbours are exp(-1) alike, the last pair 0.9; the error of a pair (l, l + 1) is 0.01 (2 l + 1).
    assert [one.likeness for one in table[:2]] == ["0.368 ± 0.010", "0.368 ± 0.030"]
    assert [one.likeness for one in table[-2:]] == ["0.900 ± 0.130", "–"]


def test_a_value_or_an_error_that_is_missing_is_not_made_up():
    values = a_similarity(3).values
    values[0, 1] = values[1, 0] = math.nan
    table = rows(a_summary(3), replace(a_similarity(3), values=values), StudioState.start(3).toggle_layer(2))
    assert [one.likeness for one in table] == ["–", "0.900", "–"]
    assert [one.place for one in table] == ["stays", "stays", "selected"]
    assert rows(a_summary(1), a_similarity(1), StudioState.start(1))[0].likeness == "–"


def test_the_table_as_csv():
    lines = as_csv(rows(a_summary(3), sure(a_similarity(3)), StudioState.start(3)), "npib").splitlines()
    assert lines[0] == "layer,type,parameters,npib to the next layer,standard error,place"
    cells = [line.split(",") for line in lines[1:]]
    assert [float(row[3]) for row in cells[:2]] == pytest.approx([math.exp(-1), 0.9])
    assert [float(row[4]) for row in cells[:2]] == pytest.approx([0.01, 0.03])
    assert cells[2] == ["2", "full attention", "100", "", "", "stays"]


def test_space_puts_layers_into_the_selection_and_out():
    assert after(PLANNED, gesture("toggle", 5), gesture("toggle", 7)).selected == (5, 7)
    assert after(PLANNED, gesture("toggle", 5), gesture("toggle", 7), gesture("toggle", 5)).selected == (7,)
    assert after(PLANNED, gesture("toggle", 5)).origin == SEEN


def test_a_range_is_a_block_and_shrinks_to_where_it_began():
    grown = after(PLANNED, gesture("range", 3, 2), gesture("range", 4, 2))
    assert grown.candidate_layers == ((2, 3, 4),) and grown.origin == SEEN
    alone = after(grown, gesture("range", 3, 2), gesture("range", 2, 2))
    assert alone.selected == (2,) and alone.candidate == ()
    assert after(alone, gesture("range", 2, 2)) == alone
    assert after(grown, gesture("range", 4, 2)).plan == PLANNED.plan, "a range never adds"


def test_enter_begins_a_block_ends_it_and_adds_it():
    begun = after(StudioState.start(8), gesture("enter", 5))
    assert begun.selected == (5,)
    proposed = after(begun, gesture("enter", 2))
    assert proposed.candidate_layers == ((2, 3, 4, 5),) and proposed.plan.groups == ()
    added = after(proposed, gesture("enter", 7))
    assert [group.layers for group in added.plan.groups] == [(2, 3, 4, 5)] and added.selected == ()


def test_delete_takes_the_rows_group_out():
    assert [group.layers for group in after(PLANNED, gesture("remove", 4)).plan.groups] == [(0, 1), (6,)]
    refused = after(PLANNED, gesture("remove", 5))
    assert refused.refusal == "Layer 5 is in no group of the plan." and refused.plan == PLANNED.plan


def test_escape_drops_the_selection():
    assert after(PLANNED, gesture("toggle", 5), gesture("drop", 0)).selected == ()


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "toggle",
        {},
        {"kind": "toggle", "layer": 1},
        {"kind": "explode", "layer": 1, "from": 1, "number": 2.0},
        {"kind": "toggle", "layer": True, "from": 1, "number": 2.0},
        {"kind": "toggle", "layer": 1.5, "from": 1, "number": 2.0},
        {"kind": "range", "layer": 1, "from": None, "number": 2.0},
        {"kind": ["toggle"], "layer": 1, "from": 1, "number": 2.0},
    ],
)
def test_what_is_no_gesture_is_none(raw):
    assert Gesture.read(raw) is None


def page() -> None:
    """A page that holds the list alone."""
    import streamlit as st

    from mka.objects.plan import Provenance
    from mka.studio.explore.layer_list import layer_list
    from mka.studio.visits import session
    from mka.studio.visits.visit import Visit
    from tests.studio.builders import NASTY, a_desk, a_similarity

    if session.VISIT not in st.session_state:
        visit = Visit()
        visit.open(a_desk(6, NASTY))
        st.session_state[session.VISIT] = visit
    layer_list(session.desk(), a_similarity(6), Provenance("manual", "npib", 0, "key", ("h1",)), "layer-list")


def told(at: AppTest, *gestures: Any) -> dict[str, Any]:
    """Tell the list of gestures as its script in the browser does; returns what it is given to draw then."""
    drawn = at.get("bidi_component")[0].proto
    states = at._tree.get_widget_states()
    heard = states.widgets.add()
    heard.id = f"$$STREAMLIT_INTERNAL_KEY_{drawn.id}__events"
    heard.json_trigger_value = json.dumps([{"event": "gestures", "value": list(gestures)}])
    at._run(states)
    assert not at.exception
    return dict(json.loads(at.get("bidi_component")[0].proto.json))


def test_gestures_reach_the_plan_each_once_and_bad_ones_do_nothing():
    at = AppTest.from_function(page).run()
    assert not at.exception
    toggles = [{"kind": "toggle", "layer": layer, "from": layer, "number": layer + 0.5} for layer in (2, 4)]
    shown = told(at, toggles[0])
    assert [row["selected"] for row in shown["rows"]] == [False, False, True, False, False, False]
    shown = told(at, *toggles)
    assert at.session_state[session.VISIT].state.selected == (2, 4), "the first was heard before"
    assert shown["heard"] == 4.5
    unnumbered = [{"kind": "toggle", "layer": 1, "from": 1, **number} for number in ({}, {"number": "9"})]
    told(at, "nonsense", *unnumbered, {"kind": "toggle", "layer": 99, "from": 99, "number": 6})
    assert at.session_state[session.VISIT].state.selected == (2, 4)
    assert at.session_state[session.VISIT].state.refusal == "This model has no layer 99."
    shown = told(at, {"kind": "enter", "layer": 4, "from": 4, "number": 7})
    assert [row["colour"] for row in shown["rows"]] == [None, None, "#D55E00", None, "#D55E00", None]
    assert at.session_state[session.VISIT].state.plan.provenance.text_hashes == ("h1",)


def test_the_list_is_given_texts_and_a_name():
    at = AppTest.from_function(page).run()
    drawn = json.loads(at.get("bidi_component")[0].proto.json)
    assert drawn["label"] == "The 6 layers" and "Space selects a layer" in drawn["hint"]
    assert drawn["headers"] == ["Layer", "In the plan", "NPIB to the next", "Type", "Parameters"]
    assert drawn["rows"][4] == {
        "cells": ["4", "stays", "0.900", "full attention", "100"],
        "selected": False,
        "colour": None,
    }
    assert all(isinstance(cell, str) for row in drawn["rows"] for cell in row["cells"])
    assert drawn["heard"] == 0
