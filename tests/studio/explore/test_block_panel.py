"""The panel beside a picture: its fields follow the selection, and its card says what is selected and what to do."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.studio.selection.state import StudioState
from mka.studio.visits import session


def page() -> None:
    """A page that holds the panel alone."""
    import streamlit as st

    from mka.objects.plan import Provenance
    from mka.studio.explore import block_panel
    from mka.studio.visits import session
    from mka.studio.visits.visit import Visit
    from tests.studio.builders import a_desk

    if session.VISIT not in st.session_state:
        visit = Visit()
        visit.open(a_desk(6))
        st.session_state[session.VISIT] = visit
    block_panel.propose_block(Provenance("manual", "npib", 0, "key", ("h1",)))
    block_panel.selection_card()
    block_panel.plan_card()


@pytest.fixture
def at() -> AppTest:
    return AppTest.from_function(page).run()


def state(at: AppTest) -> StudioState:
    found: StudioState = at.session_state[session.VISIT].state
    return found


def put(at: AppTest, now: StudioState) -> AppTest:
    """What a click on a picture does: the state is another one in the next run."""
    at.session_state[session.VISIT].state = now
    at.run()
    assert not at.exception
    return at


def fields(at: AppTest) -> list[int]:
    return [int(one.value) for one in at.number_input]


def identities(at: AppTest) -> list[str]:
    """A widget of another identity is a new one in the browser, where it has lost the keyboard's focus."""
    return [one.id for one in at.number_input] + [one.id for one in at.button if one.label == "Propose"]


def press(at: AppTest, label: str) -> AppTest:
    next(one for one in at.button if one.label == label).click().run()
    assert not at.exception
    return at


def test_the_fields_follow_the_selection_and_stay_the_same_fields(at: AppTest):
    assert fields(at) == [0, 1]
    before = identities(at)
    assert len(before) == 3
    assert fields(put(at, state(at).click_cell(2, 4))) == [2, 4]
    assert fields(put(at, state(at).toggle_layer(5))) == [2, 5]
    assert fields(put(at, state(at).add_candidate())) == [2, 5], "without a selection they keep what they held"
    assert fields(put(at, state(at).pick_layer(5))) == [4, 5]
    assert fields(put(at, state(at).undo().undo())) == [2, 5]
    assert identities(at) == before


def test_what_is_typed_is_kept_while_the_selection_stays(at: AppTest):
    put(at, state(at).click_cell(2, 4))
    at.number_input[1].set_value(3)
    press(at, "Propose")
    assert state(at).candidate_layers == ((2, 3),) and fields(at) == [2, 3]
    press(at, "Propose")
    assert state(at).candidate_layers == ((2, 3),), "pressing Propose twice must not add"
    assert len(state(at).past) == 2, "and is no step to go back over"
    assert state(at).origin.text_hashes == ("h1",)
    at.number_input[0].set_value(3)
    press(at, "Propose")
    assert state(at).refusal and state(at).candidate_layers == ((2, 3),)
    assert fields(at) == [3, 3], "what was refused stands there to be corrected"


def test_one_layer_alone_says_what_to_do_next(at: AppTest):
    put(at, state(at).pick_layer(3))
    assert [one.value for one in at.text] == ["Layer 3 is one end of a block: choose the layer at its other end."]
    assert [one.label for one in at.button] == ["Propose", "Drop", "Clear"]
    press(at, "Drop")
    assert state(at).selected == () and not at.text


def test_a_proposal_says_what_it_saves_and_what_it_takes_out(at: AppTest):
    put(at, state(at).click_cell(0, 1).add_candidate().click_cell(3, 4).add_candidate().click_cell(1, 3))
    texts = [one.value for one in at.text]
    assert texts[:3] == [
        "Layers 1–3 become one",
        "As many layers as now: 4 of 6 stay.",
        "It takes the place of the planned groups 0–1, 3–4.",
    ]
    press(at, "Add to plan")
    assert [group.layers for group in state(at).plan.groups] == [(1, 2, 3)]
    assert "Layers 1–3 are in the plan now, in the place of 0–1, 3–4." in [one.value for one in at.caption]


def test_a_strategys_proposal_is_used_as_the_plan(at: AppTest):
    proposal = MergePlan(6, (MergeGroup((4, 5), (), "drop"),), provenance=Provenance("truncate"))
    put(at, state(at).propose(proposal))
    assert fields(at) == [4, 5]
    press(at, "Use as plan")
    assert state(at).plan.groups == proposal.groups


def test_what_cannot_be_is_said_and_cannot_be_added(at: AppTest):
    types = ("full", "full", "sliding", "sliding", "full", "full")
    put(at, StudioState(state(at).plan, layer_types=types, shape_classes=(0,) * 6).click_cell(1, 2))
    assert any("layer 1 is full and layer 2 is sliding" in one.value for one in at.text)
    assert next(one for one in at.button if one.label == "Add to plan").disabled


def test_a_group_is_taken_out_where_it_is_listed(at: AppTest):
    put(at, state(at).click_cell(0, 1).add_candidate().click_cell(3, 4).add_candidate())
    assert [one.label for one in at.button].count("Remove") == 2
    press(at, "Remove")
    assert [group.layers for group in state(at).plan.groups] == [(3, 4)]
    press(at, "Clear")
    assert state(at).plan.groups == ()


def test_where_nothing_is_selected_the_plan_and_the_next_step_stand_there(at: AppTest):
    put(at, state(at).click_cell(0, 1).add_candidate())
    assert at.text[0].value.startswith("6 → 5 layers, ")
    assert [one.label for one in at.button] == ["Propose", "Evaluate this plan", "Remove", "Clear"]


def test_a_group_of_the_plan_that_is_clicked_can_be_taken_out_or_let_go(at: AppTest):
    put(at, state(at).click_cell(0, 1).add_candidate().click_cell(0, 1))
    assert [one.label for one in at.button] == ["Propose", "Remove from plan", "Let go", "Remove", "Clear"]
    assert at.text[0].value == "Layers 0–1 become one"
    press(at, "Let go")
    assert state(at).selected == () and len(state(at).plan.groups) == 1
    put(at, state(at).click_cell(0, 1))
    press(at, "Remove from plan")
    assert state(at).plan.groups == () and state(at).candidate_layers == ((0, 1),), "it stays proposed"
    assert state(at).undo().plan.groups[0].layers == (0, 1)
