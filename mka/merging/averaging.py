"""Weighted sums of tensors, in pieces that stay in the processor's cache."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PIECE = 1 << 18
"""Elements per step; pieces of this size are summed three times faster than pieces of megabytes."""

HALVES = (torch.float16, torch.bfloat16)
FLOATS = (*HALVES, torch.float32, torch.float64)
"""Dtypes that can be averaged; others hold codes, whose numbers mean nothing without their tables."""


def average(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """sum_i weights[i] * tensors[i], of the first tensor's shape, dtype and device.

    Zero weights are skipped, so what they stand before may be NaN; a tensor whose weight is the only one is
    returned as it is. float16 and bfloat16 are summed in float32, float32 and float64 in float64.
    """
    used = [(tensor, weight) for tensor, weight in zip(tensors, weights, strict=True) if weight != 0]
    if len(used) == 1:
        return used[0][0]
    wide = torch.float32 if all(tensor.dtype in HALVES for tensor, _ in used) else torch.float64
    out = torch.empty_like(tensors[0], memory_format=torch.contiguous_format)
    flat = [(tensor.detach().reshape(-1), weight) for tensor, weight in used]
    target = out.view(-1)
    for start in range(0, target.numel(), PIECE):
        piece = slice(start, start + PIECE)
        target[piece] = _weighted_sum([(tensor[piece], weight) for tensor, weight in flat], wide, _worker(out))
    return out


@dataclass(frozen=True)
class Dots:
    """Inner products of two tensors, in float64: of the first with itself, of both, of the second with itself.

    Those of a tensor are the sum of those of its pieces.
    """

    first: float
    both: float
    second: float

    def __add__(self, other: Dots) -> Dots:
        return Dots(self.first + other.first, self.both + other.both, self.second + other.second)


def dots(first: Tensor, second: Tensor) -> Dots:
    """The inner products of two tensors of one shape, each read as one long vector."""
    device = _worker(first)
    ours, theirs = first.detach().reshape(-1), second.detach().reshape(-1)
    total = Dots(0.0, 0.0, 0.0)
    for start in range(0, ours.numel(), PIECE):
        piece = slice(start, start + PIECE)
        one, other = (tensor[piece].to(device, torch.float64) for tensor in (ours, theirs))
        total += Dots(float(one @ one), float(one @ other), float(other @ other))
    return total


def relative_change(new: Tensor, old: Tensor) -> float:
    """||new - old|| / ||old|| in float64; 0 where both are equal, infinite where only `old` is 0."""
    device = _worker(old)
    ours, before = new.detach().reshape(-1), old.detach().reshape(-1)
    moved = norm = 0.0
    for start in range(0, before.numel(), PIECE):
        piece = slice(start, start + PIECE)
        reference = before[piece].to(device, torch.float64)
        moved += float((ours[piece].to(device, torch.float64) - reference).square().sum())
        norm += float(reference.square().sum())
    if moved == 0:
        return 0.0
    return math.sqrt(moved / norm) if norm else math.inf


def _weighted_sum(terms: Sequence[tuple[Tensor, float]], wide: torch.dtype, device: torch.device) -> Tensor:
    (first, weight), *rest = terms
    total = first.to(device, wide) * weight
    for tensor, weight in rest:
        total += tensor.to(device, wide) * weight
    return total


def _worker(tensor: Tensor) -> torch.device:
    """Where to compute: beside the tensor, but on the CPU where its device knows no float64."""
    return torch.device("cpu") if tensor.device.type == "mps" else tensor.device
