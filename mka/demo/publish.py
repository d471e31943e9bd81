"""Put a finished training run into a folder that ships: weights, tokenizer, training log and loss curve."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
from transformers import PreTrainedModel, PreTrainedTokenizerFast

LOG_ROWS = 300


@dataclass(frozen=True)
class Entry:
    """One line of a training log: the mean loss (nats per token) of the steps since the line before."""

    step: int
    loss: float
    rate: float
    tokens: int
    tokens_per_second: int


def read_log(path: Path) -> list[Entry]:
    """The entries of a JSONL log; of a step that was trained twice, because a run was resumed, the later one."""
    entries: dict[int, Entry] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = Entry(**json.loads(line))
        entries[entry.step] = entry
    return [entries[step] for step in sorted(entries)]


def publish(network: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, log: Path, out: Path, *, title: str) -> None:
    """Write a model, its tokenizer, at most LOG_ROWS rows of its log and its loss curve, so titled, into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    network.save_pretrained(out)
    tokenizer.save_pretrained(out)
    entries = read_log(log)
    stride = -(-len(entries) // LOG_ROWS)
    # Counted from the end, so that the last row is the finished model's.
    write_log(entries[(len(entries) - 1) % stride :: stride], out / "training-log.csv")
    draw_loss(entries, out / "loss-curve.png", title)


def write_log(entries: Sequence[Entry], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("step", "tokens", "loss", "learning_rate"))
        rows.writerows((entry.step, entry.tokens, entry.loss, entry.rate) for entry in entries)


def draw_loss(entries: Sequence[Entry], path: Path, title: str) -> None:
    """The loss over the tokens seen, as a plain picture."""
    figure, axes = plt.subplots(figsize=(7, 3.5), dpi=120)
    axes.plot([entry.tokens / 1e6 for entry in entries], [entry.loss for entry in entries], linewidth=1.2)
    axes.set_yscale("log")
    axes.set_yticks([1, 2, 4, 7], labels=["1", "2", "4", "7"])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.set_xlabel("training tokens seen (millions)")
    axes.set_ylabel("loss (nats per token)")
    axes.set_title(title)
    figure.tight_layout()
    # No date and no version inside the file: the same log draws the same bytes.
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)
