"""The Plan page on an example made by hand: the ruler acts, strategies offer, groups are edited, plans compared."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mka.figures.plan_ruler import LOWER, mark_id
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.objects.repairs import REPAIRS
from mka.objects.report import Report
from mka.studio.plan import plan_comparison
from mka.studio.plan.plan_editor import CHOSEN
from mka.studio.selection.state import StudioState
from mka.studio.visits.desk import Desk
from tests.pages.driver import Studio
from tests.studio.builders import a_report, a_summary, an_analysis

TRIPLE = MergeGroup((1, 2, 3), (0.5, 0.25, 0.25))
PAIR = MergeGroup((4, 5), (0.5, 0.5))
NUMBERS = count(1)
"""Of gestures."""


def with_plan(studio: Studio, *groups: MergeGroup) -> Studio:
    """The Plan page with these groups in the plan."""
    state = StudioState.of(a_summary())
    studio.visit.state = replace(state, plan=replace(state.plan, groups=groups))
    return studio.go("plan")


def planned(studio: Studio) -> tuple[MergeGroup, ...]:
    assert studio.visit.state is not None
    return studio.visit.state.plan.groups


def table(at: AppTest) -> dict[str, list[str]]:
    """The rows of the comparison by name: both plans and their difference."""
    frame = at.table[-1].value
    return {row[0]: list(row[1:]) for row in frame.itertuples(index=False)}


def test_a_strategy_says_what_it_would_do_before_it_proposes(studio: Studio):
    studio.go("plan").set("number_input", "Layers to remove", 1)
    assert studio.says("Merges 4–5: 6 → 5 layers, 550 parameters (−15.4 %)."), "the pair (4, 5) is the most alike"
    assert studio.says("Drops 5: 6 → 5 layers")
    studio.press("Propose by mka")
    assert studio.says("Layers 4–5 become one") and planned(studio) == ()
    assert [shape["line"]["dash"] for shape in studio.spec("plan")["layout"]["shapes"]] == ["dash"] * 2
    studio.press("Use as plan")
    assert [group.layers for group in planned(studio)] == [(4, 5)]
    assert {m.label: (m.value, m.delta) for m in studio.at.metric} == {
        "Layers": ("5", "−16.7\xa0% from 6"),
        "Parameters": ("550", "−15.4\xa0% from 650"),
        "Weights": ("2.20\xa0KB", "−15.4\xa0% from 2.60\xa0KB"),
        "FLOPs per token": ("1.08\xa0K", "−15.6\xa0% from 1.28\xa0K"),
        "Cache per token": ("640\xa0B", "−16.7\xa0% from 768\xa0B"),
    }
    assert studio.widget("slider", "Weight of layer 4").value == pytest.approx(0.9)
    assert "--strategy mka --remove 1 --analysis" in studio.commands[-1]


def test_a_strategy_without_its_measure_is_not_offered_and_says_why(studio: Studio):
    studio.visit.desk = Desk(a_summary(), replace(an_analysis(), similarities={}))
    studio.go("plan")
    offered = {
        button.label: not button.disabled for button in studio.at.button if button.label.startswith("Propose by")
    }
    assert [name for name, able in offered.items() if able] == ["Propose by truncate"] and len(offered) == 5
    assert studio.says("Mka reads NPIB, which is not computed yet; analyze by it on the Model page.")


def test_a_strategy_that_cannot_remove_so_many_says_how_many(studio: Studio):
    studio.go("plan").set("number_input", "Layers to remove", 5)
    assert studio.says("Mka can remove 1 to 4 of 6 layers, not 5; choose another number.")
    assert studio.says("Drops 1–5")


def test_a_weight_takes_its_share_from_the_others(studio: Studio):
    with_plan(studio, TRIPLE).set("slider", "Weight of layer 1", 0.2)
    assert planned(studio)[0].weights == pytest.approx((0.2, 0.4, 0.4))
    assert studio.widget("slider", "Weight of layer 2").value == pytest.approx(0.4)
    studio.press("Equal weights")
    assert planned(studio)[0].weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert studio.widget("slider", "Weight of layer 3").value == pytest.approx(1 / 3)


def test_two_layers_may_be_interpolated_or_added_up(studio: Studio):
    with_plan(studio, MergeGroup((1, 2), (0.25, 0.75))).set("segmented_control", "Method", "slerp")
    assert planned(studio) == (MergeGroup((1, 2), (0.25, 0.75), "slerp"),)
    assert studio.widget("slider", "Weight of layer 2").value == 0.75
    studio.set("segmented_control", "Method", "rdsc")
    assert planned(studio) == (MergeGroup((1, 2), (), "rdsc"),) and studio.says("become one by their differences")


def test_a_repair_is_chosen_says_what_it_does_and_is_undone(studio: Studio):
    with_plan(studio, PAIR)
    assert studio.widget("segmented_control", "Repair").value == "none"
    assert studio.widget("segmented_control", "Repair").options == ["No repair", *REPAIRS]
    assert studio.says("A repair makes up for it without training") and not studio.says("The repair reads")
    for name, repair in REPAIRS.items():
        studio.set("segmented_control", "Repair", name)
        assert studio.visit.state is not None and studio.visit.state.plan.repair == name
        assert studio.says(repair.sentence) and studio.says(f"The repair reads 12 texts of demo for {repair.reading}")
    assert studio.says("6 → 5 layers: 4–5, repair refit") and studio.says("then repaired by refit.")
    studio.press("Undo")
    assert studio.widget("segmented_control", "Repair").value == "transplant"
    studio.press("Clear")
    assert not [one for one in studio.at.get("button_group") if one.label == "Repair"], "nothing is left to repair"


def test_two_plans_that_differ_in_their_repair_alone_say_so(studio: Studio):
    plain = MergePlan(6, (PAIR,))
    studio.visit.desk = Desk(a_summary(), an_analysis())
    compared_with(with_plan(studio, PAIR).set("segmented_control", "Repair", "scale"), (plan_comparison.FILE,))
    upload(studio, "Plan file to compare with", json.dumps(plain.to_json()).encode())
    assert studio.says("They differ in the repair: scale in this plan, none in the file's plan.")


def test_fields_show_what_undo_brought_back(studio: Studio):
    with_plan(studio, TRIPLE).set("slider", "Weight of layer 1", 0.2).press("Undo")
    assert planned(studio)[0].weights == (0.5, 0.25, 0.25)
    assert studio.widget("slider", "Weight of layer 1").value == 0.5


def test_a_plan_edited_by_hand_is_its_file_from_the_command_line(studio: Studio):
    with_plan(studio, replace(PAIR, weights=(0.7, 0.3)))
    assert studio.commands == [] and any("Plan as JSON" in block.value for block in studio.at.code)
    studio.press("Equal weights")
    assert studio.commands == ["mka plan demo --groups 4-5 --out mka-demo-plan.json"]


def test_a_method_is_chosen_and_its_survivor(studio: Studio):
    with_plan(studio, TRIPLE).set("segmented_control", "Method", "keep")
    assert (planned(studio)[0].method, planned(studio)[0].layer) == ("keep", 1)
    studio.set("selectbox", "Layer that stays", 3)
    assert planned(studio)[0].layer == 3 and not studio.at.slider
    studio.set("segmented_control", "Method", "drop")
    assert planned(studio)[0].method == "drop" and studio.says("6 → 3 layers")


def test_a_group_is_split_and_joined_again(studio: Studio):
    four = MergeGroup((0, 1, 2, 3), (0.25,) * 4)
    with_plan(studio, four, PAIR).set("selectbox", "Second part begins at layer", 2).press("Split")
    assert [group.layers for group in planned(studio)] == [(0, 1), (2, 3), (4, 5)]
    studio.set("pills", "Group", 1).press("Join with the next group")
    assert [group.layers for group in planned(studio)] == [(0, 1), (2, 3, 4, 5)]
    studio.press("Remove")
    assert [group.layers for group in planned(studio)] == [(0, 1)]
    assert "Split" not in [button.label for button in studio.at.button], "no part of a pair is a group"


def test_why_two_groups_do_not_join_stands_beside_the_button(studio: Studio):
    with_plan(studio, TRIPLE, MergeGroup((5,), method="drop"))
    (join,) = [button for button in studio.at.button if button.label == "Join with the next group"]
    assert join.disabled and studio.says("The groups 1–3 and 5 cannot be joined: method is average in one and drop in")
    studio.set("pills", "Group", 1)
    assert studio.widget("segmented_control", "Method").options == ["Drop all"]
    assert studio.says("Not “Average”: ") and studio.says("at least two layers")


def test_the_group_that_is_edited_is_framed_on_the_ruler(studio: Studio):
    with_plan(studio, TRIPLE, PAIR).set("pills", "Group", 1)
    frames = studio.spec("plan")["layout"]["shapes"]
    assert (round(frames[0]["x0"]), round(frames[0]["x1"])) == (4, 5)
    assert studio.at.session_state[CHOSEN] == 1


def chose(studio: Studio, row: str, index: int) -> Studio:
    """Choose a block of the ruler by key, as the chart's script tells it."""
    drawn = next(one.proto for one in studio.at.get("bidi_component") if '"key":"plan"' in figure_of(one))
    states = studio.at._tree.get_widget_states()
    heard = states.widgets.add()
    heard.id = f"$$STREAMLIT_INTERNAL_KEY_{drawn.id}__events"
    gesture = {"marks": [{"x": 0, "y": 0, "customdata": mark_id(row, index), "curve": 0}], "number": next(NUMBERS)}
    heard.json_trigger_value = json.dumps([{"event": "gestures", "value": [gesture]}])
    studio.at._run(states)
    assert not studio.at.exception
    return studio


