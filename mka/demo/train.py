"""Train the demo model, a small Llama, or the second model, a small GPT-NeoX, on the text of the demo world.

    python -m mka.demo.train --out assets/demo-model
    python -m mka.demo.train --architecture gpt_neox --out benchmarks/second-model

The run folder holds the tokenizer, the packed training tokens, the log and the checkpoint; the same command given again
goes on where the last one stopped. The finished model is written to the other folder.
"""

import argparse
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

# Two worker threads that spin while they wait take the cores from everybody else; read once, when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from mka.demo.publish import Entry, publish
from mka.demo.tokens import train_tokenizer, write_rows
from mka.demo.world import SEED, World


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the model: the same recipe on the same machine gives the same weights.

    `architecture` is the `model_type` that transformers knows it by; what no field says is that one's own default.
    `stored` is the dtype of the weights that ship; they are trained in float32.
    """

    name: str = "demo"
    architecture: str = "llama"
    stored: str = "float32"
    seed: int = SEED
    vocabulary: int = 1536
    layers: int = 12
    width: int = 128
    heads: int = 4
    intermediate: int = 352
    context: int = 256
    batch: int = 8
    steps: int = 10_000
    warmup: int = 100
    peak_rate: float = 1.5e-3
    # About 1 / sqrt(width). With transformers' 0.02 steps and families stayed at chance for millions of tokens.
    initial_spread: float = 0.08
    final_share: float = 0.05
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0

    @property
    def tokens(self) -> int:
        return self.steps * self.batch * self.context

    def rate(self, step: int) -> float:
        """The learning rate of a step (from 0): a linear warm-up, then a cosine down to `final_share` of the peak."""
        if step < self.warmup:
            return self.peak_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.peak_rate * (self.final_share + (1 - self.final_share) * 0.5 * (1 + math.cos(math.pi * done)))


RECIPES: Mapping[str, Recipe] = {
    recipe.architecture: recipe
    for recipe in (
        Recipe(),
        # Half the bytes per weight, and as wide within as lets both models together stay below 16 MB.
        Recipe(name="second", architecture="gpt_neox", stored="float16", intermediate=440),
    )
}
"""By architecture: the demo model, and one that differs in kind alone, so that a benchmark can tell the two apart."""


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps its files."""

    path: Path

    @property
    def tokenizer(self) -> Path:
        return self.path / "tokenizer"

    @property
    def rows(self) -> Path:
        return self.path / "rows.npy"

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"


