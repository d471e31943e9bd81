from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from mka.demo import tokens, train
from mka.demo.train import RECIPES, Recipe, RunFolder

TINY = Recipe(vocabulary=300, layers=2, width=16, heads=2, intermediate=32, context=24, batch=2, steps=7, warmup=2)


class Stopped(Exception):
    pass


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """A small tokenizer text, short intervals, and no compiler, which would take longer than the training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "TOKENIZER_DOCUMENTS", 200)
        patch.setattr(train, "LOG_EVERY", 2)
        patch.setattr(train, "SAVE_EVERY", 2)
        patch.setattr(train, "KEEP_EVERY", 4)
        patch.setenv("PATH", "")
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a whole run in `run` and its model in `model`."""
    folder = tmp_path_factory.mktemp("trained")
    train.train(TINY, RunFolder(folder / "run"), folder / "model")
    return folder


def entries(run: Path) -> list[dict[str, float]]:
    """The log without the speeds, which are never the same."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "tokens_per_second"} for line in lines]


def test_the_model_loads_with_plain_transformers(trained: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(trained / "model")
    tokenizer = AutoTokenizer.from_pretrained(trained / "model")
    assert type(model).__name__ == "LlamaForCausalLM"
    assert (model.config.num_hidden_layers, model.config.hidden_size, model.config.vocab_size) == (2, 16, 300)
    assert model.dtype == torch.float32
    assert model.lm_head.weight is model.model.embed_tokens.weight
    made = model.generate(**tokenizer("The capital of", return_tensors="pt"), max_new_tokens=5, do_sample=False)
    assert tokenizer.decode(made[0]).startswith("<s>The capital of")
    assert {path.name for path in (trained / "model").iterdir()} >= {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "training-log.csv", "loss-curve.png",
    }  # fmt: skip


def test_the_log_has_every_interval_and_the_end(trained: Path) -> None:
    logged = entries(trained / "run")
    assert [entry["step"] for entry in logged] == [2, 4, 6, 7]
    assert [entry["tokens"] for entry in logged] == [2 * 48, 4 * 48, 6 * 48, 7 * 48]
    assert [entry["rate"] for entry in logged] == [TINY.rate(step - 1) for step in (2, 4, 6, 7)]
    # A fresh network is about as wise as a die with one side per token.
    assert logged[0]["loss"] == pytest.approx(math.log(300), rel=0.05)
    with (trained / "model" / "training-log.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [2, 4, 6, 7]


def test_another_architecture_is_trained_on_the_same_rows_and_stored_in_half_the_bytes(
    trained: Path, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    shutil.copytree(trained / "run" / "tokenizer", run.tokenizer)
    shutil.copy(trained / "run" / "rows.npy", run.rows)
    train.train(replace(TINY, architecture="gpt_neox", stored="float16"), run, tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert (type(model).__name__, model.dtype) == ("GPTNeoXForCausalLM", torch.float16)
    assert (model.config.num_hidden_layers, model.config.intermediate_size, model.config.vocab_size) == (2, 32, 300)
    assert (tmp_path / "model" / "tokenizer.json").read_bytes() == (trained / "model" / "tokenizer.json").read_bytes()
    assert run.rows.read_bytes() == (trained / "run" / "rows.npy").read_bytes()
    # What ships is the last checkpoint, rounded; that one stays whole.
    whole = torch.load(run.checkpoint, weights_only=True)["network"]
    assert {weight.dtype for weight in whole.values()} == {torch.float32}
    assert all(torch.equal(weight, whole[name].half()) for name, weight in model.state_dict().items())
    assert [entry["step"] for entry in entries(run.path)] == [2, 4, 6, 7]


@pytest.mark.parametrize(
    ("given", "recipe", "run"),
    [
        ([], Recipe(), "runs/demo"),
        (["--architecture", "gpt_neox"], RECIPES["gpt_neox"], "runs/second"),
        (["--architecture", "gpt_neox", "--steps", "3"], replace(RECIPES["gpt_neox"], steps=3), "runs/second"),
        (["--run", "here", "--seed", "5"], Recipe(seed=5), "here"),
    ],
)
def test_the_command_says_which_recipe_and_where(
    given: list[str], recipe: Recipe, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Recipe, RunFolder, Path]] = []
    monkeypatch.setattr(train, "train", lambda *wanted: asked.append(wanted))
    monkeypatch.setattr("sys.argv", ["train", *given, "--out", "there"])
    train.main()
    assert asked == [(recipe, RunFolder(Path(run)), Path("there"))]


def test_checkpoints_in_between_are_kept(trained: Path) -> None:
    assert [path.name for path in (trained / "run").glob("step-*")] == ["step-00004"]
    AutoModelForCausalLM.from_pretrained(trained / "run" / "step-00004")


def test_an_interrupted_run_ends_in_the_same_weights_to_the_bit(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, whole_step = RunFolder(tmp_path / "run"), train.train_step

    def stops_at_step_5(*given: object) -> float:
        if given[3] == 5:
            raise Stopped
        return whole_step(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(train, "train_step", stops_at_step_5)
        with pytest.raises(Stopped):
            train.train(TINY, run, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    train.train(TINY, run, tmp_path / "model")
    whole, resumed = (load_file(folder / "model" / "model.safetensors") for folder in (trained, tmp_path))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert entries(tmp_path / "run") == entries(trained / "run")


def test_a_finished_run_started_again_publishes_the_same_model(trained: Path, tmp_path: Path) -> None:
    train.train(TINY, RunFolder(trained / "run"), tmp_path / "again")
    names = ("model.safetensors", "config.json", "training-log.csv", "loss-curve.png", "tokenizer.json")
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (trained / "model" / name).read_bytes()


def test_a_step_is_adamw_on_the_cross_entropy_of_its_rows(trained: Path) -> None:
    """One update worked out with plain torch, without autocast: bf16 moves the loss by its rounding only."""
    tokenizer, rows = train.prepare(None, TINY, RunFolder(trained / "run"))  # type: ignore[arg-type]  # all made before
    network = train.build_network(TINY, tokenizer)
    ids = torch.tensor(rows[6:8].astype("int64"))
    logits = network(input_ids=ids).logits[:, :-1].flatten(0, 1)
    expected = torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten()).item()
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    loss = train.train_step(network, train.build_optimizer(network, TINY), rows, 3, TINY)
    assert loss == pytest.approx(expected, rel=2e-3)
    # The first step of Adam moves each weight by its rate; decay comes on top for matrices alone.
    rate = TINY.rate(3)
    norm, embedding = "model.norm.weight", "model.embed_tokens.weight"
    moved = dict(network.named_parameters())[norm] - before[norm]
    assert moved.abs().max().item() == pytest.approx(rate, rel=0.01)
    unseen = [token for token in range(300) if token not in ids]
    still = dict(network.named_parameters())[embedding].detach()
    assert not torch.equal(still[unseen], before[embedding][unseen])


def test_the_rate_warms_up_and_falls_to_its_final_share() -> None:
    recipe = replace(TINY, steps=101, warmup=10, peak_rate=0.5, final_share=0.1)
    assert recipe.rate(0) == pytest.approx(0.05)
    assert recipe.rate(9) == recipe.rate(10) == pytest.approx(0.5)
    assert recipe.rate(10 + 91) == pytest.approx(0.05)
    assert recipe.rate(10 + 45) == pytest.approx(0.5 * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 45 / 91))))
    rates = [recipe.rate(step) for step in range(10, 101)]
    assert rates == sorted(rates, reverse=True)


def test_the_recipe_of_the_demo_model() -> None:
    recipe = Recipe()
    assert recipe.layers >= 12
    assert recipe.tokens == recipe.steps * recipe.batch * recipe.context > 20e6
    assert RECIPES["llama"] == recipe


def test_the_recipes_differ_in_the_kind_of_network_alone() -> None:
    """Same text, order, steps and rates: else a benchmark of the two would compare their training."""
    kinds = {"name", "architecture", "stored", "intermediate"}
    demo, *others = (asdict(recipe) for recipe in RECIPES.values())
    assert others
    for other in others:
        assert {field for field in demo if demo[field] != other[field]} == kinds


def test_the_same_seed_gives_the_same_fresh_network(trained: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(trained / "model")
    first, again, other = (train.build_network(replace(TINY, seed=seed), tokenizer).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["model.embed_tokens.weight"], other["model.embed_tokens.weight"])