def figure_of(component: Any) -> str:
    """The figure that a component draws, "" where it draws none."""
    return str(json.loads(component.proto.json).get("figure", "")).replace(" ", "")


def test_a_strategys_proposal_is_drawn_as_a_whole_and_says_what_it_replaces(studio: Studio):
    with_plan(studio, TRIPLE).set("number_input", "Layers to remove", 1).press("Propose by mka")
    assert studio.says("Proposed by mka, 1 group: 6 layers become 5") and studio.says(
        "It replaces the present plan: 1–3."
    )
    assert studio.says("It replaces the whole plan: 1–3.")
    assert {m.label: m.value for m in studio.at.metric}["Layers"] == "5", "the figures are the picture's"
    spec = studio.spec("plan")
    assert {shape["line"]["dash"] for shape in spec["layout"]["shapes"]} == {"dash"}, "no frame of the edited group"
    assert len(spec["data"][-1]["customdata"]) == 5, "the proposed row, not the one of the plan"
    chose(studio, LOWER, 4)
    assert studio.says("New layer 4 is only proposed") and planned(studio) == (TRIPLE,)
    studio.press("Drop")
    assert len(studio.spec("plan")["data"][-1]["customdata"]) == 4
    studio.press("Propose by mka").press("Use as plan")
    assert [group.layers for group in planned(studio)] == [(4, 5)]


