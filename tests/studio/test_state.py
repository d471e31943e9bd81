"""The studio's state without a browser: every transition, and that refusals change nothing but the message."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.studio.state import StudioState, one_line


def start(depth: int = 12) -> StudioState:
    return StudioState.start(depth, fingerprint="abc", source="demo")


def test_first_click_proposes_and_second_adds():
    proposed = start().click_cell(3, 5)
    assert proposed.candidate_layers == ((3, 4, 5),)
    assert proposed.plan.groups == ()
    added = proposed.click_cell(3, 5)
    assert [group.layers for group in added.plan.groups] == [(3, 4, 5)]
    assert added.plan.groups[0].weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert added.candidate == ()


def test_the_mirror_cell_is_the_same_block():
    assert start().click_cell(5, 3).click_cell(3, 5).plan.groups[0].layers == (3, 4, 5)


def test_another_cell_moves_the_candidate():
    assert start().click_cell(1, 2).click_cell(6, 7).candidate_layers == ((6, 7),)


@pytest.mark.parametrize(("row", "column"), [(4, 4), (-1, 2), (3, 12)])
def test_no_block_is_refused_in_words(row: int, column: int):
    before = start().click_cell(1, 2)
    after = before.click_cell(row, column)
    assert after.message is not None and after.message.refused
    assert (after.plan, after.candidate) == (before.plan, before.candidate)


def test_an_overlapping_block_takes_the_place_of_the_group_it_meets():
    one = start().click_cell(1, 2).add_candidate().click_cell(4, 6).add_candidate()
    two = one.click_cell(6, 8)
    assert [group.layers for group in two.displaced] == [(4, 5, 6)]
    assert two.plan == one.plan and two.with_candidate is not None
    three = two.click_cell(6, 8)
    assert [group.layers for group in three.plan.groups] == [(1, 2), (6, 7, 8)]
    assert three.plan == two.with_candidate
    assert three.undo().plan == one.plan


def test_layers_that_cannot_be_averaged_are_refused_at_once():
    state = replace(start(4), layer_types=("full_attention",) * 4, shape_classes=(0, 0, 1, 1))
    refused = state.click_cell(1, 2)
    assert refused.refusal and refused.with_candidate is None and refused.candidate_layers == ((1, 2),)
    assert refused.add_candidate().plan == state.plan
    assert state.click_cell(2, 3).with_candidate is not None


def test_a_block_chosen_on_a_picture_names_the_texts_behind_it():
    seen = Provenance("manual", "npib", 0, "key", ("h1", "h2"))
    plan = start().click_cell(1, 2, seen).add_candidate().plan
    assert plan.provenance == seen
    other = Provenance("manual", "cosine", 0, "other", ("h2", "h3"))
    both = StudioState(plan).click_cell(4, 5, other).add_candidate().plan.provenance
    assert both.text_hashes == ("h1", "h2", "h3") and both.calibration_key is None
    blind = StudioState(plan).click_cell(4, 5).add_candidate().plan.provenance
    assert blind.text_hashes == ("h1", "h2") and blind.calibration_key == "key"


def test_add_without_candidate_is_refused():
    assert start().add_candidate().message.refused


def test_remove_clear_undo_redo():
    two = start().click_cell(1, 2).add_candidate().click_cell(4, 6).add_candidate()
    assert [g.layers for g in two.plan.groups] == [(1, 2), (4, 5, 6)]
    one = two.remove_group(0)
    assert [g.layers for g in one.plan.groups] == [(4, 5, 6)]
    assert one.undo().plan == two.plan
    assert one.undo().redo().plan == one.plan
    assert two.clear().plan.groups == ()
    assert two.clear().undo().plan == two.plan
    assert two.remove_group(9).message.refused
    assert start().clear().message.refused
    assert start().undo().message.refused and start().redo().message.refused


def test_a_new_change_forgets_redo():
    undone = start().click_cell(1, 2).add_candidate().undo()
    assert undone.future
    assert undone.click_cell(3, 4).add_candidate().future == ()


def test_weights_are_scaled_to_one():
    state = start().click_cell(1, 2).add_candidate().set_weights(0, [3, 1])
    assert state.plan.groups[0].weights == pytest.approx((0.75, 0.25))
    same = state.set_weights(0, [0.75, 0.25])
    assert same.past == state.past
    for bad in ([0, 0], [-1, 2], [1, 1, 1]):
        refused = state.set_weights(0, bad)
        assert refused.plan == state.plan and refused.message.refused


def test_a_proposal_replaces_the_plan_and_keeps_its_origin():
    origin = Provenance("mka", "npib", 0, "key", ("h1",))
    proposal = MergePlan(12, (MergeGroup((7, 8, 9), (0.5, 0.3, 0.2)),), provenance=origin)
    by_hand = start().click_cell(1, 2).add_candidate()
    shown = by_hand.propose(proposal)
    assert shown.plan == by_hand.plan and shown.candidate == proposal.groups
    used = shown.add_candidate()
    assert used.plan.groups == proposal.groups and used.plan.provenance == origin
    assert (used.plan.fingerprint, used.plan.source) == ("abc", "demo")
    assert used.undo().plan == by_hand.plan


def test_editing_a_strategys_plan_keeps_the_calibration_texts():
    origin = Provenance("mka", "npib", 0, "key", ("h1",))
    used = start().propose(MergePlan(12, (MergeGroup((7, 8), (0.5, 0.5)),), provenance=origin)).add_candidate()
    edited = used.click_cell(1, 2).add_candidate().plan.provenance
    assert edited.strategy == "manual" and edited.text_hashes == ("h1",)


def test_proposals_and_files_for_another_model_are_refused():
    state = start()
    for other in (
        state.propose(MergePlan(6)),
        state.replace_plan(MergePlan(6)),
        state.replace_plan(MergePlan(12, fingerprint="zzz")),
    ):
        assert other.message.refused and other.plan == state.plan


def test_a_plan_file_for_a_bare_depth_fits_and_gets_this_models_name():
    opened = start().replace_plan(MergePlan(12, (MergeGroup((2, 3), (0.5, 0.5)),)))
    assert opened.plan.groups[0].layers == (2, 3)
    assert opened.plan.fingerprint == "abc"


def test_one_line_says_the_plan():
    state = start().click_cell(1, 2).add_candidate().click_cell(4, 6).add_candidate()
    assert one_line(state.plan) == "12 → 9 layers: 1–2, 4–6"
    assert "empty" in one_line(start().plan)


moves = st.one_of(
    st.tuples(st.just("click_cell"), st.integers(-1, 8), st.integers(-1, 8)),
    st.tuples(st.sampled_from(["add_candidate", "drop_candidate", "clear", "undo", "redo"])),
    st.tuples(st.just("remove_group"), st.integers(-1, 3)),
    st.tuples(st.just("set_weights"), st.integers(0, 2), st.lists(st.floats(-0.5, 2), min_size=1, max_size=4)),
)


@given(st.lists(moves, max_size=25))
def test_any_way_through_keeps_a_valid_plan_and_undo_leads_home(walk):
    state = StudioState.start(8)
    for name, *arguments in walk:
        state = getattr(state, name)(*arguments)
        for group in state.plan.groups:
            assert math.isclose(math.fsum(group.weights), 1, abs_tol=1e-6)
        layers = [layer for group in state.plan.groups for layer in group.layers]
        assert len(layers) == len(set(layers))
    while state.past:
        state = state.undo()
    assert state.plan == MergePlan(8)
