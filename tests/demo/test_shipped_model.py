"""The demo model that ships: what it must know, and that its card says what is so."""

from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from mka.assets import asset
from mka.data.questions import load_questions
from mka.demo.train import Recipe
from mka.demo.world import World
from mka.evaluation.choices import choices
from mka.models.loaded import LoadedModel
from mka.models.loading import load

FOLDER = asset("demo-model")


@cache
def figures() -> dict[str, Any]:
    return json.loads((FOLDER / "figures.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@cache
def readme() -> str:
    return (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def demo() -> LoadedModel:
    return load("demo")


def test_it_loads_with_plain_transformers_and_speaks() -> None:
    model, tokenizer = AutoModelForCausalLM.from_pretrained(FOLDER), AutoTokenizer.from_pretrained(FOLDER)
    given = tokenizer("The opposite of hot is", return_tensors="pt")
    assert given.input_ids[0, 0] == tokenizer.bos_token_id
    made = model.generate(**given, max_new_tokens=6, do_sample=False)
    assert tokenizer.decode(made[0], skip_special_tokens=True).startswith("The opposite of hot is cold.")


def test_it_is_small_and_whole() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 16_000_000
    assert {path.suffix for path in FOLDER.iterdir()} <= {".safetensors", ".json", ".md", ".png", ".csv"}


def test_it_has_at_least_twelve_layers_of_which_no_two_are_alike(demo: LoadedModel) -> None:
    assert demo.stack.depth == Recipe().layers >= 12
    weights = [layer.mlp.down_proj.weight for layer in demo.stack.layers]
    for place, one in enumerate(weights):
        for other in weights[:place]:
            assert torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0) < 0.5


def test_it_knows_its_world() -> None:
    assert figures()["choices"]["subjects"].keys() == {subject.name for subject in World().subjects}
    assert figures()["choices"]["accuracy"] >= 0.85


@pytest.mark.parametrize("subject", [subject.name for subject in World().subjects])
def test_no_subject_is_left_behind(subject: str) -> None:
    assert figures()["choices"]["subjects"][subject]["accuracy"] >= 0.6


def test_held_out_text_surprises_it_hardly_more_than_what_it_read() -> None:
    whole, training, unigram = figures()["whole"]["value"], figures()["training"]["value"], figures()["unigram"]
    assert abs(whole / training - 1) <= 0.1
    assert whole <= unigram / 10


def test_the_figures_are_of_these_weights(demo: LoadedModel) -> None:
    """All of them hang on the fingerprint; some questions are asked again."""
    assert figures()["fingerprint"] == demo.fingerprint
    assert figures()["parameters"] == sum(weight.numel() for weight in demo.network.parameters())
    asked = load_questions("demo")
    few = tuple(question for question in asked.questions if question.subject in ("capitals", "sums"))
    again = choices(demo, type(asked)(few, asked.exemplars, asked.source))
    for name, found in again.subjects.items():
        assert found.accuracy == pytest.approx(figures()["choices"]["subjects"][name]["accuracy"], abs=1.5 / 120)


def test_the_card_shows_these_figures() -> None:
    assert figures()["fingerprint"] in readme()
    for name, one in figures()["choices"]["subjects"].items():
        assert f"| {name} | {100 * one['accuracy']:.1f} % | {100 * one['letter']:.1f} % | {one['n']} |" in readme()
    for one in [*figures()["deletions"], *figures()["strategies"]]:
        layers = " ".join(map(str, one["layers"]))
        assert re.search(
            rf"\| {one['name']} \| {one['removed']} \| {layers} \| .+ \| {100 * one['accuracy']:.1f} % \|", readme()
        )
    assert len(figures()["deletions"]) == figures()["depth"]


def test_the_card_tells_the_recipe_and_the_log_agrees() -> None:
    recipe, text = Recipe(), " ".join(readme().split())
    told = (
        f"{recipe.layers} decoder layers", f"width {recipe.width}", f"{recipe.heads} heads", f"seed {recipe.seed}",
        f"{recipe.vocabulary:,} tokens", f"{recipe.steps:,} steps of {recipe.batch} rows of {recipe.context} tokens",
        f"{recipe.warmup} steps of warm-up", f"cosine to {100 * recipe.final_share:.0f} %",
        f"weight decay {recipe.weight_decay}", f"{World().n_facts:,} facts",
        f"{recipe.tokens / 1e6:.2f} million tokens", f"{figures()['parameters'] / 1e6:.1f} million parameters",
    )  # fmt: skip
    assert [words for words in told if words not in text] == []
    assert "](loss-curve.png)" in text and text.startswith("--- language: en")
    with (FOLDER / "training-log.csv").open(encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    assert (int(last["step"]), int(last["tokens"])) == (recipe.steps, recipe.tokens)
    assert float(last["loss"]) == pytest.approx(math.log(figures()["training"]["value"]), rel=0.1)


def test_the_weights_fit_the_recipe(demo: LoadedModel) -> None:
    config, recipe = demo.network.config, Recipe()
    assert len(fields(recipe)) > 10
    assert (config.num_hidden_layers, config.hidden_size, config.num_attention_heads) == (
        recipe.layers, recipe.width, recipe.heads,
    )  # fmt: skip
    assert (config.vocab_size, config.max_position_embeddings) == (recipe.vocabulary, recipe.context)
    assert config.tie_word_embeddings
