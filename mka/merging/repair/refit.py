"""A whole layer fitted by least squares to what is wanted behind the cut, from what it is given there.

All its projections move together, by Gauss-Newton steps: their weights are taken to act on the output as they do at
first order, and the linear least-squares problem that this leaves is solved; nothing is fitted but this one layer's
output to the source's residual stream on calibration texts.

Axes: b texts of a piece, t padded tokens, d features of the residual stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp, vjp
from torch.nn.attention import SDPBackend, sdpa_kernel

from mka.errors import BadInput
from mka.merging.repair.curvature import Curvature, Weights, projections_of
from mka.merging.repair.cuts import Place
from mka.merging.repair.grafts import shell_of
from mka.merging.repair.linear import token_weights
from mka.merging.repair.passes import Batch, Counts, output_of, regrouped, run_up_to, watching
from mka.merging.repair.ridge import Fit
from mka.merging.repair.work import Work
from mka.merging.repair.writers import matrix_of

ROOM = 512 << 20
"""Bytes of texts at a layer that are kept in memory, whatever their number: all if they fit, else every so many-th."""
AT_ONCE = 2048
"""Padded tokens worked on at once."""
ROUNDS, STEPS = 4, 10
"""Gauss-Newton steps, and steps of conjugate gradients in each, at most."""
ENOUGH = 0.99
"""A round that leaves more of the held-out error than this is the last."""
UNITS = 1 + ROUNDS * (STEPS + 1)
"""Passes of the texts that a refit is reckoned at."""


@dataclass(frozen=True)
class Piece:
    """Some texts at a layer of the merged model, float32.

    args, kwargs:  how the layer is called with them
    wanted:        (b, t, d), the source's stream behind the cut
    root:          (b, t, 1), the root of what an error at each token counts, 0 where it counts nothing
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    wanted: Tensor
    root: Tensor


@dataclass(frozen=True)
class Sample:
    """The texts that make the fit, and those that end it."""

    fitted: Sequence[Piece]
    held: Sequence[Piece]


@torch.no_grad()
def refit(work: Work, place: Place) -> None:
    """One pass of the texts to keep a sample of them; then up to ROUNDS Gauss-Newton steps of the layer.

    The layer changes where it then misses less of what is wanted on held-out texts than before, at the dtype that it is
    stored in.
    """
    until = work.steps + UNITS * len(work.batches)
    sample = _sample(work, place)
    layer = Fitted(work.layer(place))
    missing = best = layer.missed(layer.weights, sample.held)
    for number in range(ROUNDS):
        before = best
        layer.weights, best = _step(work, layer, sample, best, number)
        if not best < ENOUGH * before:
            break
    layer.weights = layer.as_stored()
    best = layer.missed(layer.weights, sample.held)
    if best < missing:
        _install(work, place, layer, best / missing)
    work.step(until - work.steps)


def check_refits(work: Work, place: Place) -> None:
    """BadInput where torch does not know the derivatives of all that the layer does, as of some fused recurrences."""
    piece = _pieces(work, place, work.batches[:1], _read, AT_ONCE)[0]
    layer = Fitted(work.layer(place))
    try:
        with torch.no_grad():
            layer.ahead(layer.weights, piece)
            layer.back([piece], [piece.wanted])
    except torch.OutOfMemoryError:
        raise  # a RuntimeError too, which says nothing of the layer
    except RuntimeError as error:
        reason = (str(error).splitlines() or [""])[0]
        raise BadInput(
            f"layer {place.number} of {type(work.merged.network).__name__} cannot be refitted, since torch cannot "
            f"differentiate it ({reason}); use the repair transplant or linear"
        ) from error


class Fitted:
    """A float32 copy of a layer while it is fitted.

    weights: the parameters of its projections, which move; its norms and whatever else it has stay
    """

    def __init__(self, layer: nn.Module) -> None:
        self.shell = shell_of(layer).float().requires_grad_(False)
        self.weights: dict[str, Tensor] = {
            f"{name}.{kind}": value
            for name, part in projections_of(self.shell).items()
            for kind, value in part.named_parameters()
        }
        self._dtypes = {name: layer.get_parameter(name).dtype for name in self.weights}

    def as_stored(self) -> dict[str, Tensor]:
        """The weights, rounded to what the model holds them as."""
        return {name: value.to(self._dtypes[name]).float() for name, value in self.weights.items()}

    def put_out(self, weights: Weights, piece: Piece) -> Tensor:
        """(b, t, d), the layer's output with these weights, times the root of what each token counts."""
        with sdpa_kernel(SDPBackend.MATH):  # the fused kernels have no derivative along a direction
            output = output_of(functional_call(self.shell, dict(weights), piece.args, dict(piece.kwargs)))
        return output.reshape(piece.wanted.shape) * piece.root

    def left(self, weights: Weights, piece: Piece) -> Tensor:
        """(b, t, d), what is wanted and not put out."""
        return piece.wanted * piece.root - self.put_out(weights, piece)

    def missed(self, weights: Weights, pieces: Iterable[Piece]) -> float:
        """Weighted squared error."""
        return sum(_square(self.left(weights, piece)) for piece in pieces)

    def ahead(self, toward: Weights, piece: Piece) -> Tensor:
        """(b, t, d), the change of `put_out` along a change of the weights."""
        found: Tensor = jvp(lambda weights: self.put_out(weights, piece), (self.weights,), (dict(toward),))[1]
        return found

    def back(self, pieces: Iterable[Piece], errors: Sequence[Tensor]) -> dict[str, Tensor]:
        """The transposed map, from errors to changes of the weights, summed over the pieces."""
        total = {name: torch.zeros_like(value) for name, value in self.weights.items()}
        for piece, error in zip(pieces, errors, strict=True):
            pull = vjp(lambda weights, piece=piece: self.put_out(weights, piece), self.weights)[1]
            for name, value in pull(error)[0].items():
                total[name] += value
        return total

    def curvature(self, pieces: Iterable[Piece], seed: int) -> Curvature:
        """That of the squared error over the pieces."""
        found, chance = Curvature(self.shell), torch.Generator().manual_seed(seed)
        with self._moving():
            for piece in pieces:
                found.look(lambda piece=piece: self.put_out({}, piece), piece.root, chance)  # type: ignore[misc]
        return found

    @contextmanager
    def _moving(self) -> Iterator[None]:
        """While the block runs, the shell holds the weights and follows what hangs on them."""
        for name, value in self.weights.items():
            self.shell.get_parameter(name).data = value
            self.shell.get_parameter(name).requires_grad_(True)
        yield
        self.shell.requires_grad_(False)


