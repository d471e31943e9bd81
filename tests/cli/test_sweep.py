"""`mka sweep` end to end on a tiny model."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from mka.cli.sweep import numbers_in
from mka.errors import BadInput
from tests.cli.conftest import Bench
from tests.cli.runner import mka, refused
from tests.tiny import byte_tokenizer, tiny_network


def judged(bench: Bench) -> tuple[str | Path, ...]:
    return "--text", bench.texts, "--questions", bench.questions


def test_a_row_is_what_merge_and_evaluate_say(bench: Bench, tmp_path: Path) -> None:
    words = ("sweep", bench.model, "--strategies", "mka,truncate", "--remove", "1", "--calibration", bench.calibration)
    told = mka(*words, *judged(bench), "--tasks", "perplexity,choices,divergence", "--json", "-").json
    one = told["rows"][0]
    assert one["groups"] == json.loads(bench.plan.read_text())["groups"]
    asked = ("--tasks", "perplexity,choices,divergence", *judged(bench), "--json", "-")
    alone = mka("evaluate", bench.checkpoint, "--against", bench.model, *asked).json
    assert one["plan_key"] == alone["plan_key"]
    tasks = alone["tasks"]
    assert (one["perplexity"], one["accuracy"]) == (tasks["perplexity"]["value"], tasks["choices"]["accuracy"])
    assert (one["kl"], one["top1"]) == (tasks["divergence"]["kl"], tasks["divergence"]["top1"])
    assert told["rows"][1]["perplexity"] == alone["controls"]["truncate"]["perplexity"]["value"]
    assert told["model"]["perplexity"] == tasks["perplexity"]["baseline"]


def test_texts_that_nothing_reads_are_refused(bench: Bench, tmp_path: Path) -> None:
    words = ("sweep", bench.model, "--strategies", "truncate", "--remove", "1", *judged(bench))
    assert "none of these strategies and repairs reads" in refused(mka(*words, "--calibration", tmp_path / "none.txt"))


def test_the_table_the_lines_and_the_file(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    words = ("sweep", bench.model, "--strategies", "mka,truncate", "--remove", "2-3", "--repair", "none,scale")
    words = (*words, "--calibration", bench.calibration, *judged(bench), "--out", out)
    seen = mka(*words)
    assert seen.code == 0
    assert len(seen.err.splitlines()) == 8
    assert "mka: truncate + scale, 2 removed: perplexity " in seen.err and ", accuracy " in seen.err
    table = [line.split() for line in seen.out.splitlines()]
    assert table[0][:5] == ["removed", "strategy", "repair", "perplexity", "accuracy"] and "KL" not in table[0]
    assert [line[:3] for line in table[1:8]] == [
        ["0", "unmerged", "-"], ["2", "mka", "none"], ["2", "mka", "scale"], ["2", "truncate", "none"],
        ["2", "truncate", "scale"], ["3", "truncate", "none"], ["3", "truncate", "scale"],
    ]  # fmt: skip
    why = "mka can remove 1 to 2 of 4 layers, not 3; choose another number"
    assert f"mka, 3 removed: {why}" in seen.out and f"mka + scale, 3 removed: {why}" in seen.out
    assert "\n2 removed: " in seen.out and "\n3 removed: " in seen.out and f"written: {out}" in seen.out
    rows = list(csv.DictReader(out.open()))
    assert len(rows) == 8 and {row["refused"] for row in rows} == {"", why}
    assert all((float(row["perplexity"]) > 0) == (row["refused"] == "") for row in rows if row["perplexity"])
    assert all(0 <= float(row["accuracy_low"]) <= float(row["accuracy"]) for row in rows if row["accuracy"])
    before = out.read_bytes()
    assert "exists" in refused(mka(*words))
    assert out.read_bytes() == before


def test_a_plan_that_two_propose_is_told_in_the_table_the_lines_and_the_file(bench: Bench, tmp_path: Path) -> None:
    network = tiny_network(layers=3)
    for part in (network.model.layers[2].self_attn.o_proj, network.model.layers[2].mlp.down_proj):
        part.weight.data.zero_()  # the last layer adds nothing, so that it is the least useful one
    network.save_pretrained(tmp_path / "idle"), byte_tokenizer().save_pretrained(tmp_path / "idle")
    words = ("sweep", tmp_path / "idle", "--remove", "1", "--text", bench.texts, "--calibration", bench.calibration)
    seen = mka(*words, "--strategies", "truncate,drop-keep-last,shortgpt", "--out", tmp_path / "rows.csv")
    heading, _, first, other, again = seen.out.splitlines()[:5]
    assert heading.endswith("same plan as") and first.split()[-1] == other.split()[-1] == "-"
    assert again.split()[-1] == "truncate" and again.split()[-2] == first.split()[-2], "the plan and its key"
    assert seen.err.rstrip().endswith(", the plan of truncate, measured once")
    rows = list(csv.DictReader((tmp_path / "rows.csv").open()))
    assert [row["same_as"] for row in rows] == ["", "", "truncate"]
    alone = mka(*words[:-2], "--strategies", "truncate,drop-keep-last")
    assert "same plan as" not in alone.out


def test_the_free_strategies_need_no_calibration(bench: Bench) -> None:
    words = ("sweep", bench.model, "--remove", "1", "--text", bench.texts, "--strategies")
    assert mka(*words, "truncate,drop-keep-last").code == 0
    assert "with --calibration" in refused(mka(*words, "mka"))
    assert "with --calibration" in refused(mka(*words, "truncate", "--repair", "linear"))


def test_mistakes(bench: Bench) -> None:
    words = ("sweep", bench.model, "--strategies", "truncate", "--text", bench.texts)
    assert "--remove '3-1' is no number" in refused(mka(*words, "--remove", "3-1"))
    assert "needs data" in refused(mka(*words[:4], "--remove", "1"))
    assert "'best' is unknown" in refused(mka(*words[:3], "best", *words[4:], "--remove", "1"))
    calibrated = ("--strategies", "greedy", "--remove", "1", "--calibration", bench.texts)
    assert "also calibrated the plan" in refused(mka(*words[:2], *calibrated, "--text", bench.texts))


def test_numbers() -> None:
    assert numbers_in("1-3, 6,2") == (1, 2, 3, 6)
    for text in ("0", "a", "1-", "-1", "2-1", "1.5", ""):
        with pytest.raises(BadInput, match="--remove"):
            numbers_in(text)
