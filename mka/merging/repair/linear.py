"""Linear repairs: what is missing behind a layer, as a linear map of what its projections read or put out.

Axes: n real tokens of a batch, k inputs of a projection, d features of the residual stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mka.merging.repair.cuts import Place
from mka.merging.repair.passes import Batch, run_up_to
from mka.merging.repair.ridge import Fit, Sums, ridge
from mka.merging.repair.writers import Writer
from mka.models.loaded import LoadedModel

Fold = Callable[[Writer, Tensor], tuple[Tensor, Tensor | None]]
"""A writer and the map found for it -> its matrix (k, d) and bias (d,) with the map folded in, float64."""


@dataclass(frozen=True)
class Form:
    """What a linear repair reads at a projection, and how its map folds.

    features:  (input (n, k), output (n, d), the writer) -> what the map is of, float32 (n, features)
    """

    features: Callable[[Tensor, Tensor, Writer], Tensor]
    fold: Fold


def _input_and_one(read: Tensor, put_out: Tensor, writer: Writer) -> Tensor:
    """The projection's input; where it has a bias, a 1 beside it."""
    return read if writer.bias is None else torch.cat([read, read.new_ones(len(read), 1)], dim=1)


def _add(writer: Writer, found: Tensor) -> tuple[Tensor, Tensor | None]:
    """W x + b + M' (x, 1) = (W + M_x') x + (b + m_1)."""
    inputs = writer.matrix.shape[0]
    matrix = writer.matrix.detach().cpu().double() + found[:inputs]
    return matrix, None if writer.bias is None else writer.bias.detach().cpu().double() + found[inputs]


def _output(read: Tensor, put_out: Tensor, writer: Writer) -> Tensor:
    return put_out


def _turn(writer: Writer, found: Tensor) -> tuple[Tensor, Tensor | None]:
    """(I + M') (W x + b)."""
    turn = found + torch.eye(len(found), dtype=found.dtype)
    matrix = writer.matrix.detach().cpu().double() @ turn
    return matrix, None if writer.bias is None else writer.bias.detach().cpu().double() @ turn


OF_THE_INPUT = Form(_input_and_one, _add)
OF_THE_OUTPUT = Form(_output, _turn)


@dataclass(frozen=True)
class Missing:
    """Measures what is missing behind the layers of `merged`, on its own activations.

    missing = (the source's residual stream behind `place.target`) - (the merged model's behind the place)

    Tokens are weighted by 1 / mean square of the former: what later layers read is normalised, so an error counts by
    the length of what it is an error of. (On the demo model without these weights: see docs/repair.md.)
    """

    source: LoadedModel
    merged: LoadedModel
    batches: Sequence[Batch]
    step: Callable[[], None]

    def fit(self, place: Place, writer: Writer, form: Form) -> Fit:
        """One pass of the texts through both models up to the place; RunFailed where they put out NaN."""
        sums: tuple[Sums, Sums] | None = None
        for batch in self.batches:
            self.step()
            wanted = run_up_to(self.source, batch, self.source.stack.layers[place.target])
            with _reading(writer.module) as seen:
                found = run_up_to(self.merged, batch, self.merged.stack.layers[place.number])
            for kind, points in enumerate((batch.fitted, batch.held)):
                at = points.to(found.device)
                goal = wanted[at].float()
                x = form.features(seen.input(at), seen.output(at), writer)
                if sums is None:
                    sums = Sums(x.shape[1], goal.shape[1]), Sums(x.shape[1], goal.shape[1])
                weights = 1 / goal.square().mean(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
                sums[kind].add(x, goal - found[at].float(), weights)
        assert sums is not None  # there is at least one batch
        return ridge(*sums)


class _Read:
    """What one projection was given and put out in a run."""

    def __init__(self) -> None:
        self._ends: tuple[Tensor, Tensor] = (torch.empty(0), torch.empty(0))

    def take(self, module: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        self._ends = (args[0], output)

    def input(self, at: Tensor) -> Tensor:
        return _rows(self._ends[0], at)

    def output(self, at: Tensor) -> Tensor:
        return _rows(self._ends[1], at)


def _rows(states: Tensor, at: Tensor) -> Tensor:
    """Float32 (n, features) of the tokens `at`; some layers flatten texts and tokens before their MLP."""
    return states.reshape(*at.shape, -1)[at].float()


@contextmanager
def _reading(module: nn.Module) -> Iterator[_Read]:
    """Hook one projection while the block runs."""
    read = _Read()
    handle = module.register_forward_hook(read.take)
    try:
        yield read
    finally:
        handle.remove()