def _step(work: Work, layer: Fitted, sample: Sample, missed: float, seed: int) -> tuple[dict[str, Tensor], float]:
    """The weights after one Gauss-Newton step, and what they miss of the held-out texts; `missed` is that of now.

    Conjugate gradients on the normal equations (CGLS: Hestenes and Stiefel 1952, section 10), in coordinates in which
    the curvature of each projection is nearly even. They end, at the latest after STEPS, where the true error on
    held-out texts falls no more; that is their penalty.
    """
    divided = layer.curvature(_each(work, sample.fitted), seed).flattened()
    left = [layer.left(layer.weights, piece) for piece in _each(work, sample.fitted)]
    slope = layer.back(_each(work, sample.fitted), left)
    toward = divided(slope)
    size = _product(slope, toward)
    change = {name: torch.zeros_like(value) for name, value in slope.items()}
    best = layer.weights
    for _ in range(STEPS):
        work.step(len(work.batches))
        ahead = [layer.ahead(toward, piece) for piece in _each(work, sample.fitted)]
        bend = sum(map(_square, ahead))
        if not bend > 0:
            break  # nothing is left that could be fitted
        length = size / bend
        change = {name: value + length * toward[name] for name, value in change.items()}
        tried = {name: value + change[name] for name, value in layer.weights.items()}
        now = layer.missed(tried, _each(work, sample.held))
        if not now < missed:
            break
        best, missed = tried, now
        left = [one - length * other for one, other in zip(left, ahead, strict=True)]
        slope = layer.back(_each(work, sample.fitted), left)
        turned = divided(slope)
        before, size = size, _product(slope, turned)
        toward = {name: value + size / before * toward[name] for name, value in turned.items()}
    return best, missed


def _each(work: Work, pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces, as long as nobody cancels."""
    for piece in pieces:
        work.go_on()
        yield piece


def _square(error: Tensor) -> float:
    return float(error.double().square().sum())


def _product(one: Weights, other: Weights) -> float:
    return sum(float((value.double() * other[name].double()).sum()) for name, value in one.items())


def _sample(work: Work, place: Place) -> Sample:
    """As many texts as there is room for: of each mask, states, what is wanted, and what is left of it and moves."""
    width = 4 * work.writers(place)[-1].matrix.shape[1]
    numbers = sum(batch.ids.numel() * (batch.ids.shape[1] + width) for batch in work.batches)
    every = max(1, ceil(4 * numbers / ROOM))
    work.step(len(work.batches))
    return Sample(*(_pieces(work, place, work.batches, counts, every) for counts in (_fitted, _held)))


def _read(batch: Batch) -> Tensor:
    return batch.mask.bool()


def _fitted(batch: Batch) -> Tensor:
    return batch.fitted


def _held(batch: Batch) -> Tensor:
    return batch.held


def _pieces(work: Work, place: Place, batches: Sequence[Batch], counts: Counts, every: int) -> list[Piece]:
    return [_piece(work, place, batch, counts(batch)) for batch in regrouped(batches, counts, every, AT_ONCE)]


@torch.no_grad()
def _piece(work: Work, place: Place, batch: Batch, counted: Tensor) -> Piece:
    work.go_on()
    wanted = run_up_to(work.source, batch, work.source.stack.layers[place.target]).float()
    with watching({"layer": work.layer(place)}) as seen:
        run_up_to(work.merged, batch, work.layer(place))
    root = token_weights(wanted.flatten(0, 1)).sqrt().reshape(*wanted.shape[:2], 1)
    call = seen["layer"]
    kwargs = {name: _as_float32(value) for name, value in call.kwargs.items()}
    return Piece(tuple(map(_as_float32, call.args)), kwargs, wanted, root * counted.to(root.device)[..., None])


def _as_float32(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_as_float32, value))
    return value.float() if isinstance(value, Tensor) and value.is_floating_point() else value


def _install(work: Work, place: Place, layer: Fitted, left: float) -> None:
    """Every projection as it is now; early stopping was its only penalty."""
    fit = Fit(None, 0.0, left)
    for name, value in layer.weights.items():
        layer.shell.get_parameter(name).copy_(value)
    for name, part in projections_of(layer.shell).items():
        work.put_projection(place, name, matrix_of(part), part.bias, fit)  # type: ignore[arg-type]
