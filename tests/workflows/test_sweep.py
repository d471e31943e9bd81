"""Sweeps: each row is what planning, merging and evaluating by themselves give."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import mka
from mka.errors import BadInput, Cancelled
from mka.merging.merge import merge
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.objects.plan import MergePlan, Provenance
from mka.objects.progress import Cancel
from mka.objects.report import Choices, Cost, Divergence, Perplexity, Result
from mka.objects.sweep import SweepRow
from mka.objects.texts import Question, QuestionSet, Text, TextSet
from mka.planning.planner import plan
from mka.planning.strategies import drop_keep_last, truncate
from mka.workflows.analysis import analyze
from mka.workflows.evaluation import evaluate
from mka.workflows.planning import by_trying, measure_of
from mka.workflows.sweep import best_of, sweep
from tests.tiny import tiny_model_folder
from tests.workflows.builders import sentences

TEXTS = TextSet(tuple(map(Text, sentences(6))), "lands")
CALIBRATION = TextSet(tuple(map(Text, sentences(60, first=100))), "other lands")
QUESTIONS = QuestionSet(
    tuple(Question(f"Land {i} is", ("red", "blue", "big", "old"), i % 4, "lands") for i in range(4)), (), "asked"
)
JUDGED = {"texts": TEXTS, "questions": QUESTIONS}
CHOOSING = ("mka", "mka-code", "shortgpt", "angular")
TRYING = ("greedy", "laco")
FREE = ("truncate", "drop-keep-last")


def planned(model: LoadedModel, strategy: str, remove: int) -> MergePlan:
    """By the functions that `mka plan` calls, each for this plan alone."""
    if strategy in TRYING:
        return by_trying(model, strategy, remove, CALIBRATION)
    if strategy in FREE:
        made = {"truncate": truncate, "drop-keep-last": drop_keep_last}[strategy](model.stack.depth, remove)
        provenance = replace(made.provenance, seed=0 if strategy == "truncate" else None)
        return replace(made, fingerprint=model.fingerprint, source=model.source, provenance=provenance)
    measure = measure_of(strategy)
    assert measure is not None
    found = analyze(model, CALIBRATION, measures=(measure,), subsamples=0).similarities[measure]
    return plan(model, strategy=strategy, remove=remove, similarity=found, seed=0)


def test_each_row_is_what_its_parts_give(tiny_llama: LoadedModel) -> None:
    before = {name: tensor.clone() for name, tensor in tiny_llama.network.state_dict().items()}
    found = sweep(tiny_llama, (*CHOOSING, *TRYING, *FREE), (2, 1), calibration=CALIBRATION, **JUDGED)
    assert [row.remove for row in found.rows] == [1] * 8 + [2] * 8
    assert [row.strategy for row in found.rows] == [*CHOOSING, *TRYING, *FREE] * 2
    for row in found.rows:
        merged = merge(tiny_llama, planned(tiny_llama, row.strategy, row.remove))
        report = evaluate(merged, ("perplexity", "choices"), controls=False, **JUDGED)
        assert row.plan == merged.plan and row.refused == "" and row.seconds > 0
        assert row.result == replace(report.result, name=row.strategy, cost=row.result and row.result.cost)
        assert row.result is not None and row.result.cost.layers == 4 - row.remove
        assert found.baseline.perplexity == (report.baseline and report.baseline.perplexity)
    assert all(torch.equal(before[name], tensor) for name, tensor in tiny_llama.network.state_dict().items())
    assert (found.calibration_source, found.text_source, found.question_source) == ("other lands", "lands", "asked")


def test_rows_of_repairs(tiny_llama: LoadedModel) -> None:
    repairs = ("none", "linear-cut", "scale")
    found = sweep(
        tiny_llama, ("truncate", "mka"), [1], repairs, calibration=CALIBRATION, tasks=("divergence",), **JUDGED
    )
    assert [(row.strategy, row.repair) for row in found.rows] == [(s, r) for s in ("truncate", "mka") for r in repairs]
    assert [row.name for row in found.rows[:2]] == ["truncate", "truncate + linear-cut"]
    for row in found.rows:
        texts = None if row.repair == "none" else CALIBRATION
        made = planned(tiny_llama, row.strategy, 1)
        merged = merge(tiny_llama, made, repair=row.repair, calibration=texts)
        report = evaluate(merged, ("divergence",), texts=TEXTS, controls=False)
        assert row.plan == merged.plan
        assert row.result is not None and row.result.divergence == report.result.divergence
    assert len({row.plan.key for row in found.rows if row.plan}) == 6


@pytest.fixture
def idle_last(tiny_llama_folder: Path) -> LoadedModel:
    """The last of its four layers adds nothing, so that whoever looks for the least useful layer finds the last."""
    model = load(tiny_llama_folder, device="cpu")
    for part in (model.stack.layers[3].self_attn.o_proj, model.stack.layers[3].mlp.down_proj):
        part.weight.data.zero_()
    return model


def test_a_plan_that_several_propose_is_measured_once(idle_last: LoadedModel) -> None:
    stages: list[str] = []
    found = sweep(
        idle_last, ("truncate", "drop-keep-last", "shortgpt"), [1], ("none", "linear"), calibration=CALIBRATION,
        texts=TEXTS, progress=lambda stage, done, total: stages.append(stage),
    )  # fmt: skip
    first, mended, *others, again, mended_again = found.rows
    assert [row.same_as for row in found.rows] == ["", "", "", "", "truncate", "truncate"]
    for one, other in ((first, again), (mended, mended_again)):
        assert one.result is not None and other.result == replace(one.result, name=other.name)
        made = planned(idle_last, "shortgpt", 1)
        merged = merge(idle_last, made, repair=one.repair, calibration=None if one is first else CALIBRATION)
        assert other.plan == merged.plan, "it names who chose the layers, and by which texts"
    assert all(row.result is not None for row in others)
    assert "truncate + linear, 1 removed: repair" in stages and "truncate, 1 removed: perplexity" in stages
    assert not any(stage.startswith("shortgpt") for stage in stages)
    assert [row["same_as"] for row in found.to_json()["rows"]] == [None, None, None, None, "truncate", "truncate"]


def test_a_plan_that_several_propose_is_refused_alike(tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path, "gpt2", scale_attn_by_inverse_layer_idx=True), device="cpu")
    for part in (model.stack.layers[2].attn.c_proj, model.stack.layers[2].mlp.c_proj):
        part.weight.data.zero_(), part.bias.data.zero_()
    one, other = sweep(model, ("drop-keep-last", "shortgpt"), [1], texts=TEXTS, calibration=CALIBRATION).rows
    assert "scale" in one.refused and other.refused == one.refused and other.same_as == "drop-keep-last"
    assert one.plan is not None and other.plan is not None and one.plan.key == other.plan.key


def test_texts_are_read_once_and_only_where_something_reads_them(tiny_llama: LoadedModel) -> None:
    stages: list[tuple[str, int]] = []

    def progress(stage: str, done: int, total: int) -> None:
        stages.append((stage, done))

    sweep(tiny_llama, CHOOSING, (1, 2), calibration=CALIBRATION, texts=TEXTS, progress=progress)
    begun = [stage for stage, done in stages if done == 0]
    assert [begun.count(one) for one in ("collect", "npib", "npib-code", "block-influence", "angular")] == [1] * 5
    assert [done for stage, done in stages if stage == "sweep"] == list(range(1, 9))
    assert ("mka, 2 removed: perplexity", 0) in stages
    free = sweep(tiny_llama, FREE, [1], texts=TEXTS)  # this model has no calibration texts by default
    assert free.calibration_source == "" and len(free.rows) == 2


def test_what_cannot_be_is_a_row_that_says_why(tiny_llama: LoadedModel, tmp_path: Path) -> None:
    found = sweep(tiny_llama, ("mka", "truncate"), (3, 4), texts=TEXTS, calibration=CALIBRATION)
    assert [row.refused for row in found.rows] == [
        "mka can remove 1 to 2 of 4 layers, not 3; choose another number",
        "",
        "mka can remove 1 to 2 of 4 layers, not 4; choose another number",
        "truncate can remove 1 to 3 of 4 layers, not 4; choose another number",
    ]
    refused = found.rows[0]
    assert (refused.plan, refused.result) == (None, None) and math.isnan(refused.perplexity + refused.accuracy)
    assert [best.row for best in found.best] == [(3, "truncate", "none")]
    scaled = load(tiny_model_folder(tmp_path, "gpt2", scale_attn_by_inverse_layer_idx=True), device="cpu")
    one, other = sweep(scaled, FREE, [1], texts=TEXTS).rows
    assert one.refused == "" and "scale" in other.refused and other.plan is not None and other.result is None


def test_a_repair_that_cannot_be_names_the_plan_that_asked_for_it(tmp_path: Path) -> None:
    model = load(tiny_model_folder(tmp_path, "gemma2"), device="cpu")
    rows = sweep(model, ["truncate"], [1], ["none", "linear"], texts=TEXTS, calibration=CALIBRATION).rows
    one, other = rows
    assert "cannot be repaired" in other.refused and one.plan is not None
    assert other.plan == replace(one.plan, repair="linear")


def test_rows_arrive_one_by_one_and_the_work_can_be_stopped(tiny_llama: LoadedModel) -> None:
    cancel, seen = Cancel(), list[SweepRow]()

    def each(row: SweepRow) -> None:
        seen.append(row)
        cancel.request()

    with pytest.raises(Cancelled):
        sweep(tiny_llama, ("truncate",), (1, 2), texts=TEXTS, each=each, cancel=cancel)
    assert [row.remove for row in seen] == [1]


def test_json_has_null_where_there_is_no_value(tiny_llama: LoadedModel) -> None:
    found = mka.sweep(tiny_llama, ("truncate",), (1, 9), texts=TEXTS)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["model"]["layers"] == 4 and told["model"]["perplexity"] == found.baseline.perplexity.value
    first, second = told["rows"]
    assert (first["strategy"], first["remove"], first["repair"], first["layers"]) == ("truncate", 1, "none", 3)
    assert first["perplexity"] == found.rows[0].perplexity and first["accuracy"] is None and first["refused"] is None
    assert first["plan_key"] == found.rows[0].plan.key and first["groups"][0]["layers"] == [3]
    assert second["perplexity"] is None and second["plan_key"] is None and "1 to 3" in second["refused"]
    assert told["best"][0]["strategy"] == "truncate" and told["calibration_source"] is None


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"strategies": ("best",)}, "strategy 'best' is unknown"),
        ({"repairs": ("tape",)}, "repair 'tape' is unknown"),
        ({"strategies": ()}, "at least one strategy"),
        ({"remove": ()}, "at least one strategy, one number"),
        ({"repairs": ()}, "one repair"),
        ({"tasks": ("generation",)}, "a sweep does not measure generation"),
        ({"tasks": ("choices",), "questions": None}, "choices needs questions"),
        ({"strategies": ("mka",)}, "--calibration"),
        ({"repairs": ("linear",)}, "--calibration"),
        ({"calibration": CALIBRATION}, "none of these strategies and repairs reads calibration texts; leave"),
        ({"strategies": ("greedy",), "calibration": TEXTS}, "6 of the texts .* also calibrated the plan"),
    ],
)
def test_refuses_before_any_work(tiny_llama: LoadedModel, asked: dict[str, object], words: str) -> None:
    def each(row: SweepRow) -> None:
        raise AssertionError(row)

    whole = {"strategies": ("truncate",), "remove": (1,), "texts": TEXTS, "each": each, **asked}
    with pytest.raises(BadInput, match=words):
        sweep(tiny_llama, **whole)  # type: ignore[arg-type]


def test_texts_of_an_earlier_merge_judge_nothing(tiny_llama: LoadedModel) -> None:
    made = replace(truncate(4, 1), provenance=Provenance(text_hashes=TEXTS.hashes))
    with pytest.raises(BadInput, match="also calibrated the plan"):
        sweep(merge(tiny_llama, made).model, ("truncate",), [1], texts=TEXTS)


def result(perplexity: float = math.nan, accuracy: float = math.nan, kl: float = math.nan) -> Result:
    """Of 3 layers; a figure that is not given was not measured."""
    return Result(
        "r",
        Cost(3, 10, 40, math.nan),
        None if math.isnan(perplexity) else Perplexity(perplexity, 0.01, 100, 10),
        None if math.isnan(accuracy) else Choices(accuracy, (0.0, 1.0), 0.25, (0.0, 1.0), 100, 0, {}),
        None if math.isnan(kl) else Divergence(kl, 0.001, 0.5, 100),
    )


def row(strategy: str, found: Result | None, remove: int = 1, repair: str = "none") -> SweepRow:
    return SweepRow(strategy, remove, repair, MergePlan(4), found, "" if found else "no", 0.0)


WHOLE = Result("whole", Cost(4, 12, 48, math.nan), Perplexity(2.0, 0.01, 100, 10), None)


def test_the_best_has_the_lowest_perplexity_and_is_held_against_the_controls() -> None:
    rows = [
        row("mka", result(3.0, 0.5)),
        row("truncate", result(4.0, 0.6)),
        row("truncate", result(3.5, 0.5), repair="linear"),
        row("mka", None, 2),
        row("truncate", result(8.0), 2),
        row("drop-keep-last", result(6.0), 2),
        row("mka", None, 3),
        row("truncate", result(9.0), 4, repair="linear"),
        row("truncate", result(9.5), 4),
        row("shortgpt", result(9.0), 4),
    ]
    best = best_of(rows, WHOLE)
    assert [one.row for one in best] == [
        (1, "mka", "none"), (2, "drop-keep-last", "none"), (4, "truncate", "linear"),
    ]  # fmt: skip
    assert "perplexity 3.000 against 4.000 by truncate" in best[0].says
    assert best[0].says.endswith("The highest accuracy, 60.0 %, is that of truncate.")
    assert best[1].says.endswith("It is a control that costs nothing: no other row beats deleting as many layers so.")
    assert "perplexity 9.000 against 9.500 by truncate" in best[2].says
    assert best_of([row("mka", None)], WHOLE) == ()


def test_the_best_by_accuracy_or_divergence_alone() -> None:
    rows = [row("mka", result(accuracy=0.5)), row("shortgpt", result(accuracy=0.7))]
    assert best_of(rows, WHOLE)[0].strategy == "shortgpt"
    rows = [row("mka", result(kl=0.5)), row("shortgpt", result(kl=0.7))]
    assert best_of(rows, WHOLE)[0].strategy == "mka"
    broken = replace(result(1.0), perplexity=Perplexity(math.nan, math.nan, 100, 10))
    assert best_of([row("mka", broken), row("shortgpt", result(99.0))], WHOLE)[0].strategy == "shortgpt"
