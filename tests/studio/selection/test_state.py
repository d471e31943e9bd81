"""The studio's state without a browser: every transition, and that refusals change nothing but the message."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.studio.selection.naming import one_line
from mka.studio.selection.state import HISTORY, NOTHING_SEEN, StudioState


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
    assert two.clear().plan.provenance == NOTHING_SEEN
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


def test_a_plan_file_is_opened_with_its_repair_unless_that_is_unknown():
    file = MergePlan(12, (MergeGroup((2, 3), (0.5, 0.5)),), repair="linear-cut")
    opened = start().replace_plan(file)
    assert opened.plan.repair == "linear-cut" and opened.plan.key == file.key
    assert opened.replace_plan(replace(file, repair="none")).plan.repair == "none"
    unknown = start().replace_plan(replace(file, repair="prayer"))
    assert unknown.refusal.startswith("That plan asks for the repair prayer") and unknown.plan == start().plan


def test_a_repair_is_a_step_like_any_other_and_leaves_the_layers_and_who_chose_them():
    origin = Provenance("mka", "npib", 0, "key", ("h1",))
    made = start().propose(MergePlan(12, (MergeGroup((7, 8), (0.5, 0.5)),), provenance=origin)).add_candidate()
    asked = made.set_repair("linear")
    assert asked.plan == replace(made.plan, repair="linear") and asked.message is None
    assert asked.undo().plan == made.plan and asked.undo().redo().plan == asked.plan
    assert asked.set_repair("linear").past == asked.past, "chosen again, it is no step"
    assert asked.set_repair("none").plan == made.plan


def test_a_repair_stays_while_groups_come_and_go_and_an_empty_plan_has_none():
    asked = start().click_cell(1, 2).add_candidate().set_repair("scale")
    more = asked.click_cell(4, 6).add_candidate()
    assert more.plan.repair == "scale" and more.remove_group(0).plan.repair == "scale"
    assert more.clear().plan.repair == asked.remove_group(0).plan.repair == "none"
    assert more.clear().undo().plan == more.plan
    nothing = start().set_repair("scale")
    assert nothing.refusal == "The plan is empty: there is nothing to repair." and nothing.plan == start().plan


def test_one_line_says_the_plan():
    state = start().click_cell(1, 2).add_candidate().click_cell(4, 6).add_candidate()
    assert one_line(state.plan) == "12 → 9 layers: 1–2, 4–6"
    assert one_line(state.set_repair("linear").plan) == "12 → 9 layers: 1–2, 4–6, repair linear"
    assert "empty" in one_line(start().plan)


def planned(*groups: MergeGroup, depth: int = 12, provenance: Provenance = NOTHING_SEEN) -> StudioState:
    return StudioState(MergePlan(depth, groups, provenance=provenance))


def groups_of(state: StudioState) -> list[tuple[int, ...]]:
    return [group.layers for group in state.plan.groups]


@pytest.mark.parametrize(
    ("toggled", "selected", "candidate", "picked"),
    [
        ([4], (4,), (), 4),
        ([4, 4], (), (), None),
        ([4, 7], (4, 7), ((4, 7),), None),
        ([7, 4, 5], (4, 5, 7), ((4, 5, 7),), None),
        ([4, 5, 7, 5], (4, 7), ((4, 7),), None),
        ([4, 7, 4], (7,), (), 7),
        ([4, 7, 4, 7], (), (), None),
    ],
)
def test_toggled_layers_are_the_selection(toggled, selected, candidate, picked):
    state = start()
    for layer in toggled:
        state = state.toggle_layer(layer)
    assert (state.selected, state.candidate_layers, state.picked) == (selected, candidate, picked)
    assert not state.refusal and len(state.past) == len(toggled)
    assert state.origin == NOTHING_SEEN


def test_a_layer_that_is_not_there_is_no_layer():
    for bad in (-1, 12):
        for refused in (start().toggle_layer(bad), start().pick_layer(bad), start().drag_range(3, bad)):
            assert refused.refusal and refused.selected == () and refused.past == ()


def test_a_click_on_a_group_of_the_plan_takes_hold_of_it_and_a_second_lets_go():
    planned = start().click_cell(3, 5).click_cell(3, 5).set_weights(0, (0.6, 0.3, 0.1))
    held = planned.click_cell(5, 3)
    assert held.held == 0 and held.displaced == () and not held.refusal
    assert held.add_candidate().refusal == "Layers 3–5 are a group of the plan already."
    assert held.click_cell(3, 5).plan == planned.plan and held.click_cell(3, 5).candidate == ()
    assert planned.click_cell(3, 4).held is None and planned.held is None
    again = MergePlan(12, planned.plan.groups, provenance=Provenance("mka", "npib"))
    assert planned.propose(again).held is None, "a strategy's proposal is a whole plan"


def test_a_group_is_held_by_its_number_and_let_go():
    planned = start().drag_range(3, 5).add_candidate().toggle_layer(8).toggle_layer(10).add_candidate()
    held = planned.hold_group(1)
    assert (held.selected, held.held, held.plan) == ((8, 10), 1, planned.plan)
    assert held.hold_group(0).selected == (3, 4, 5) and held.hold_group(1).selected == ()


def test_a_strategys_proposal_takes_the_place_of_the_whole_plan():
    planned = start().drag_range(3, 5).add_candidate()
    proposed = planned.propose(MergePlan(12, (MergeGroup((7, 8), (0.5, 0.5)),), provenance=Provenance("mka", "npib")))
    assert planned.proposal is None and planned.drag_range(7, 8).proposal is None, "by hand it is no whole plan"
    assert proposed.displaced == planned.plan.groups and proposed.proposal is not None
    added = proposed.add_candidate()
    assert added.plan == proposed.proposal and [group.layers for group in added.plan.groups] == [(7, 8)]
    assert added.message.text == "Layers 7–8 are in the plan now, in the place of 3–5."
    assert added.displaced == () and added.proposal is None


def test_a_toggled_layer_changes_a_clicked_block():
    assert start().click_cell(3, 5).toggle_layer(4).candidate_layers == ((3, 5),)
    assert start().click_cell(3, 5).toggle_layer(8).candidate_layers == ((3, 4, 5, 8),)


def test_a_toggled_layer_begins_anew_beside_a_strategys_proposal():
    proposal = MergePlan(12, (MergeGroup((7, 8), (0.7, 0.3)),), provenance=Provenance("mka", "npib", 0, "key", ("h1",)))
    begun = start().propose(proposal).toggle_layer(7)
    assert (begun.selected, begun.candidate, begun.origin) == ((7,), (), NOTHING_SEEN)
    assert begun.undo().candidate == proposal.groups and begun.undo().origin == proposal.provenance


def test_all_layers_of_a_proposal_are_selected():
    proposal = MergePlan(12, (MergeGroup((7, 9), (0.5, 0.5)), MergeGroup((1, 2), (), "drop")))
    assert start().propose(proposal).selected == (1, 2, 7, 9)
    assert start().propose(proposal).toggle_layer(7).selected == (7,), "several groups are no selection by hand"


def test_a_selection_with_gaps_is_a_group_with_gaps():
    added = start().toggle_layer(2).toggle_layer(5).add_candidate()
    assert groups_of(added) == [(2, 5)] and added.plan.layers_after == 11


def test_a_selection_around_a_planned_group_takes_its_place_and_says_so():
    around = planned(MergeGroup((3, 4), (0.5, 0.5))).toggle_layer(2).toggle_layer(5)
    assert [group.layers for group in around.displaced] == [(3, 4)]
    added = around.add_candidate()
    assert groups_of(added) == [(2, 5)]
    assert added.message.text == "Layers 2, 5 are in the plan now, in the place of 3–4."


def test_a_picked_layer_is_a_selection_and_begins_a_new_one():
    picked = start().click_cell(1, 2).pick_layer(6)
    assert (picked.selected, picked.candidate) == ((6,), ())
    assert picked.pick_layer(4).selected == (4, 5, 6)
    assert picked.undo().selected == (1, 2)
    assert picked.pick_layer(6).selected == ()


def test_a_dragged_range_proposes_and_never_adds():
    once = start().drag_range(5, 3)
    assert once.candidate_layers == ((3, 4, 5),)
    again = once.drag_range(3, 5)
    assert again.candidate_layers == once.candidate_layers and again.plan == once.plan and again.past == once.past
    assert start().drag_range(4, 4).refusal


def test_every_text_that_chose_a_layer_is_named():
    one, two = Provenance("manual", "npib", 0, "key", ("h1",)), Provenance("manual", "cosine", 0, "other", ("h2",))
    toggled = start().toggle_layer(1, one).toggle_layer(2, two)
    assert toggled.origin.text_hashes == ("h1", "h2") and toggled.origin.calibration_key is None
    back = toggled.toggle_layer(5, one)
    assert back.origin.calibration_key is None, "a key of one set of texts cannot stand for both"
    ends = start().pick_layer(1, one).pick_layer(4, two)
    assert ends.origin.text_hashes == ("h1", "h2")
    assert start().click_cell(1, 2, one).click_cell(1, 2, two).plan.provenance.text_hashes == ("h1", "h2")
    assert start().click_cell(1, 2, one).click_cell(4, 5, two).origin == two, "the first block was not chosen"
    weights = Provenance("manual", "weights", 0)
    assert start().click_cell(1, 2, weights).add_candidate().plan.provenance == weights


def test_undo_goes_back_over_the_selection_too():
    state = start().click_cell(3, 5).click_cell(4, 7).click_cell(4, 7)
    assert groups_of(state) == [(4, 5, 6, 7)] and state.candidate == ()
    assert state.undo().candidate_layers == ((4, 5, 6, 7),) and state.undo().plan.groups == ()
    assert state.undo().undo().candidate_layers == ((3, 4, 5),)
    assert state.undo().undo().undo().candidate == ()
    assert state.undo().undo().redo().redo() == replace(state, message=None)


def test_history_is_bounded():
    state = start()
    for step in range(HISTORY + 20):
        state = state.toggle_layer(step % 12)
    assert len(state.past) == HISTORY


SEEN = st.sampled_from([Provenance("manual", "npib", 0, name, (f"h{name}",)) for name in ("a", "b")] + [NOTHING_SEEN])
LAYER = st.integers(-1, 8)
GROUP = st.integers(-1, 3)
PLANS = st.sampled_from(
    [
        MergePlan(8),
        MergePlan(7),
        MergePlan(8, (MergeGroup((1, 2), (0.5, 0.5)), MergeGroup((4, 6), (), "drop")), provenance=Provenance("mka")),
        MergePlan(8, (MergeGroup((0, 3, 4), (), "keep", layer=3),), provenance=Provenance("x", None, 1, "c", ("hc",))),
    ]
)
MOVES = st.one_of(
    st.tuples(st.sampled_from(["click_cell", "click_block", "drag_range"]), LAYER, LAYER, SEEN),
    st.tuples(st.sampled_from(["pick_layer", "toggle_layer"]), LAYER, SEEN),
    st.tuples(st.sampled_from(["add_candidate", "drop_candidate", "clear", "undo", "redo"])),
    st.tuples(st.sampled_from(["remove_group", "join"]), GROUP),
    st.tuples(st.just("split"), GROUP, LAYER),
    st.tuples(st.just("set_weight"), GROUP, LAYER, st.floats(-0.1, 1.1)),
    st.tuples(st.just("set_weights"), GROUP, st.lists(st.floats(-0.5, 2), min_size=1, max_size=4)),
    st.tuples(st.just("set_method"), GROUP, st.sampled_from(["average", "keep", "drop", "?"]), st.none() | LAYER),
    st.tuples(st.sampled_from(["propose", "replace_plan"]), PLANS),
)
TYPED = replace(StudioState.start(8), layer_types=("full",) * 5 + ("sliding",) * 3, shape_classes=(0,) * 8)


def shown(state: StudioState) -> tuple[object, ...]:
    """What undo must bring back."""
    return state.plan, state.candidate, state.origin, state.picked


@given(st.sampled_from([StudioState.start(8), TYPED]), st.lists(MOVES, max_size=25))
def test_any_way_through_keeps_a_valid_plan_and_undo_leads_home(begin: StudioState, walk):
    state = begin
    for name, *arguments in walk:
        frozen = repr(state)
        after = getattr(state, name)(*arguments)
        assert repr(state) == frozen, "a transition must not change what it came from"
        assert MergePlan.from_json(after.plan.to_json()).groups == after.plan.groups
        assert after.selected == tuple(sorted(set(after.selected))) and not (
            after.candidate and after.picked is not None
        )
        assert after.selected or after.origin == NOTHING_SEEN
        if after.refusal and name not in ("click_cell", "click_block", "drag_range", "pick_layer", "toggle_layer"):
            assert replace(after, message=state.message) == state
        if name not in ("undo", "redo"):
            if shown(after) == shown(state):
                assert (after.past, after.future) == (state.past, state.future)
            else:
                assert shown(after.undo()) == shown(state) and shown(after.undo().redo()) == shown(after)
                assert after.undo().past == state.past and after.future == ()
        state = after
    end = state
    while state.past:
        state = state.undo()
    assert shown(state) == shown(begin)
    for _ in end.past:
        state = state.redo()
    assert shown(state) == shown(end)


@given(st.lists(MOVES, max_size=25))
def test_texts_that_chose_planned_layers_are_never_forgotten(walk):
    state = StudioState.start(8)
    for name, *arguments in walk:
        after = getattr(state, name)(*arguments)
        if name in ("add_candidate", "click_cell", "click_block") and state.candidate and after.plan != state.plan:
            known = set(after.plan.provenance.text_hashes)
            assert known >= set(state.origin.text_hashes)
            if state.origin.strategy == "manual":
                assert known >= set(state.plan.provenance.text_hashes)
        if name in ("split", "join", "set_weight", "set_weights", "set_method") and after.plan.groups:
            assert set(after.plan.provenance.text_hashes) == set(state.plan.provenance.text_hashes)
        state = after
