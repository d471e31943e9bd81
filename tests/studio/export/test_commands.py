"""The command lines on the screen: each is one that `mka` takes, and plans that no line makes say so."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from mka.cli.app import app
from mka.objects.plan import MergeGroup, MergePlan, Provenance
from mka.studio.export.commands import (
    TRIES_ANEW,
    analyze_lines,
    compare_lines,
    evaluate_lines,
    from_file,
    inspect_lines,
    load_lines,
    merge_lines,
    plan_lines,
)
from mka.studio.plan.proposals import propose
from mka.studio.selection.regroup import equal_group
from mka.studio.visits.desk import Desk, Trial, reading_key
from mka.workflows.opening import Opening
from tests.studio.builders import a_desk, a_summary, an_analysis, an_embedding, on_other_texts, sure

OUT = Path("out")
TRIAL = Trial(("perplexity", "choices"), "demo", 50, 2)


def taken(line: str) -> dict[str, Any]:
    """What `mka` reads from `line`, without running it; an unknown word or a missing one raises."""
    program, command, *words = shlex.split(line)
    assert program == "mka"
    context = typer.main.get_command(app).commands[command].make_context(command, words)  # type: ignore[attr-defined]
    return dict(context.params)


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


NO_OPTIONS = ("--help", "-x", "-- demo")


@pytest.mark.parametrize("name", NO_OPTIONS)
def test_what_looks_like_an_option_is_read_as_the_name_that_it_is(name: str):
    desk = Desk(a_summary(source=name), replace(an_analysis(source=name), calibration=name, field=name))
    plan, trial = by_hand((1, 2)), replace(TRIAL, data=name)
    lines = [*inspect_lines(desk), *analyze_lines(desk, OUT), *merge_lines(desk, plan, Path(name), OUT)]
    lines += evaluate_lines(desk, plan, trial, Path(name))
    given = [taken(line) for line in lines]
    assert len(given) == 6 and {one["model"] for one in given} == {name}
    assert given[1]["calibration"] == given[1]["field"] == given[3]["out"] == given[5]["data"] == name
    assert given[2]["out"] == given[3]["plan"] == given[5]["plan"], "one file, whatever its name"


def test_an_evaluation_has_no_line_before_its_form_is_complete():
    for incomplete in (replace(TRIAL, data=""), replace(TRIAL, tasks=())):
        assert evaluate_lines(a_desk(), by_hand((1, 2)), incomplete, OUT) == []


def test_a_plan_by_hand_is_its_groups():
    assert plan_lines(a_desk(), by_hand((1, 2), (3, 4, 5)), OUT) == [
        "mka plan demo --groups 1-2,3-5 --out mka-demo-plan.json"
    ]


@pytest.mark.parametrize(("measure", "words"), [("npib", ""), ("cosine", " --measure cosine")])
def test_a_plan_by_hand_from_a_picture_names_the_analysis_behind_it(measure: str, words: str):
    desk = a_desk()
    plan = replace(by_hand((1, 2)), provenance=Provenance(measure=measure, text_hashes=("h1",)))
    first, second = plan_lines(desk, plan, OUT)
    assert [first] == analyze_lines(desk, OUT)
    assert second == f"mka plan demo --groups 1-2{words} --analysis out/analysis --out mka-demo-plan.json"
    taken(second)


def test_a_strategys_plan_is_its_name_after_the_analysis_that_it_reads():
    desk = a_desk()
    first, second = plan_lines(desk, propose(desk, "mka", 2), OUT)
    assert [first] == analyze_lines(desk, OUT)
    assert second == "mka plan demo --strategy mka --remove 2 --analysis out/analysis --out mka-demo-plan.json"
    assert plan_lines(desk, propose(desk, "truncate", 2), OUT) == [
        "mka plan demo --strategy truncate --remove 2 --out mka-demo-plan.json"
    ]


@pytest.mark.parametrize("strategy", ["greedy", "laco"])
def test_a_plan_found_by_trying_is_found_so_again_on_the_same_texts(strategy: str):
    desk = a_desk()
    found = Provenance(strategy, "perplexity", 0, "key", tuple(f"h{n}" for n in range(12)))
    plan = MergePlan(6, (MergeGroup((1,), method="drop"), MergeGroup((4,), method="drop")), provenance=found)
    line, remark = plan_lines(desk, plan, OUT)
    assert line == (
        f"mka plan demo --strategy {strategy} --remove 2 --calibration demo --limit 12 --out mka-demo-plan.json"
    )
    assert taken(line)["limit"] == 12 and remark == TRIES_ANEW
    *_, merge = merge_lines(desk, replace(plan, repair="linear"), OUT / "m", OUT)
    assert merge.startswith("mka merge demo mka-demo-plan.json --repair linear --calibration demo --limit 12")
    of_a_field = Desk(a_summary(), replace(an_analysis(), calibration="texts.csv", field="said"))
    line, _ = plan_lines(of_a_field, plan, OUT)
    assert "--calibration texts.csv --limit 12 --field said" in line and taken(line)["field"] == "said"
    others = Desk(a_summary(), on_other_texts(an_analysis()))
    of_a_test = Desk(a_summary(), replace(an_analysis(), split="test"))
    for elsewhere in (others, of_a_test, Desk(a_summary()), Desk(a_summary(source="other"))):
        assert plan_lines(elsewhere, plan, OUT) == [from_file(elsewhere)]


@pytest.mark.parametrize(
    "group",
    [
        MergeGroup((1, 2), (0.7, 0.3)),
        MergeGroup((1, 3), (0.5, 0.5)),
        MergeGroup((1, 2), (0.5, 0.5), tensors="projections"),
        MergeGroup((1, 2), method="drop"),
        MergeGroup((2,), method="drop"),
        MergeGroup((1, 2), method="keep", layer=2),
    ],
)
def test_a_plan_that_groups_cannot_say_needs_its_file(group: MergeGroup):
    assert plan_lines(a_desk(), MergePlan(6, (group,)), OUT) == [from_file(a_desk())]


def test_a_strategys_plan_changed_by_hand_is_no_longer_its_name():
    plan = propose(a_desk(), "truncate", 2)
    assert plan_lines(a_desk(), replace(plan, provenance=Provenance("manual")), OUT) == [from_file(a_desk())]


def test_a_line_is_shown_only_where_it_makes_this_very_plan():
    """A file may say that mka made it and hold other weights; another analysis may lie on the desk than chose it."""
    desk = a_desk()
    plan = propose(desk, "mka", 2)
    first, *rest = plan.groups
    other_weights = replace(plan, groups=(replace(first, weights=first.weights[::-1]), *rest))
    assert plan_lines(desk, other_weights, OUT) == [from_file(a_desk())]
    assert plan_lines(Desk(a_summary(), on_other_texts(an_analysis())), plan, OUT) == [from_file(a_desk())]
    assert plan_lines(Desk(a_summary()), plan, OUT) == [from_file(a_desk())]
    chosen = Provenance(measure="npib", text_hashes=("h1", "h2"))
    by_picture = replace(by_hand((1, 2)), provenance=chosen)
    assert len(plan_lines(desk, by_picture, OUT)) == 2
    for unknown in (replace(chosen, text_hashes=("h1", "of other texts")), replace(chosen, measure="cka")):
        assert plan_lines(desk, replace(by_picture, provenance=unknown), OUT) == [from_file(a_desk())]
    assert plan_lines(Desk(a_summary()), by_picture, OUT) == [from_file(a_desk())]


def test_a_repair_is_asked_for_where_the_plan_is_merged():
    """The analysis on the desk read 12 texts of the demo."""
    desk, made = a_desk(), replace(by_hand((1, 2)), repair="linear")
    planned = "mka plan demo --groups 1-2 --out mka-demo-plan.json"
    merged = "mka merge demo mka-demo-plan.json --repair linear --calibration demo --limit 12 --out out/m"
    assert merge_lines(desk, made, OUT / "m", OUT) == [planned, merged]
    first, remark = plan_lines(desk, made, OUT)
    assert first == planned and remark.startswith("#") and "--repair linear" in remark
    assert plan_lines(desk, replace(made, groups=(MergeGroup((1, 2), (0.7, 0.3)),)), OUT) == [from_file(desk)]
    strategys = replace(propose(desk, "truncate", 2), repair="scale")
    assert merge_lines(desk, strategys, OUT, OUT)[0].startswith("mka plan demo --strategy truncate")
    for line in (planned, merged):
        taken(line)


def test_what_is_repaired_is_written_before_it_is_evaluated():
    opened = Opening(dtype="bfloat16", revision="v1")
    desk = replace(a_desk(source="owner/name"), opening=opened)
    made = replace(by_hand((1, 2)), repair="linear")
    *_, merge, evaluate = evaluate_lines(desk, made, replace(TRIAL, shots=0), OUT)
    folder = f"out/merged-{made.key[:8]}"
    assert merge.endswith(
        f"--repair linear --calibration demo --limit 12 --revision v1 --dtype bfloat16 --out {folder}"
    )
    assert evaluate == (
        f"mka evaluate {folder} --against owner/name@v1 --tasks perplexity,choices --dtype bfloat16 --data demo "
        "--limit 50"
    ), "the folder has no revision; the model that it came from has"
    taken(merge)
    taken(evaluate)


def test_a_field_is_named_and_without_texts_there_is_no_line():
    read = replace(an_analysis(), calibration="texts.csv", field="said")
    made = replace(by_hand((1, 2)), repair="scale")
    line = merge_lines(Desk(a_summary(), read), made, OUT / "m", OUT)[-1]
    assert "--calibration texts.csv --limit 12 --field said" in line
    taken(line)
    nameless = Desk(a_summary(source="other"))
    assert merge_lines(nameless, made, OUT, OUT) == evaluate_lines(nameless, made, TRIAL, OUT) == []
    assert "--limit" not in merge_lines(Desk(a_summary()), made, OUT, OUT)[-1], "all of the demo's"


def test_evaluate_names_what_was_chosen():
    line = evaluate_lines(a_desk(), by_hand((1, 2)), TRIAL, OUT)[-1]
    assert (
        line
        == "mka evaluate demo --plan mka-demo-plan.json --tasks perplexity,choices --data demo --limit 50 --shots 2"
    )
    assert "--shots" not in evaluate_lines(a_desk(), by_hand((1, 2)), replace(TRIAL, shots=0), OUT)[-1]


def test_an_analysis_is_repeated_with_what_it_was_asked_for():
    whole = an_analysis()
    deep = replace(
        whole,
        kind="tokens",
        per_text=3,
        longest=64,
        split="test",
        similarities={"npib": sure(whole.similarities["npib"])},
        embeddings={"umap": an_embedding(dims=3)},
    )
    (line,) = analyze_lines(Desk(a_summary(), deep), OUT)
    assert line == (
        "mka analyze demo --calibration demo --limit 12 --split test --points tokens --per-text 3 --longest 64 "
        "--measure npib --embed umap --dims 3 --out out/analysis"
    ), "32 subsamples are what mka takes unasked"
    taken(line)


def test_a_comparison_is_the_analyses_and_one_more_line():
    desk = Desk(a_summary(), on_other_texts(an_analysis())).joined(a_desk())
    assert compare_lines(desk, "npib", ("nothing",), OUT) == []
    assert compare_lines(desk, "npib", ("measure", "cosine"), OUT) == [
        "mka compare out/analysis --measures npib,cosine"
    ]
    other, compared = compare_lines(desk, "npib", ("texts", *reading_key(an_analysis())), OUT)
    assert "--calibration demo" in other and other.endswith("--out out/other-analysis")
    assert compared == "mka compare out/analysis out/other-analysis --measures npib"
    for line in (other, compared):
        taken(line)


def test_every_line_opens_the_model_as_the_desk_did():
    opened = Opening(dtype="bfloat16", device="cpu", revision="v1.0")
    desk = replace(a_desk(source="owner/name"), opening=opened)
    lines = [*inspect_lines(desk), *merge_lines(desk, propose(desk, "mka", 1), OUT / "m", OUT)]
    lines += evaluate_lines(desk, by_hand((1, 2)), TRIAL, OUT)
    assert len(lines) == 6
    for line in lines:
        assert "--revision v1.0 --dtype bfloat16 --device cpu" in line
        taken(line)
    assert inspect_lines(replace(desk, opening=Opening(dtype="float16"))) == ["mka inspect owner/name --dtype float16"]


def test_before_an_analysis_there_is_no_line_for_one():
    assert analyze_lines(Desk(a_summary()), OUT) == []


def test_the_python_that_loads_a_checkpoint_is_python():
    compile("\n".join(load_lines("a folder's name")), "load", "exec")