def test_a_block_of_the_lower_row_opens_its_group_here_and_selects_it_on_explore(studio: Studio):
    chose(with_plan(studio, TRIPLE, PAIR), LOWER, 2)
    assert studio.at.session_state[CHOSEN] == 1 and studio.says("to edit its group")
    chose(studio, LOWER, 0)
    assert studio.says("New layer 0 is layer 0 as it was")
    studio.go("explore")
    assert "shapes" not in studio.spec("plan")["layout"] and not studio.says("to edit its group")
    chose(studio, LOWER, 1)
    assert studio.visit.state is not None and studio.visit.state.selected == (1, 2, 3)
    assert studio.at.session_state[CHOSEN] == 0, "the group that the Plan page opens with"


def test_the_answer_to_a_block_that_is_named_stands_between_the_form_and_the_groups(studio: Studio):
    with_plan(studio, TRIPLE).press("Propose")
    order = [button.label for button in studio.at.button]
    assert order.index("Propose") < order.index("Add to plan") < order.index("Clear") < order.index("Split")


def compared_with(studio: Studio, choice: tuple[str, ...]) -> Studio:
    return studio.set("selectbox", "Compare with", choice)


def test_a_strategys_proposal_stands_beside_the_plan(studio: Studio):
    compared_with(with_plan(studio, PAIR), (plan_comparison.STRATEGY, "truncate"))
    assert studio.says("Both plans leave 5 of 6 layers; they differ on layers 4–5.")
    assert len(studio.spec("plan-pair")["layout"]["annotations"]) == 2
    assert table(studio.at)["Parameters"] == ["550", "550", "the same"]
    assert studio.visit.state is not None and planned(studio) == (PAIR,), "it is only looked at"


def upload(studio: Studio, label: str, content: bytes) -> None:
    (place,) = [one for one in studio.at.file_uploader if one.label == label]
    place.upload("plan.json", content, "application/json").run()


