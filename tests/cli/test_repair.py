"""`mka merge --repair` end to end on a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.numpy import load_file

from mka.objects.texts import Text
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
