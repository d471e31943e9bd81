"""The Plan page on an example made by hand: the ruler acts, strategies offer, groups are edited, plans compared."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.objects.report import Report
from mka.studio.plan import plan_comparison
from mka.studio.plan.plan_editor import CHOSEN
from mka.studio.selection.state import StudioState
from mka.studio.visits.desk import Desk
from tests.pages.driver import Studio
from tests.studio.builders import a_report, a_summary, an_analysis

TRIPLE = MergeGroup((1, 2, 3), (0.5, 0.25, 0.25))
PAIR = MergeGroup((4, 5), (0.5, 0.5))


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
    assert [shape["line"]["dash"] for shape in studio.spec("plan")["layout"]["shapes"]] == ["dash"]
    studio.press("Use as plan")
    assert [group.layers for group in planned(studio)] == [(4, 5)]
    assert {m.label: (m.value, m.delta) for m in studio.at.metric} == {
        "Layers": ("5", "−16.7 % of 6"),
        "Parameters": ("550", "−15.4 % of 650"),
        "Weights": ("2.2 KB", "−15.4 % of 2.6 KB"),
        "FLOPs per token": ("1.08 K", "−15.6 % of 1.28 K"),
        "Cache per token": ("640 B", "−16.7 % of 768 B"),
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


def test_fields_show_what_undo_brought_back(studio: Studio):
    with_plan(studio, TRIPLE).set("slider", "Weight of layer 1", 0.2).press("Undo")
    assert planned(studio)[0].weights == (0.5, 0.25, 0.25)
    assert studio.widget("slider", "Weight of layer 1").value == 0.5


def test_a_plan_edited_by_hand_is_its_file_from_the_command_line(studio: Studio):
    with_plan(studio, replace(PAIR, weights=(0.7, 0.3)))
    assert studio.commands == [] and any("Plan as JSON" in block.value for block in studio.at.code)
    studio.press("Equal weights")
    assert studio.commands == ["mka plan demo --groups 4-5 --out plan.json"]


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
    assert table(studio.at)["Weights"] == ["2.2 KB", "1.8 KB", "−400 B"]
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
