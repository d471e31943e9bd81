"""What a model weighs and how fast it runs."""

from __future__ import annotations

import math
import statistics
import time
from typing import TYPE_CHECKING

import torch

from mka.evaluation.batches import Row, context_length, forward
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.report import Cost

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

ROWS, WIDTH = 8, 64
"""The batch whose forward pass is timed: 512 tokens, what the other tasks run at once on a CPU."""
REPEATS = 5


def cost(model: LoadedModel, *, tokens_per_second: float = math.nan) -> Cost:
    """Layers, parameters and weight bytes at the loaded dtype, a tied tensor counted once."""
    weights = {id(weight): weight for weight in model.network.parameters()}.values()
    return Cost(
        layers=model.stack.depth,
        parameters=sum(weight.numel() for weight in weights),
        bytes=sum(weight.numel() * weight.element_size() for weight in weights),
        tokens_per_second=tokens_per_second,
    )


def speed(model: LoadedModel, *, seed: int = 0, progress: Progress = silent, cancel: Cancel | None = None) -> float:
    """Tokens per second of a batched forward pass on this machine: median of REPEATS, after one to warm up."""
    vocabulary = int(model.stack.text_config.vocab_size)
    width = min(WIDTH, context_length(model))
    ids = torch.randint(vocabulary, (ROWS, width), generator=torch.Generator().manual_seed(seed))
    rows = [Row(tuple(row), 1, owner) for owner, row in enumerate(ids.tolist())]
    seconds = []
    for repeat in range(REPEATS + 1):
        if cancel is not None:
            cancel.check()
        progress("speed", repeat, REPEATS + 1)
        start = time.perf_counter()
        # Reading a value waits for an accelerator that runs behind.
        forward(model, rows)[0, 0, 0].item()
        seconds.append(time.perf_counter() - start)
    progress("speed", REPEATS + 1, REPEATS + 1)
    return ROWS * width / statistics.median(seconds[1:])
