"""Weighted averages of tensors, in pieces that stay in the processor's cache.

In memory and streamed from files alike: `weighted_sum` is the arithmetic of one piece.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PIECE = 1 << 18
"""Elements per step; pieces of this size are summed three times faster than pieces of megabytes."""

HALVES = (torch.float16, torch.bfloat16)
FLOATS = (*HALVES, torch.float32, torch.float64)
"""Dtypes that can be averaged; others hold codes, whose numbers mean nothing without their tables."""


@dataclass(frozen=True)
class Room:
    """Where one piece is worked on: two flat tensors, used for piece after piece, as fresh memory costs more
    than the sum itself."""

    first: Tensor
    second: Tensor

    @classmethod
    def of(cls, dtype: torch.dtype, elements: int, device: torch.device | None = None) -> Room:
        """Room for pieces of at most `elements`, which need not be more than PIECE."""
        size = min(elements, PIECE)
        return cls(*(torch.empty(size, dtype=dtype, device=device) for _ in range(2)))


def precision(dtypes: Iterable[torch.dtype]) -> torch.dtype:
    """What tensors of these dtypes are summed in: float32 for float16 and bfloat16, float64 for float32 and float64."""
    return torch.float32 if all(dtype in HALVES for dtype in dtypes) else torch.float64


def average(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """sum_i weights[i] * tensors[i], of the first tensor's shape, dtype and device.

    Zero weights are skipped, so what they stand before may be NaN; a tensor whose weight is the only one is
    returned as it is. float16 and bfloat16 are summed in float32, float32 and float64 in float64.
    """
    used = [(tensor, weight) for tensor, weight in zip(tensors, weights, strict=True) if weight != 0]
    if len(used) == 1:
        return used[0][0]
    out = torch.empty_like(tensors[0], memory_format=torch.contiguous_format)
    flat = [(tensor.detach().reshape(-1), weight) for tensor, weight in used]
    target = out.view(-1)
    room = Room.of(precision(tensor.dtype for tensor, _ in used), target.numel(), _worker(out))
    for start in range(0, target.numel(), PIECE):
        piece = slice(start, start + PIECE)
        weighted_sum([(tensor[piece], weight) for tensor, weight in flat], room, target[piece])
    return out


def weighted_sum(terms: Iterable[tuple[Tensor, float]], room: Room, out: Tensor) -> None:
    """Put sum_i weight_i * tensor_i of flat tensors of at most PIECE elements into `out`, summed in `room`.

    A tensor is read before the next one is asked for, so that they may follow each other in the same memory.
    """
    total, term = room.first[: out.numel()], room.second[: out.numel()]
    for number, (tensor, weight) in enumerate(terms):
        if number == 0:
            total.copy_(tensor).mul_(weight)
        else:
            total.add_(term.copy_(tensor).mul_(weight))
    out.copy_(total)


def relative_change(new: Tensor, old: Tensor) -> float:
    """||new - old|| / ||old|| in float64; 0 where both are equal, infinite where only `old` is 0."""
    ours, before = new.detach().reshape(-1), old.detach().reshape(-1)
    room = Room.of(torch.float64, before.numel(), _worker(old))
    pieces = (slice(start, start + PIECE) for start in range(0, before.numel(), PIECE))
    return change_of(squares(ours[piece], before[piece], room) for piece in pieces)


def squares(new: Tensor, old: Tensor, room: Room) -> tuple[float, float]:
    """||new - old||^2 and ||old||^2 of flat tensors of at most PIECE elements, at the precision of `room`."""
    before, moved = room.first[: old.numel()], room.second[: old.numel()]
    before.copy_(old)
    moved.copy_(new).sub_(before)
    return float(torch.dot(moved, moved)), float(torch.dot(before, before))


def change_of(pieces: Iterable[tuple[float, float]]) -> float:
    """The relative change of a tensor from the `squares` of its pieces."""
    moved = norm = 0.0
    for one, other in pieces:
        moved, norm = moved + one, norm + other
    if moved == 0:
        return 0.0
    return math.sqrt(moved / norm) if norm else math.inf


def _worker(tensor: Tensor) -> torch.device:
    """Where to compute: beside the tensor, but on the CPU where its device knows no float64."""
    return torch.device("cpu") if tensor.device.type == "mps" else tensor.device
