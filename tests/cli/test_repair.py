"""`mka merge --repair` end to end on a tiny model."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from safetensors.numpy import load_file

from mka.objects.texts import Text
from mka.planning.files import write_plan
from mka.planning.strategies import truncate
from tests.cli.conftest import Bench
from tests.cli.runner import mka, refused


def test_a_repaired_merge_is_a_plain_checkpoint_that_knows_its_texts(bench: Bench, tmp_path: Path) -> None:
    words = ("merge", bench.model, bench.plan, "--repair", "linear", "--calibration", bench.calibration)
    seen = mka(*words, "--out", tmp_path / "m")
    assert (seen.code, seen.err) == (0, ""), seen
    assert "repair linear: " in seen.out and "verified" in seen.out
    receipt = json.loads((tmp_path / "m" / "mka-receipt.json").read_text())
    plan = json.loads((tmp_path / "m" / "mka-plan.json").read_text())
    assert receipt["repair"] == plan["repair"] == "linear" and len(plan["provenance"]["text_hashes"]) == 12
    assert {one["name"] for one in receipt["repaired"]} <= {change["name"] for change in receipt["changes"]}
    plain, mended = (load_file(folder / "model.safetensors") for folder in (bench.checkpoint, tmp_path / "m"))
    assert {name: (t.shape, t.dtype) for name, t in plain.items()} == {
        name: (t.shape, t.dtype) for name, t in mended.items()
    }
    differing = {name for name, tensor in plain.items() if (tensor != mended[name]).any()}
    assert differing and differing == {one["name"] for one in receipt["repaired"]}
    card = (tmp_path / "m" / "README.md").read_text()
    assert "Repaired by `linear`" in card and "mka-plan.json --out DIR --calibration SRC`" in card
    evaluated = ("evaluate", tmp_path / "m", "--text", bench.calibration, "--tasks", "perplexity")
    assert "calibrat" in refused(mka(*evaluated))
    assert mka(*evaluated[:2], "--text", bench.texts, "--tasks", "perplexity").code == 0


def test_a_plan_that_names_its_repair_needs_no_more_than_texts(bench: Bench, tmp_path: Path) -> None:
    plan = json.loads(bench.plan.read_text()) | {"repair": "linear-cut"}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    words = ("merge", bench.model, tmp_path / "plan.json", "--out", tmp_path / "m")
    assert "the repair linear-cut is worked out from calibration texts" in refused(mka(*words))
    assert mka(*words, "--calibration", bench.calibration).code == 0
    assert mka(*words, "--repair", "none", "--overwrite").code == 0


def test_of_the_texts_of_a_repair_so_many_are_read_by_their_field(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    lines = [{"said": f"Text {n} is {n}.", "by": "nobody at all, at great length"} for n in range(9)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = ("merge", bench.model, bench.plan, "--repair", "linear-cut")
    assert mka(*words, "--calibration", file, "--limit", "6", "--field", "said", "--out", tmp_path / "m").code == 0
    told = json.loads((tmp_path / "m" / "mka-plan.json").read_text())["provenance"]["text_hashes"]
    known = {Text(line["said"]).hash for line in lines}
    assert len(known & set(told)) == 6, "beside those that chose the plan's layers"
    for option in (("--limit", "6"), ("--field", "said")):
        plain = ("merge", bench.model, bench.plan, "--out", tmp_path / "n")
        assert "choose among the texts of a repair" in refused(mka(*plain, *option))


def repaired_plan(bench: Bench, path: Path) -> Path:
    path.write_text(json.dumps(json.loads(bench.plan.read_text()) | {"repair": "linear-cut"}))
    return path


def test_a_repair_is_measured_without_a_checkpoint(bench: Bench, tmp_path: Path) -> None:
    plan = repaired_plan(bench, tmp_path / "plan.json")
    asked = ("--tasks", "perplexity,choices", "--text", bench.texts, "--questions", bench.questions, "--json", "-")
    texts = ("--calibration", bench.calibration)
    found = mka("evaluate", bench.model, "--plan", plan, *texts, *asked).json
    assert mka("merge", bench.model, plan, "--out", tmp_path / "m", *texts).code == 0
    written = mka("evaluate", tmp_path / "m", "--against", bench.model, *asked).json
    unrepaired = mka("evaluate", bench.model, "--plan", bench.plan, *asked).json
    assert found["tasks"] == written["tasks"] != unrepaired["tasks"]
    assert found["plan_key"] == written["plan_key"] != unrepaired["plan_key"]


def test_a_repair_needs_texts_that_judge_nothing(bench: Bench, tmp_path: Path) -> None:
    plan = repaired_plan(bench, tmp_path / "plan.json")
    words = ("evaluate", bench.model, "--plan", plan, "--tasks", "perplexity", "--text")
    plain, none = (*words[:3], bench.plan, *words[4:], bench.texts), (*words[:2], *words[4:], bench.texts)
    assert "name a .txt, .jsonl or .csv file or a folder with --calibration" in refused(mka(*words, bench.texts))
    assert "also calibrated the plan" in refused(mka(*words, bench.texts, "--calibration", bench.texts))
    assert "also calibrated the plan" in refused(mka(*words, bench.calibration, "--calibration", bench.texts))
    unread = tmp_path / "model"  # refused before the weights are looked for
    shutil.copytree(bench.model, unread, ignore=shutil.ignore_patterns("*.safetensors"))
    assert "also calibrated" in refused(mka(words[0], unread, *words[2:], bench.texts, "--calibration", bench.texts))
    for without_repair in (plain, none):
        assert "read by a repair only" in refused(mka(*without_repair, "--calibration", "a"))


def test_the_demo_model_has_calibration_texts_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_plan(replace(truncate(12, 2), repair="linear-cut"), path)
    words = ("evaluate", "demo", "--plan", path, "--tasks", "perplexity", "--limit", "20", "--json", "-")
    mended = mka(*words).json["tasks"]["perplexity"]
    write_plan(truncate(12, 2), path, overwrite=True)
    cut = mka(*words).json["tasks"]["perplexity"]
    assert mended["baseline"] == cut["baseline"] < mended["value"] < cut["value"]
