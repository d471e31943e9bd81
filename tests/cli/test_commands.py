"""Each command end to end on a tiny model: the JSON that other programs read, and the readable answer."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from mka import __version__
from mka.models.loaded import LoadedModel
from mka.models.summary import summarize
from mka.objects.texts import Text
from mka.planning.files import read_plan
from mka.workflows.analysis_files import read_analysis
from tests.cli.conftest import Bench
from tests.cli.runner import mka, refused
from tests.tiny import tiny_model_folder
from tests.workflows.builders import sentences, text_file


def test_inspect(bench: Bench, tiny_llama: LoadedModel) -> None:
    seen = mka("inspect", bench.model, "--json", "-")
    assert (seen.code, seen.err) == (0, "")
    summary = summarize(tiny_llama)
    answer = seen.json
    assert answer["architecture"] == "LlamaForCausalLM"
    assert answer["layers"] == 4
    assert answer["layer_types"] == ["full_attention"] * 4
    assert answer["parameters"] == summary.parameters == sum(p.numel() for p in tiny_llama.network.parameters())
    assert answer["bytes"] == 4 * answer["parameters"]

    readable = mka("inspect", bench.model)
    assert "LlamaForCausalLM" in readable.out and f"{summary.parameters:,}" in readable.out
    assert "\x1b" not in readable.out


def test_analyze(bench: Bench, tmp_path: Path) -> None:
    seen = mka(
        "analyze", bench.model, "--calibration", bench.calibration, "--measure", "npib,cosine", "--embed", "pca",
        "--limit", "10", "--seed", "4", "--out", tmp_path / "a", "--json", "-",
    )  # fmt: skip
    assert (seen.code, seen.err) == (0, "")
    answer, written = seen.json, read_analysis(tmp_path / "a")
    assert answer["points"] == written.n_points == 10
    assert list(answer["measures"]) == ["npib", "cosine"]
    for name, measure in answer["measures"].items():
        assert np.array_equal(measure["values"], written.similarities[name].values)
        assert measure["adjacent"] == [measure["values"][layer][layer + 1] for layer in range(3)]
    assert answer["seed"] == written.seed == 4
    assert answer["calibration"] == str(bench.calibration)
    assert len(answer["text_hashes"]) == 10
    assert "pca" in answer["embeddings"] and "pca" in written.embeddings


def test_analyze_says_what_was_cut(bench: Bench, tiny_llama: LoadedModel, tmp_path: Path) -> None:
    context = tiny_llama.stack.text_config.max_position_embeddings
    long = tmp_path / "long.txt"
    long.write_text("\n".join([*(f"text {i}" for i in range(5)), "x" * context]) + "\n")
    seen = mka("analyze", bench.model, "--calibration", long, "--json", "-")
    assert seen.code == 0 and seen.json["cut"] == 1
    assert seen.err == (
        f"mka: 1 of 6 texts are longer than the model's context of {context} tokens and were cut to it; "
        "shorten or split them to have their ends read\n"
    )


def test_plan_says_that_its_texts_are_too_few(bench: Bench, tmp_path: Path) -> None:
    few = text_file(tmp_path / "few.txt", sentences(5))
    seen = mka("plan", bench.model, "--strategy", "mka", "--remove", "1", "--calibration", few, "--json", "-")
    assert seen.code == 0 and seen.err.startswith("mka: npib: only 5 points: too few")


def test_plan_says_what_was_cut(bench: Bench, tmp_path: Path) -> None:
    long = text_file(tmp_path / "long.txt", [" ".join(sentences(9, first=500)), *sentences(6)])
    seen = mka("plan", bench.model, "--strategy", "mka", "--remove", "1", "--calibration", long, "--json", "-")
    assert seen.json["provenance"]["measure"] == "npib"
    assert seen.err.startswith("mka: 1 of 7 texts are longer than the model's context of 128 tokens and were cut")


def test_json_to_a_file_beside_the_readable_answer(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "r.json"
    words = ("analyze", bench.model, "--calibration", bench.calibration)
    readable = mka(*words, "--json", path)
    assert readable.code == 0 and "npib" in readable.out and "2-3" in readable.out
    again = mka(*words, "--json", "-").json
    assert again.pop("from_store") == {"reading": True, "npib": True} and again["measures"]["npib"].pop("from_store")
    written = json.loads(path.read_text())
    assert written.pop("from_store") == {"reading": False, "npib": False}
    assert not written["measures"]["npib"].pop("from_store")
    assert written == again
    assert [one.name for one in path.parent.iterdir()] == ["r.json"]


def test_plan_by_trying(bench: Bench, tmp_path: Path) -> None:
    words = ("plan", bench.model, "--strategy", "greedy", "--remove", "1")
    answer = mka(
        *words, "--calibration", bench.calibration, "--limit", "3", "--out", tmp_path / "p.json", "--json", "-"
    )
    assert answer.json["provenance"]["strategy"] == "greedy" and answer.json["provenance"]["measure"] == "perplexity"
    assert len(answer.json["provenance"]["text_hashes"]) == 3 and read_plan(tmp_path / "p.json").removed == 1
    for wrong in (("--analysis", bench.analysis), ("--measure", "npib", "--calibration", bench.calibration)):
        refused = mka(*words, *wrong)
        assert refused.code == 2 and "greedy tries plans on texts and reads no similarity" in refused.err
    unnamed = mka(*words)
    assert unnamed.code == 2 and "needs calibration texts of its own kind" in unnamed.err


@pytest.mark.parametrize("strategy", ["mka", "greedy"])
def test_plan_reads_the_field_of_records_that_is_named(strategy: str, bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    lines = [{"said": said, "by": "nobody at all, at great length, and longer still"} for said in sentences(12)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = ("plan", bench.model, "--strategy", strategy, "--remove", "1", "--calibration", file, "--json", "-")
    told = mka(*words, "--field", "said").json["provenance"]["text_hashes"]
    assert set(told) == {Text(line["said"]).hash for line in lines}
    assert "'sung'" in refused(mka(*words, "--field", "sung"))


def test_plan(bench: Bench, tmp_path: Path) -> None:
    plan = read_plan(bench.plan)
    assert plan.removed == 1 and plan.provenance.measure == "npib"
    computed = mka(
        "plan", bench.model, "--strategy", "mka", "--remove", "1", "--calibration", bench.calibration, "--json", "-"
    )
    answer = computed.json
    savings = answer.pop("savings")
    assert savings["layers"] == [4, 3] and answer.pop("mka") == __version__
    per_layer = (savings["parameters"][0] - savings["parameters"][1]) * 2
    assert savings["flops_per_token"][0] - savings["flops_per_token"][1] == per_layer
    assert answer == plan.to_json()
    assert answer["format"] == "mka-plan/1" and answer["model"]["layers"] == 4
    assert len(answer["provenance"]["text_hashes"]) == 12

    words = ("plan", bench.model, "--strategy", "mka", "--remove", "1", "--calibration", bench.calibration)
    limited = mka(*words, "--limit", "6", "--seed", "5", "--json", "-").json
    assert len(limited["provenance"]["text_hashes"]) == 6 and limited["provenance"]["seed"] == 5

    by_hand = mka("plan", bench.model, "--groups", "0-1,2-3", "--out", tmp_path / "p.json")
    assert (
        "4 layers become 2" in by_hand.out
        and "per token, FLOPs " in by_hand.out
        and str(tmp_path / "p.json") in by_hand.out
    )
    assert [group.weights for group in read_plan(tmp_path / "p.json").groups] == [(0.5, 0.5)] * 2

    chosen = mka("plan", bench.model, "--groups", "0-1", "--analysis", bench.analysis, "--json", "-").json
    assert [group["layers"] for group in chosen["groups"]] == [[0, 1]]
    assert chosen["provenance"] == answer["provenance"] | {"strategy": "manual"}

    truncated = mka("plan", bench.model, "--strategy", "truncate", "--remove", "2", "--json", "-").json
    assert truncated["groups"] == [{"layers": [2, 3], "method": "drop", "tensors": "all", "experts": "refuse"}]
    assert truncated["provenance"]["text_hashes"] == []


def test_merge_writes_what_any_tool_loads(bench: Bench, tmp_path: Path) -> None:
    seen = mka("merge", bench.model, bench.plan, "--out", tmp_path / "m", "--verify", "--json", "-")
    assert (seen.code, seen.err) == (0, "")
    assert seen.json["layers_after"] == 3 and seen.json["verified"] is not None
    network = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "m")
    assert network.config.num_hidden_layers == 3
    # The merged layer, by hand, from the source's own file.
    group = read_plan(bench.plan).groups[0]
    source = AutoModelForCausalLM.from_pretrained(bench.model)
    name = "mlp.up_proj.weight"
    expected = sum(
        weight * source.get_parameter(f"model.layers.{layer}.{name}").double()
        for layer, weight in zip(group.layers, group.weights, strict=True)
    )
    assert isinstance(expected, torch.Tensor)
    merged = network.get_parameter(f"model.layers.{group.layers[0]}.{name}")
    torch.testing.assert_close(merged, expected.float(), rtol=0, atol=1e-7)
    assert network.generate(**tokenizer("Land", return_tensors="pt"), max_new_tokens=4).shape[1] > 5

    readable = mka("merge", bench.model, bench.plan, "--out", tmp_path / "m", "--overwrite")
    assert readable.code == 0
    assert "4 layers became 3" in readable.out and "verified: after reloading" in readable.out


def test_merge_warns_of_experts_averaged_by_their_numbers(tmp_path: Path) -> None:
    model = tiny_model_folder(tmp_path, "mixtral", num_local_experts=3, num_experts_per_tok=2)
    plan, out = tmp_path / "plan.json", tmp_path / "m"
    assert mka("plan", model, "--groups", "1-2", "--out", plan).code == 0
    assert "by-index" in refused(mka("merge", model, plan, "--out", out))
    plan.write_text(plan.read_text().replace('"experts": "refuse"', '"experts": "by-index"'))
    merged = mka("merge", model, plan, "--out", out)
    assert merged.code == 0 and "WARNING: the experts of layers 1, 2 were merged" in " ".join(merged.out.split())


TASKS = "perplexity,choices,divergence"


@pytest.fixture(scope="module")
def evaluated(bench: Bench) -> dict[str, object]:
    """The checkpoint against its source, as JSON."""
    seen = mka(
        "evaluate", bench.checkpoint, "--against", bench.model, "--tasks", TASKS, "--text", bench.texts,
        "--questions", bench.questions, "--json", "-",
    )  # fmt: skip
    assert (seen.code, seen.err) == (0, "")
    answer: dict[str, object] = seen.json
    return answer


def test_evaluate_has_the_shape_that_programs_read(evaluated: dict) -> None:
    tasks = evaluated["tasks"]
    assert set(tasks) == {"perplexity", "choices", "divergence"}
    assert {"value", "stderr", "baseline"} <= set(tasks["perplexity"])
    assert {"accuracy", "ci95", "baseline", "letter", "subjects"} <= set(tasks["choices"])
    assert set(tasks["choices"]["subjects"]) == {"rivers", "hills"}
    differing, n = tasks["choices"]["paired"], tasks["choices"]["n"]
    change = tasks["choices"]["accuracy"] - tasks["choices"]["baseline"]
    assert (differing["won"] - differing["lost"]) / n == pytest.approx(change) and 0 < differing["p"] <= 1
    assert tasks["choices"]["subjects"]["hills"]["n"] == 4
    low, high = tasks["choices"]["ci95"]
    assert 0 <= low <= tasks["choices"]["accuracy"] <= high <= 1
    assert tasks["divergence"]["kl"] > 0 and 0 <= tasks["divergence"]["top1"] <= 1
    assert set(evaluated["controls"]) == {"truncate", "drop-keep-last"}
    for control in evaluated["controls"].values():
        assert control["layers"] == 3
        assert control["perplexity"]["value"] > 1 and "accuracy" in control["choices"]
    before = evaluated["baseline"]
    assert tasks["perplexity"]["baseline"] == before["perplexity"]["value"] != tasks["perplexity"]["value"]
    assert tasks["choices"]["baseline"] == before["choices"]["accuracy"]
    assert evaluated["baseline"]["layers"] == 4 and evaluated["model"]["layers"] == 3
    assert evaluated["seed"] == 0 and evaluated["versions"]["torch"]


def test_a_plan_merged_in_memory_measures_the_same(bench: Bench, evaluated: dict) -> None:
    words = ("--tasks", TASKS, "--text", bench.texts, "--questions", bench.questions, "--json", "-")
    answer = mka("evaluate", bench.model, "--plan", bench.plan, *words).json
    assert answer["tasks"] == evaluated["tasks"]
    assert answer["controls"] == evaluated["controls"]
    assert answer["plan_key"] == evaluated["plan_key"]


def test_data_names_both_texts_and_questions(bench: Bench) -> None:
    answer = mka("evaluate", bench.model, "--data", bench.questions, "--limit", "2", "--shots", "1", "--json", "-").json
    assert set(answer["tasks"]) == {"perplexity", "choices"}
    assert answer["tasks"]["choices"]["n"] == 2 and answer["tasks"]["choices"]["shots"] == 1
    assert answer["tasks"]["perplexity"]["texts"] == 2
    assert answer["baseline"] is None and answer["controls"] == {}
    assert answer["tasks"]["choices"]["paired"] is None
    assert "No baseline was named" in answer["verdict"]


def test_speed_needs_no_data_and_generation_writes(bench: Bench) -> None:
    assert (
        mka("evaluate", bench.model, "--tasks", "speed", "--json", "-").json["tasks"]["speed"]["tokens_per_second"] > 0
    )
    seen = mka(
        "evaluate", bench.checkpoint, "--against", bench.model, "--tasks", "generation,perplexity",
        "--text", bench.texts, "--json", "-",
    )  # fmt: skip
    assert {"prompt", "baseline", "model"} == set(seen.json["tasks"]["generation"][0])


def test_the_readable_report_shows_perplexity_beside_accuracy(bench: Bench) -> None:
    seen = mka("evaluate", bench.model, "--plan", bench.plan, "--text", bench.texts, "--questions", bench.questions)
    assert (seen.code, seen.err) == (0, "")
    for word in (
        "this model",
        "baseline",
        "truncate",
        "drop-keep-last",
        "perplexity",
        "accuracy",
        "With 1 of 4 layers",
    ):
        assert word in seen.out
    assert "\x1b" not in seen.out
    (row,) = [line.split() for line in seen.out.splitlines() if line.strip().startswith("this model")]
    assert [len(re.sub(r"^[0.]+|\D", "", cell)) for cell in (*row[4:7:2], row[-2])] == [4, 2, 3], "significant digits"


def test_evaluate_puts_its_figures_into_the_card(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(bench.checkpoint, folder)
    assert "Nothing was measured" in (folder / "README.md").read_text()
    words = ("--against", bench.model, "--tasks", "perplexity", "--text", bench.texts)
    measured = mka("evaluate", folder, *words, "--card", "--json", "-").json["tasks"]["perplexity"]
    text = (folder / "README.md").read_text()
    assert f"| this model | 3 | {measured['value']:,.4g} ±" in text and "| control: truncate | 3 |" in text
    assert "Nothing was measured" not in text and "## Where the plan came from" in text


@pytest.mark.parametrize("words", [("--plan", "plan"), ()])
def test_a_model_without_a_card_of_ours_takes_no_figures(bench: Bench, words: tuple[str, ...]) -> None:
    named = tuple(bench.plan if word == "plan" else word for word in words)
    said = refused(mka("evaluate", bench.model, *named, "--tasks", "perplexity", "--text", bench.texts, "--card"))
    assert "card" in said
    assert not (bench.model / "README.md").exists()


def test_evaluate_says_what_did_not_fit_into_the_context(bench: Bench, tmp_path: Path) -> None:
    long = text_file(tmp_path / "long.txt", [" ".join(sentences(9, first=500)), *sentences(2)])
    seen = mka("evaluate", bench.model, "--tasks", "perplexity", "--text", long, "--json", "-")
    assert seen.json["tasks"]["perplexity"]["split"] == 1
    assert seen.err.startswith("mka: 1 of 3 texts are longer than the context")
