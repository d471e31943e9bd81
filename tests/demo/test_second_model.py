"""The second model that ships, for benchmarks: another architecture, the demo model's training, and an honest card."""

from __future__ import annotations

import csv
import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from mka.assets import asset
from mka.data.questions import load_questions
from mka.data.texts import load_texts
from mka.demo.train import RECIPES
from mka.demo.world import World
from mka.evaluation.choices import choices
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.workflows.inspection import inspect

FOLDER = Path(__file__).parents[2] / "benchmarks" / "second-model"
DEMO = asset("demo-model")
RECIPE = RECIPES["gpt_neox"]


@cache
def figures(folder: Path = FOLDER) -> dict[str, Any]:
    return json.loads((folder / "figures.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@cache
def readme() -> str:
    return (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def second() -> LoadedModel:
    """Computing in float32, in which its card was measured and which a CPU is quicker at."""
    return load(FOLDER, dtype="float32")


def test_it_loads_with_plain_transformers_and_speaks() -> None:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(FOLDER), AutoTokenizer.from_pretrained(FOLDER)
    assert (type(model).__name__, model.dtype) == ("GPTNeoXForCausalLM", torch.float16)
    made = model.generate(**tokenizer("The opposite of hot is", return_tensors="pt"), max_new_tokens=6, do_sample=False)
    assert tokenizer.decode(made[0], skip_special_tokens=True).startswith("The opposite of hot is cold.")


def test_both_models_stay_within_sixteen_megabytes() -> None:
    assert sum(path.stat().st_size for folder in (DEMO, FOLDER) for path in folder.iterdir()) <= 16_000_000
    assert {path.suffix for path in FOLDER.iterdir()} <= {".safetensors", ".json", ".md", ".png", ".csv"}


def test_it_differs_from_the_demo_model_in_kind_and_hardly_in_size() -> None:
    network = AutoModelForCausalLM.from_pretrained(FOLDER)
    config, block = network.config, network.gpt_neox.layers[0]
    assert config.use_parallel_residual and config.attention_bias and config.tie_word_embeddings
    assert {type(part).__name__ for part in block.children()} >= {"LayerNorm", "GPTNeoXAttention", "GPTNeoXMLP"}
    assert [name for name, _ in block.mlp.named_parameters()] == [
        "dense_h_to_4h.weight", "dense_h_to_4h.bias", "dense_4h_to_h.weight", "dense_4h_to_h.bias",
    ]  # fmt: skip
    assert (config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.intermediate_size) == (
        RECIPE.layers, RECIPE.width, RECIPE.heads, RECIPE.intermediate,
    )  # fmt: skip
    assert 0.9 <= network.num_parameters() / figures(DEMO)["parameters"] <= 1.1
    assert (FOLDER / "tokenizer.json").read_bytes() == (DEMO / "tokenizer.json").read_bytes()


def test_no_two_of_its_layers_are_alike(second: LoadedModel) -> None:
    weights = [layer.mlp.dense_4h_to_h.weight.flatten() for layer in second.stack.layers]
    for place, one in enumerate(weights):
        for other in weights[:place]:
            assert torch.nn.functional.cosine_similarity(one, other, dim=0) < 0.5


def test_mka_describes_it() -> None:
    summary = inspect(str(FOLDER))
    assert (summary.architecture, summary.layers) == ("GPTNeoXForCausalLM", 12)
    assert summary.fingerprint == figures()["fingerprint"]
    assert summary.parameters == figures()["parameters"]


def test_it_knows_its_world_as_the_demo_model_does() -> None:
    accuracy = figures()["choices"]["accuracy"]
    assert accuracy >= 0.85 and accuracy >= figures(DEMO)["choices"]["ci95"][0]
    assert figures()["choices"]["subjects"].keys() == {subject.name for subject in World().subjects}
    assert min(one["accuracy"] for one in figures()["choices"]["subjects"].values()) >= 0.6
    assert figures()["whole"]["value"] <= 1.05 * figures(DEMO)["whole"]["value"]


def test_the_perplexity_of_its_card_is_that_of_a_bare_forward_pass() -> None:
    """All test texts, with transformers alone."""
    network = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    total, count = 0.0, 0
    for text in load_texts("demo", split="test").texts:
        ids = tokenizer(text.text, return_tensors="pt").input_ids
        with torch.no_grad():
            logits = network(ids).logits[0, :-1].double()
        total += torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
        count += ids.shape[1] - 1
    assert count == figures()["whole"]["tokens"]
    assert math.exp(total / count) == pytest.approx(figures()["whole"]["value"], rel=1e-4)


def test_some_questions_are_answered_as_its_card_says(second: LoadedModel) -> None:
    asked = load_questions("demo")
    few = tuple(question for question in asked.questions if question.subject in ("family", "rulers"))
    for name, found in choices(second, type(asked)(few, asked.exemplars, asked.source)).subjects.items():
        assert found.accuracy == pytest.approx(figures()["choices"]["subjects"][name]["accuracy"], abs=1.5 / 120)


def test_the_card_shows_these_figures() -> None:
    assert figures()["fingerprint"] in readme() and f"`{figures()['command']}`" in readme()
    for name, one in figures()["choices"]["subjects"].items():
        assert f"| {name} | {100 * one['accuracy']:.1f} % | {100 * one['letter']:.1f} % | {one['n']} |" in readme()
    for one in [*figures()["deletions"], *figures()["strategies"]]:
        layers, accuracy = " ".join(map(str, one["layers"])), f"{100 * one['accuracy']:.1f} %"
        assert re.search(rf"\| {one['name']} \| {one['removed']} \| {layers} \| .+ \| {accuracy} \|", readme())
    assert len(figures()["deletions"]) == figures()["depth"] == RECIPE.layers


def test_the_card_tells_the_recipe_and_the_log_agrees() -> None:
    text = " ".join(readme().split())
    told = (
        "python -m mka.demo.train --architecture gpt_neox --out benchmarks/second-model",
        f"{RECIPE.layers} decoder layers", f"width {RECIPE.width}", f"{RECIPE.heads} heads", f"seed {RECIPE.seed}",
        f"{RECIPE.vocabulary:,} tokens", f"{RECIPE.steps:,} steps of {RECIPE.batch} rows of {RECIPE.context} tokens",
        f"{RECIPE.warmup} steps of warm-up", f"cosine to {100 * RECIPE.final_share:.0f} %",
        f"weight decay {RECIPE.weight_decay}", f"{RECIPE.intermediate} wide within", f"| {RECIPE.stored} |",
        f"| {figures(DEMO)['parameters']:,} | {figures()['parameters']:,} |",
    )  # fmt: skip
    assert [words for words in told if words not in text] == []
    with (FOLDER / "training-log.csv").open(encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    assert (int(last["step"]), int(last["tokens"])) == (RECIPE.steps, RECIPE.tokens)
    assert float(last["loss"]) == pytest.approx(math.log(figures()["training"]["value"]), rel=0.1)