def test_a_plan_file_is_compared_and_leaves_the_plan_alone(studio: Studio):
    compared_with(with_plan(studio, PAIR), (plan_comparison.FILE,))
    other = MergePlan(6, (TRIPLE,))
    upload(studio, "Plan file to compare with", json.dumps(other.to_json()).encode())
    assert studio.says("Of 6 layers, this plan leaves 5 and the file's plan 4; they differ on layers 1–5.")
    assert table(studio.at)["Layers"] == ["5", "4", "−1"]
    assert table(studio.at)["Weights"] == ["2.20\xa0KB", "1.80\xa0KB", "−400\xa0B"]
    assert planned(studio) == (PAIR,)
    for content, said in (
        (b"{", "That file is not JSON"),
        (json.dumps(MergePlan(9).to_json()).encode(), "The plan is for 9 layers, but the model has 6"),
        (json.dumps(MergePlan(6, fingerprint="0" * 16).to_json()).encode(), "The plan was made for another model"),
    ):
        upload(studio, "Plan file to compare with", content)
        assert not studio.at.exception and studio.says(said), said
        assert planned(studio) == (PAIR,)


def side(name: str, report: Report | None, *groups: MergeGroup) -> plan_comparison.Side:
    return plan_comparison.Side(name, MergePlan(6, groups), report)


def test_measured_figures_are_subtracted_where_they_were_measured_alike():
    better = a_report()
    result = better.result
    assert result.perplexity and result.choices
    worse = replace(
        better,
        result=replace(
            result,
            perplexity=replace(result.perplexity, value=3.5),
            choices=replace(result.choices, accuracy=0.8),
        ),
    )
    mine, other = side("this plan", better, PAIR), side("other", worse, TRIPLE)
    rows = {row.name: row for row in plan_comparison.table(a_summary(), mine, other)}
    assert rows["Perplexity"].difference == 0.5 and rows["Accuracy"].difference == pytest.approx(-0.1)
    elsewhere = replace(other, report=replace(worse, question_source="other questions"))
    rows = {row.name: row for row in plan_comparison.table(a_summary(), mine, elsewhere)}
    assert rows["Accuracy"].difference is None and rows["Layers"].difference == -1
    alone = {row.name: row for row in plan_comparison.table(a_summary(), mine, side("other", None, TRIPLE))}
    assert alone["Perplexity"].values == (3.0, None) and alone["Perplexity"].difference is None


def test_the_comparison_as_csv():
    mine, other = side("this plan", None, PAIR), side("other", None, TRIPLE)
    rows = plan_comparison.table(a_summary(), mine, other)
    assert plan_comparison.table_csv(rows, (mine.name, other.name)).splitlines() == [
        "quantity,this plan,other,difference",
        "Layers,5,4,-1",
        "Parameters,550,450,-100",
        "Weights,2200,1800,-400",
        "FLOPs per token,1080,880,-200",
        "Cache per token,640,512,-128",
    ]
    lines = plan_comparison.layers_csv(mine, other, (1, 2, 3, 4, 5)).splitlines()
    assert lines[0].startswith("layer,differs,this plan: group,this plan: method,this plan: share of the merged layer,")
    assert lines[1] == "0,,,,1.0,0,,,1.0,0"
    assert lines[2] == "1,yes,,,1.0,1,1,average,0.5,1" and lines[5] == "4,yes,1,average,0.5,4,,,1.0,2"


def test_a_strategys_plan_keeps_its_name_while_it_is_only_looked_at(studio: Studio):
    with_plan(studio, PAIR)
    compared_with(studio, (plan_comparison.STRATEGY, "mka"))
    assert studio.visit.state is not None
    assert studio.visit.state.plan.provenance == Provenance() and studio.visit.state.candidate == ()


def test_the_fields_of_a_block_go_along_from_page_to_page(studio: Studio):
    def fields() -> list[int]:
        return [int(studio.widget("number_input", label).value) for label in ("From layer", "To layer")]

    assert studio.visit.state is not None
    assert fields() == [0, 1]
    studio.go("plan")
    assert fields() == [0, 1]
    studio.press("Propose")
    assert studio.visit.state.candidate_layers == ((0, 1),)
    studio.go("explore")
    studio.visit.state = studio.visit.state.drop_candidate().click_cell(2, 5)
    studio.at.run()
    assert fields() == [2, 5]
    studio.go("plan")
    assert fields() == [2, 5], "what is selected on one page stands in the fields of the next"
    studio.widget("number_input", "From layer").set_value(3)
    studio.press("Propose")
    assert studio.visit.state.candidate_layers == ((3, 4, 5),) and fields() == [3, 5]
    studio.go("evaluate").go("explore")
    assert fields() == [3, 5], "also with a page without the fields between"
    studio.press("Add to plan").go("plan")
    assert fields() == [3, 5], "and without a selection"
    studio.go("explore")
    studio.visit.state = studio.visit.state.click_cell(0, 1)
    studio.go("plan")
    assert fields() == [0, 1], "what was selected since stands there at once"