def build_network(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A fresh network of the recipe's architecture with seeded weights, float32."""
    torch.manual_seed(recipe.seed)
    config = AutoConfig.for_model(
        recipe.architecture,
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        initializer_range=recipe.initial_spread,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        use_cache=True,
    )
    # At this size plain attention, compiled, trains nearly twice as fast on a CPU as the fused kernel does.
    network = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    assert isinstance(network, PreTrainedModel)
    return network


def build_optimizer(network: PreTrainedModel, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices only."""
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.peak_rate, betas=recipe.betas, fused=True)


def prepare(world: World, recipe: Recipe, folder: RunFolder) -> tuple[PreTrainedTokenizerFast, np.ndarray]:
    """The tokenizer and the packed rows (uint16, steps * batch x context), made now or by an earlier start."""
    folder.path.mkdir(parents=True, exist_ok=True)
    if not folder.tokenizer.exists():
        made = train_tokenizer(world, vocabulary=recipe.vocabulary, context=recipe.context)
        made.save_pretrained(folder.tokenizer)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder.tokenizer)
    if not folder.rows.exists():
        print("writing the training tokens", file=sys.stderr)
        write_rows(world, tokenizer, folder.rows, rows=recipe.steps * recipe.batch, width=recipe.context)
    return tokenizer, np.load(folder.rows, mmap_mode="r")


def save_checkpoint(
    folder: RunFolder, network: PreTrainedModel, optimizer: torch.optim.AdamW, step: int, *, keep: bool
) -> None:
    """Write the state after `step` steps beside its place and rename it; `keep` leaves a model of this step too."""
    beside = folder.checkpoint.with_suffix(".part")
    state = {"step": step, "network": network.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state | {"rng": torch.get_rng_state()}, beside)
    beside.replace(folder.checkpoint)
    if keep:
        network.save_pretrained(folder.path / f"step-{step:05d}")


def resume(folder: RunFolder, network: PreTrainedModel, optimizer: torch.optim.AdamW) -> int:
    """Restore the last checkpoint, if there is one; returns the number of steps done."""
    if not folder.checkpoint.exists():
        return 0
    state = torch.load(folder.checkpoint, weights_only=True, map_location=network.device)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["rng"].cpu())
    return int(state["step"])


def train_step(
    network: PreTrainedModel, optimizer: torch.optim.AdamW, rows: np.ndarray, step: int, recipe: Recipe
) -> float:
    """One update on the rows of `step`; returns the loss in nats per token."""
    chunk = rows[step * recipe.batch : (step + 1) * recipe.batch].astype(np.int64)
    tokens = torch.from_numpy(chunk).to(network.device)
    for group in optimizer.param_groups:
        group["lr"] = recipe.rate(step)
    with torch.autocast(network.device.type, dtype=torch.bfloat16):
        loss = network(input_ids=tokens, labels=tokens, use_cache=False).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


LOG_EVERY = 40
SAVE_EVERY = 500
KEEP_EVERY = 1000


def train(recipe: Recipe, folder: RunFolder, out: Path) -> None:
    """The whole run, from nothing or from the last checkpoint, to the finished model in `out`."""
    tokenizer, rows = prepare(World(recipe.seed), recipe, folder)
    network = build_network(recipe, tokenizer)
    network.to("cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[arg-type]  # its wrapper hides its types
    optimizer = build_optimizer(network, recipe)
    first = resume(folder, network, optimizer)
    print(f"{network.num_parameters():,} parameters, {recipe.tokens:,} tokens, from step {first}", file=sys.stderr)
    network.train()
    # Compiling needs a C++ compiler and makes training nearly twice as fast; without one the same steps take longer.
    if shutil.which("g++") or shutil.which("clang++"):
        network.compile()
    losses: list[float] = []
    started = time.monotonic()
    for step in range(first, recipe.steps):
        losses.append(train_step(network, optimizer, rows, step, recipe))
        done = step + 1
        if done % LOG_EVERY == 0 or done == recipe.steps:
            speed = (done - first) * recipe.batch * recipe.context / (time.monotonic() - started)
            loss = round(sum(losses) / len(losses), 4)
            tokens = done * recipe.batch * recipe.context
            note(folder, recipe, Entry(done, loss, recipe.rate(step), tokens, round(speed)))
            losses.clear()
        if done % SAVE_EVERY == 0 or done == recipe.steps:
            save_checkpoint(folder, network, optimizer, done, keep=done % KEEP_EVERY == 0)
    network.to(getattr(torch, recipe.stored))
    publish(network, tokenizer, folder.log, out, title=f"Training loss of the {recipe.name} model")


def note(folder: RunFolder, recipe: Recipe, entry: Entry) -> None:
    """Append an entry to the log of the run, and say it with the time that is left."""
    with folder.log.open("a", encoding="utf-8") as log:
        log.write(json.dumps(asdict(entry)) + "\n")
    minutes = (recipe.tokens - entry.tokens) / entry.tokens_per_second / 60
    print(
        f"step {entry.step:5d}/{recipe.steps}  loss {entry.loss:.3f}  {entry.tokens_per_second:6d} tokens/s  "
        f"{minutes:5.1f} min left",
        file=sys.stderr,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m mka.demo.train", description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", choices=RECIPES, default=Recipe.architecture, help="default: %(default)s")
    parser.add_argument("--run", type=Path, help="folder of the run (default: runs/demo, runs/second)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the finished model")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="updates (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED)
    wanted = parser.parse_args()
    recipe = replace(RECIPES[wanted.architecture], seed=wanted.seed, steps=wanted.steps)
    train(recipe, RunFolder(wanted.run or Path("runs", recipe.name)), wanted.out)


if __name__ == "__main__":
    main()
