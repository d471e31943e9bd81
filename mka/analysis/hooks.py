"""Forward hooks that read decoder layers while a batch passes, and keep only what is asked for.

Axes: L layers, b texts of a batch, t padded tokens, d features.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class LayerReadings:
    """What one batch left behind, filled by the hooks.

    points:       L + 1 tensors, float32 (b, d) on the CPU: what layer 0 was given, then each layer's output
    cosine_sums:  float64 (L,), sum over the batch's real tokens of cos(layer input, layer output)
    """

    def __init__(self, layers: int, kind: str) -> None:
        self._layers, self._kind = layers, kind
        self.start(torch.ones(1, 1, dtype=torch.long))

    def start(self, mask: Tensor) -> None:
        """Forget the last batch; `mask` int64 (b, t) is 1 at the real tokens of the next."""
        self._mask = mask.bool()
        self.points: list[Tensor] = []
        self.cosine_sums: np.ndarray = np.zeros(self._layers)

    def read(self, layer: int, before: Tensor, after: Tensor) -> None:
        """Take from one layer's input and output, (b, t, d) each."""
        if layer == 0:
            self.points.append(self._at_points(before))
        self.points.append(self._at_points(after))
        real = self._mask.to(after.device)
        cosine = torch.cosine_similarity(before[real].float(), after[real].float(), dim=-1)
        self.cosine_sums[layer] += float(cosine.cpu().double().sum())

    def _at_points(self, hidden: Tensor) -> Tensor:
        mask = self._mask.to(hidden.device)
        lengths = mask.sum(dim=1)
        if self._kind == "last":
            return hidden[torch.arange(len(hidden), device=hidden.device), lengths - 1].float().cpu()
        # `where`, not a product: a padded place may hold NaN, and NaN * 0 is NaN.
        real = torch.where(mask[:, :, None], hidden.float(), 0.0)
        return (real.sum(dim=1) / lengths[:, None]).cpu()


@contextmanager
def reading_layers(layers: nn.ModuleList, kind: str) -> Iterator[LayerReadings]:
    """Hook every layer while the block runs; the hooks are gone after it, whatever happens inside.

    kind: "last" (the last real token of each text) or "mean" (over its real tokens).
    """
    readings = LayerReadings(len(layers), kind)
    handles = []
    try:
        for index, layer in enumerate(layers):
            handles.append(layer.register_forward_hook(_hook(readings, index), with_kwargs=True))
        yield readings
    finally:
        for handle in handles:
            handle.remove()


def _hook(readings: LayerReadings, index: int) -> Any:
    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        before = args[0] if args else kwargs["hidden_states"]
        readings.read(index, before, output[0] if isinstance(output, tuple) else output)

    return hook
