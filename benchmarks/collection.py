"""What collecting activations costs over a bare forward pass of the base model on the same tokens and batches.

python -m benchmarks.collection
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks.timing import medians
from mka.analysis.collection import BATCH_TOKENS, collect
from mka.analysis.losses import run_batch
from mka.analysis.reading import LAST, MEAN, TOKENS, batches_of, read_texts
from mka.data.texts import load_texts
from mka.models.loaded import LoadedModel
from mka.models.loading import load
from mka.models.padding import padded

FLOAT32 = 4
PER_TEXT = (1, 8, 32)
"""Points of a text for which memory is measured."""

Batches = Sequence[tuple[Tensor, Tensor]]


def measure() -> dict[str, Any]:
    """Seconds (medians of rounds side by side), their ratios, and how memory grows with the points."""
    model, texts = load("demo", device="cpu"), load_texts("demo", split="dev")
    batches = batches_to_run(model)
    contestants: dict[str, Callable[[], object]] = {
        "bare": lambda: bare_forward(model, batches),
        "loss": lambda: with_losses(model, batches),
        **{points: lambda points=points: collect(model, texts, points=points) for points in (LAST, MEAN, TOKENS)},  # type: ignore[misc]
    }
    seconds = medians(contestants, repeats=7)
    return {
        "texts": len(texts.texts),
        "tokens": int(sum(mask.sum() for _, mask in batches)),
        "seconds": seconds,
        "ratios": {name: taken / seconds["bare"] for name, taken in seconds.items()},
        "memory": memory(),
    }


def batches_to_run(model: LoadedModel) -> Batches:
    """Ids and mask of each batch, as `collect` makes them of the demo's texts."""
    readings, _ = read_texts(model, load_texts("demo", split="dev"), LAST, 1, None, 0)
    return [padded([reading.tokens for reading in batch]) for batch in batches_of(readings, BATCH_TOKENS)]


def bare_forward(model: LoadedModel, batches: Batches) -> None:
    """The base model alone; nothing is tokenized, and nothing kept."""
    with torch.inference_mode():
        for ids, mask in batches:
            model.stack.base(input_ids=ids, attention_mask=mask, use_cache=False)


def with_losses(model: LoadedModel, batches: Batches) -> None:
    """The same, and the loss of each text's last token."""
    with torch.inference_mode():
        for ids, mask in batches:
            run_batch(model, ids, mask, torch.arange(len(ids)), mask.sum(dim=1) - 1)


def memory() -> list[dict[str, int]]:
    """Bytes for several numbers of points: the arrays', L n d of float32, and the growth of the process at its peak.

    Each in a fresh process, since a peak never falls.
    """
    found = []
    for per_text in PER_TEXT:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found.append(pool.apply(_peak, (per_text,)))
    return found


def _peak(per_text: int) -> dict[str, int]:
    model = load("demo", device="cpu")
    bare_forward(model, batches_to_run(model))
    before = _peak_bytes()
    read = collect(model, "demo", points=TOKENS, per_text=per_text)
    return {
        "points": read.n_points,
        "arrays": read.values.nbytes + read.entry.nbytes,
        "lnd": FLOAT32 * read.values.size,
        "growth": _peak_bytes() - before,
    }


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def show(found: dict[str, Any]) -> None:
    """Print what `measure` found."""
    print(f"{found['texts']} texts, {found['tokens']} tokens")
    for name, seconds in found["seconds"].items():
        what = {"bare": "bare forward", "loss": "forward with the last tokens' losses"}.get(name, f"collect, {name}")
        print(f"{what:40} {seconds:6.3f} s {found['ratios'][name]:6.2f} x")
    for one in found["memory"]:
        print(
            f"{one['points']:6} points: arrays {one['arrays'] / 1e6:6.1f} MB, L n d {one['lnd'] / 1e6:6.1f} MB, "
            f"the process grew by {one['growth'] / 1e6:6.1f} MB over a bare forward"
        )


def main() -> None:
    show(measure())


if __name__ == "__main__":
    main()
