"""Forward hooks that read decoder layers while a batch passes, and keep only what is asked for.

Axes: L layers, b texts of a batch, t padded tokens, d features, p points of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class _Seen:
    """What a layer put out, so that the next need not measure its input: as given, as float32, its lengths (b, t)."""

    given: Tensor
    hidden: Tensor
    norms: Tensor


class LayerReadings:
    """What one batch left behind, filled by the hooks; on the model's device until it is asked for."""

    def __init__(self) -> None:
        self.start(torch.ones(1, 1, dtype=torch.long), None)

    def start(self, mask: Tensor, at: tuple[Tensor, Tensor] | None) -> None:
        """Forget the last batch; of the next, `mask` int64 (b, t) is 1 at the real tokens.

        at:  int64 (p,) each, the points' texts in the batch and their tokens; None for the mean of each text
        """
        self._mask, self._at = mask.bool(), at
        self._full = bool(self._mask.all())
        self._points: list[Tensor] = []
        self._norms: list[Tensor] = []
        self._cosines: list[Tensor] = []
        self._seen: _Seen | None = None

    def points(self) -> Tensor:
        """Float32 (L + 1, p, d) on the CPU: what layer 0 was given, then each layer's output."""
        return torch.stack([point.to(self._points[0].device) for point in self._points]).cpu()

    def cosine_sums(self) -> Tensor:
        """Float64 (L,): sum over the batch's real tokens of cos(layer input, layer output); 0 where one is 0."""
        cosines = torch.stack([cosine.cpu() for cosine in self._cosines]).double()
        return cosines.masked_fill(~self._mask, 0.0).sum(dim=(1, 2))

    def endless(self) -> Tensor:
        """Bool (L + 1, b): whether NaN or infinity stands at a real token of a text, in the order of `points`.

        Told by the vector's length, so that finite numbers beyond 1e19, whose squares float32 cannot hold, count too.
        """
        norms = torch.stack([norm.cpu() for norm in self._norms])
        return (~norms.isfinite() & self._mask).any(dim=2)

    def read(self, layer: int, before: Tensor, after: Tensor) -> None:
        """Take from one layer's input and output, (b, t, d) each."""
        # Most often a layer is given the very tensor that the one before it put out.
        same = self._seen is not None and self._seen.given is before
        given = self._seen if self._seen is not None and same else _measured(before)
        made = _measured(after)
        if layer == 0:
            self._keep(given)
        self._keep(made)
        lengths = (given.norms * made.norms).clamp_min(torch.finfo(torch.float32).tiny)
        self._cosines.append(torch.linalg.vecdot(given.hidden, made.hidden) / lengths)
        self._seen = made

    def _keep(self, seen: _Seen) -> None:
        self._norms.append(seen.norms)
        self._points.append(self._means(seen.hidden) if self._at is None else _picked(seen.hidden, *self._at))

    def _means(self, hidden: Tensor) -> Tensor:
        mask = self._mask.to(hidden.device)
        # `where`, not a product: a padded place may hold NaN, and NaN * 0 is NaN.
        real = hidden if self._full else torch.where(mask[:, :, None], hidden, 0.0)
        return real.sum(dim=1) / mask.sum(dim=1)[:, None]


def _measured(given: Tensor) -> _Seen:
    hidden = given.float()
    return _Seen(given, hidden, torch.linalg.vector_norm(hidden, dim=-1))


def _picked(hidden: Tensor, texts: Tensor, tokens: Tensor) -> Tensor:
    return hidden[texts.to(hidden.device), tokens.to(hidden.device)]


@contextmanager
def reading_layers(layers: nn.ModuleList) -> Iterator[LayerReadings]:
    """Hook every layer while the block runs; the hooks are gone after it, whatever happens inside."""
    readings = LayerReadings()
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
