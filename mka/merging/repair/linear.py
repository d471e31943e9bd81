"""Linear repairs: what is missing behind a layer, as a linear map of what its projections read or put out.

Axes: n real tokens of a batch, k inputs of a projection, d features of the residual stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mka.merging.repair.cuts import Place
from mka.merging.repair.passes import rows, run_up_to, watching
from mka.merging.repair.ridge import Sums, ridge
from mka.merging.repair.work import Work
from mka.merging.repair.writers import Writer

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


def token_weights(goal: Tensor) -> Tensor:
    """(n,): 1 / mean square of each token's state (n, d).

    What later layers read is normalised, so an error counts by the length of what it is an error of.
    """
    return 1 / goal.square().mean(dim=1).clamp_min(torch.finfo(torch.float32).tiny)


def mend(work: Work, place: Place, writer: Writer, form: Form) -> None:
    """One pass of the texts through both models up to the place, and the map folded in where it helps.

    missing = (the source's residual stream behind `place.target`) - (the merged model's behind the place), the latter
    with whatever was repaired before. RunFailed where a model puts out NaN.
    """
    fit = ridge(*_missing(work, place, writer, form))
    if fit.map is None:
        return
    matrix, bias = form.fold(writer, fit.map)
    work.put_projection(place, writer.name, matrix, bias, fit)


def _missing(work: Work, place: Place, writer: Writer, form: Form) -> tuple[Sums, Sums]:
    """Sums over the fitted and the held tokens, weighted by `token_weights` of where they should be."""
    sums: tuple[Sums, Sums] | None = None
    for batch in work.batches:
        work.step()
        wanted = run_up_to(work.source, batch, work.source.stack.layers[place.target])
        with watching({"writer": writer.module}) as seen:
            found = run_up_to(work.merged, batch, work.merged.stack.layers[place.number])
        for kind, at in enumerate((batch.fitted, batch.held)):
            goal = rows(wanted, at)
            x = form.features(rows(seen["writer"].input, at), rows(seen["writer"].states, at), writer)
            if sums is None:
                sums = Sums(x.shape[1], goal.shape[1]), Sums(x.shape[1], goal.shape[1])
            sums[kind].add(x, goal - rows(found, at), token_weights(goal))
    assert sums is not None  # there is at least one batch
    return sums
