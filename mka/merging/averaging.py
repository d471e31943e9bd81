"""Weighted sums of tensors, in pieces that stay in the processor's cache.

In memory and streamed from files alike: `weighted_sum` is the arithmetic of one piece.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PIECE = 1 << 19
"""Numbers per step: few enough for the processor's cache, and enough that workers seldom wait for one another.

A receipt's hash is made of its tensors' pieces: with another length all hashes would be others."""

HALVES = (torch.float16, torch.bfloat16)
FLOATS = (*HALVES, torch.float32, torch.float64)
"""Dtypes that can be averaged; others hold codes, whose numbers mean nothing without their tables."""

SMALLEST, LARGEST = 1e-25, 1e35
"""Between these, a sum of squares in float32 lost nothing that counts to numbers too small or too large for it."""


@dataclass(frozen=True)
class Room:
    """Where one piece is worked on: two rows of numbers, used for piece after piece, as fresh memory costs more
    than the sum itself."""

    both: Tensor
    first: Tensor
    second: Tensor

    @classmethod
    def of(cls, dtype: torch.dtype, elements: int, device: torch.device | None = None) -> Room:
        """Room for pieces of at most `elements`, which need not be more than PIECE."""
        both = torch.empty(2, min(elements, PIECE), dtype=dtype, device=device)
        return cls(both, *both)

    def cut(self, elements: int) -> Room:
        """The room for a piece of that many numbers.

        Most pieces are as long as the room. Each call of torch lets another worker in and waits for it, so that a few
        calls less are worth more than they look.
        """
        if elements == len(self.first):
            return self
        return Room(self.both[:, :elements], self.first[:elements], self.second[:elements])


def precision(dtypes: Iterable[torch.dtype]) -> torch.dtype:
    """What tensors of these dtypes are summed in: float32 for float16 and bfloat16, float64 for float32 and float64."""
    return torch.float32 if all(dtype in HALVES for dtype in dtypes) else torch.float64


class Rooms(threading.local):
    """Room for pieces of each precision on each device: made when it is first asked for, and each thread's own."""

    def __init__(self) -> None:
        self._made: dict[tuple[torch.dtype, torch.device], Room] = {}

    def of(self, dtypes: Iterable[torch.dtype], device: torch.device) -> Room:
        """Room for tensors of these dtypes on this device."""
        key = precision(dtypes), _worker(device)
        if key not in self._made:
            self._made[key] = Room.of(key[0], PIECE, key[1])
        return self._made[key]


def average(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """sum_i weights[i] * tensors[i], of the first tensor's shape, dtype and device.

    Zero weights are skipped, so what they stand before may be NaN; a tensor whose weight is the only one is
    returned as it is. float16 and bfloat16 are summed in float32, float32 and float64 in float64.
    """
    used = [(tensor, weight) for tensor, weight in zip(tensors, weights, strict=True) if weight != 0]
    if len(used) == 1:
        return used[0][0]
    out = fresh(tensors[0])
    room = Room.of(precision(tensor.dtype for tensor, _ in used), out.numel(), _worker(out.device))
    for piece, *terms in pieces([out, *(tensor for tensor, _ in used)]):
        weighted_sum([(term, weight) for term, (_, weight) in zip(terms, used, strict=True)], room, piece)
    return out


def fresh(like: Tensor) -> Tensor:
    """Memory for a tensor of the shape, dtype and device of `like`, row by row; what it holds is not set."""
    return torch.empty_like(like, memory_format=torch.contiguous_format)


def pieces(tensors: Sequence[Tensor]) -> Iterator[tuple[Tensor, ...]]:
    """Tensors of one shape cut alike into flat pieces of at most PIECE elements; an empty one is one empty piece."""
    flat = [tensor.detach().reshape(-1) for tensor in tensors]
    for start in range(0, max(flat[0].numel(), 1), PIECE):
        yield tuple(tensor[start : start + PIECE] for tensor in flat)


def weighted_sum(terms: Sequence[tuple[Tensor, float]], room: Room, out: Tensor) -> None:
    """Put sum_i weight_i * tensor_i of flat tensors of at most PIECE elements into `out`, summed in `room`.

    Of two shares of one half-precision dtype torch makes the same sum in one pass, in float32 too, and twice as fast.
    """
    if _shares_of_two_halves(terms, out):
        torch.lerp(terms[0][0], terms[1][0], terms[1][1], out=out)
        return
    room = room.cut(len(out))
    (first, weight), *rest = terms
    room.first.copy_(first).mul_(weight)
    for tensor, weight in rest:
        room.first.add_(room.second.copy_(tensor).mul_(weight))
    out.copy_(room.first)


def _shares_of_two_halves(terms: Sequence[tuple[Tensor, float]], out: Tensor) -> bool:
    weights = [weight for _, weight in terms]
    shares = len(weights) == 2 and math.fsum(weights) == 1 and min(weights) > 0
    return shares and out.dtype in HALVES and all(tensor.dtype == out.dtype for tensor, _ in terms)


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


NO_DOTS = Dots(0.0, 0.0, 0.0)


def dots(first: Tensor, second: Tensor) -> Dots:
    """The inner products of two tensors of one shape, each read as one long vector."""
    room = Room.of(torch.float64, first.numel(), _worker(first.device))
    total = NO_DOTS
    for ours, theirs in pieces([first, second]):
        total += dots_of(ours, theirs, room)
    return total


def dots_of(first: Tensor, second: Tensor, room: Room) -> Dots:
    """The inner products of two flat tensors of at most PIECE elements, at the precision of `room`."""
    room = room.cut(len(first))
    one, other = room.first.copy_(first), room.second.copy_(second)
    return Dots(float(one @ one), float(one @ other), float(other @ other))


def relative_change(new: Tensor, old: Tensor) -> float:
    """||new - old|| / ||old||; 0 where both are equal, infinite where only `old` is 0.

    Good to 1e-6 for float16 and bfloat16, and summed in float64 for the rest.
    """
    room = Room.of(precision((new.dtype, old.dtype)), old.numel(), _worker(old.device))
    return change_of(squares(ours, before, room) for ours, before in pieces([new, old]))


def squares(new: Tensor, old: Tensor, room: Room) -> tuple[float, float]:
    """||new - old||^2 and ||old||^2 of flat tensors of at most PIECE elements, at the precision of `room`.

    In float64 where float32 cannot hold one of them.
    """
    room = room.cut(len(old))
    room.first.copy_(old)
    room.second.copy_(new).sub_(room.first)
    # Summed by torch, which adds in pairs; a dot product of BLAS adds one by one and loses digits.
    norm, moved = room.both.square_().sum(1).tolist()
    if room.both.dtype == torch.float32 and not (SMALLEST < moved < LARGEST and SMALLEST < norm < LARGEST):
        return squares(new, old, Room.of(torch.float64, len(old), room.both.device))
    return moved, norm


def change_of(found: Iterable[tuple[float, float]]) -> float:
    """The relative change of a tensor from the `squares` of its pieces."""
    moved = norm = 0.0
    for one, other in found:
        moved, norm = moved + one, norm + other
    if moved == 0:
        return 0.0
    return math.sqrt(moved / norm) if norm else math.inf


def _worker(device: torch.device) -> torch.device:
    """Where to compute: beside the tensors, but on the CPU where their device knows no float64."""
    return torch.device("cpu") if device.type == "mps" else device
