"""The command lines on the screen: each is one that `mka` takes, and plans that no line makes say so."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from mka.cli.app import app
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.studio.commands import (
    FROM_FILE,
    analyze_lines,
    evaluate_lines,
    inspect_lines,
    load_lines,
    merge_lines,
    plan_lines,
)
from mka.studio.desk import Desk, Trial
from mka.studio.proposals import propose
from mka.studio.state import equal_group
from tests.studio.builders import a_desk, a_summary

OUT = Path("out")
TRIAL = Trial(("perplexity", "choices"), "demo", 50, 2)


def taken(line: str) -> None:
    """Parse `line` as `mka` does, without running it; an unknown word or a missing one raises."""
    program, command, *words = shlex.split(line)
    assert program == "mka"
    typer.main.get_command(app).commands[command].make_context(command, words)  # type: ignore[attr-defined]


def by_hand(*blocks: tuple[int, ...]) -> MergePlan:
    return MergePlan(6, tuple(equal_group(block) for block in blocks))


def test_mka_takes_every_line():
    desk = a_desk(source="a folder with spaces")
    plan = by_hand((1, 2), (4, 5))
    lines = [*inspect_lines(desk), *analyze_lines(desk, OUT), *merge_lines(desk, plan, OUT / "m", OUT)]
    lines += evaluate_lines(desk, plan, TRIAL, OUT) + plan_lines(desk, propose(desk, "mka", 2), OUT)
    assert len(lines) == 8
    for line in lines:
        taken(line)
    with pytest.raises(Exception, match="No such option"):
        taken("mka inspect demo --nothing")


def test_a_plan_by_hand_is_its_groups():
    assert plan_lines(a_desk(), by_hand((1, 2), (3, 4, 5)), OUT) == ["mka plan demo --groups 1-2,3-5 --out plan.json"]


@pytest.mark.parametrize(("measure", "words"), [("npib", ""), ("cosine", " --measure cosine")])
def test_a_plan_by_hand_from_a_picture_names_the_analysis_behind_it(measure: str, words: str):
    desk = a_desk()
    plan = replace(by_hand((1, 2)), provenance=Provenance(measure=measure, text_hashes=("h1",)))
    first, second = plan_lines(desk, plan, OUT)
    assert [first] == analyze_lines(desk, OUT)
    assert second == f"mka plan demo --groups 1-2{words} --analysis out/analysis --out plan.json"
    taken(second)


def test_a_strategys_plan_is_its_name_after_the_analysis_that_it_reads():
    desk = a_desk()
    first, second = plan_lines(desk, propose(desk, "mka", 2), OUT)
    assert [first] == analyze_lines(desk, OUT)
    assert second == "mka plan demo --strategy mka --remove 2 --analysis out/analysis --out plan.json"
    assert plan_lines(desk, propose(desk, "truncate", 2), OUT) == [
        "mka plan demo --strategy truncate --remove 2 --out plan.json"
    ]


@pytest.mark.parametrize(
    "group",
    [
        MergeGroup((1, 2), (0.7, 0.3)),
        MergeGroup((1, 3), (0.5, 0.5)),
        MergeGroup((1, 2), (0.5, 0.5), tensors="projections"),
        MergeGroup((1, 2), method="drop"),
        MergeGroup((1, 2), method="keep", layer=2),
    ],
)
def test_a_plan_that_groups_cannot_say_needs_its_file(group: MergeGroup):
    assert plan_lines(a_desk(), MergePlan(6, (group,)), OUT) == [FROM_FILE]


def test_a_strategys_plan_changed_by_hand_is_no_longer_its_name():
    plan = propose(a_desk(), "truncate", 2)
    assert plan_lines(a_desk(), replace(plan, provenance=Provenance("manual")), OUT) == [FROM_FILE]


def test_evaluate_names_what_was_chosen():
    line = evaluate_lines(a_desk(), by_hand((1, 2)), TRIAL, OUT)[-1]
    assert line == "mka evaluate demo --plan plan.json --tasks perplexity,choices --data demo --limit 50 --shots 2"
    assert "--shots" not in evaluate_lines(a_desk(), by_hand((1, 2)), replace(TRIAL, shots=0), OUT)[-1]


def test_before_an_analysis_there_is_no_line_for_one():
    assert analyze_lines(Desk(a_summary()), OUT) == []


def test_the_python_that_loads_a_checkpoint_is_python():
    compile("\n".join(load_lines("a folder's name")), "load", "exec")
