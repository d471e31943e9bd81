"""What an MLP reads, moved by least squares so that what it writes comes nearer to what is wanted behind the cut.

Axes: n tokens, d features of the residual stream.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp, vjp

from mka.merging.repair.grafts import Graft, and_one, owed, shell_of
from mka.merging.repair.linear import token_weights
from mka.merging.repair.passes import rows, watching
from mka.merging.repair.ridge import Sums, best_penalty, ridge
from mka.merging.repair.work import Work
from mka.merging.repair.writers import as_stored, matrix_of

ROOM = 256 << 20
"""Bytes of tokens that are kept in memory, whatever the number of texts: all if they fit, else every so many-th."""
AT_ONCE = 4096
"""Tokens worked on at once."""
ROUNDS, STEPS = 3, 12
"""Gauss-Newton steps, and steps of conjugate gradients in each, at most."""

Weights = dict[str, Tensor]
"""Parameters of an MLP by their names."""


@dataclass(frozen=True)
class Tokens:
    """Some tokens, float32: what the MLP reads of them (n, d), what it should write (n, d), and the root (n, 1) of what
    an error of each counts."""

    read: Tensor
    wanted: Tensor
    root: Tensor

    def pieces(self) -> Iterator[Tokens]:
        yield from map(Tokens, *(one.split(AT_ONCE) for one in (self.read, self.wanted, self.root)))


@dataclass(frozen=True)
class Sample:
    """The tokens that make the fit, and those that end it."""

    fitted: Tokens
    held: Tokens


def refits(work: Work, graft: Graft) -> bool:
    """Whether what the part writes of a token hangs on what it reads of that token alone: it is an MLP that is called
    with nothing else."""
    call = owed(work, graft, work.batches[0]).calls["part"]
    return not graft.heads and len(call.args) + len(call.kwargs) == 1 and isinstance(call.output, Tensor)


@torch.no_grad()
def refit(work: Work, graft: Graft) -> None:
    """One pass of the texts to keep a sample of tokens; then up to ROUNDS times the readers, then the writer.

    Readers change by a Gauss-Newton step: the least-squares change under which the MLP, taken as linear in it, writes
    what is wanted. The writer follows by ridge, as ever. A round is taken over where it betters the held-out error.
    """
    sample = _sample(work, graft)
    mlp = _Mlp(graft, work.layer(graft.place))
    missing = best = mlp.fit_writer(sample)
    for _ in range(ROUNDS):
        before = {name: value.clone() for name, value in mlp.shell.named_parameters()}
        mlp.take(_step(mlp, sample))
        missed = mlp.fit_writer(sample)
        if not missed < best:
            mlp.take(before)
            break
        best = missed
    if best < missing:
        _install(work, graft, mlp, sample, best / missing)


def _sample(work: Work, graft: Graft) -> Sample:
    counts = sum(int((batch.fitted | batch.held).sum()) for batch in work.batches)
    width = graft.part.writer.matrix.shape[1]
    stride = max(1, ceil(counts * (2 * width + 1) * 4 / ROOM))
    kept: tuple[list[Tokens], list[Tokens]] = ([], [])
    for batch in work.batches:
        work.step()
        seen = owed(work, graft, batch)
        read = seen.calls["part"].input
        for tokens, at in zip(kept, (batch.fitted, batch.held), strict=True):
            goal = rows(seen.wanted, at)
            parts = rows(read, at), goal - rows(seen.found, at), token_weights(goal).sqrt()[:, None]
            tokens.append(Tokens(*(one[::stride] for one in parts)))
    return Sample(*(_together(tokens) for tokens in kept))


def _together(tokens: list[Tokens]) -> Tokens:
    return Tokens(
        torch.cat([one.read for one in tokens]),
        torch.cat([one.wanted for one in tokens]),
        torch.cat([one.root for one in tokens]),
    )


class _Mlp:
    """A float32 copy of an MLP while it is fitted.

    readers: names of the parameters of what reads the stream
    """

    def __init__(self, graft: Graft, layer: nn.Module) -> None:
        self.part = graft.part
        self.shell = shell_of(layer.get_submodule(graft.part.name)).float().requires_grad_(False)
        self.writer = self.shell.get_submodule(self.part.inner(self.part.writer.name))
        paths = [self.part.inner(path) for path in self.part.readers]
        self.readers = [name for name, _ in self.shell.named_parameters() if name.rpartition(".")[0] in paths]

    def weights(self) -> Weights:
        """Those of the readers."""
        return {name: self.shell.get_parameter(name) for name in self.readers}

    def take(self, weights: Weights) -> None:
        for name, value in weights.items():
            self.shell.get_parameter(name).copy_(value)

    def written(self, weights: Weights, read: Tensor) -> Tensor:
        """(n, d), what it writes with these weights of the readers."""
        found: Tensor = functional_call(self.shell, weights, (read[None],))
        return found.reshape(len(read), -1)

    def missed(self, weights: Weights, tokens: Tokens) -> float:
        """Weighted squared error with these weights of the readers."""
        return sum(
            float(((piece.wanted - self.written(weights, piece.read)) * piece.root).double().square().sum())
            for piece in tokens.pieces()
        )

    def fit_writer(self, sample: Sample) -> float:
        """Give the writer the ridge map of the fitted tokens; what is then missed of the held ones."""
        fitted, held = self.sums(sample.fitted), self.sums(sample.held)
        penalty, missed = best_penalty(fitted, held)
        if penalty < math.inf:
            found = fitted.solve(penalty)
            inputs = matrix_of(self.writer).shape[0]
            self.writer.weight.copy_(as_stored(self.writer, found[:inputs]))  # type: ignore[union-attr,operator]
            if self.part.writer.bias is not None:
                self.writer.bias.copy_(found[inputs])  # type: ignore[union-attr,operator]
        return missed

    def sums(self, tokens: Tokens) -> Sums:
        """Of what the writer is given (and 1 where it has a bias), and what it should write."""
        ones = int(self.part.writer.bias is not None)
        inputs, outputs = matrix_of(self.writer).shape
        sums = Sums(inputs + ones, outputs)
        for piece in tokens.pieces():
            with watching({"writer": self.writer}) as seen:
                self.shell(piece.read[None])
            x = seen["writer"].input.reshape(len(piece.read), -1)
            sums.add(and_one(x) if ones else x, piece.wanted, piece.root[:, 0].square())
        return sums


@torch.no_grad()
def _step(mlp: _Mlp, sample: Sample) -> Weights:
    """The readers' weights after one Gauss-Newton step.

    Its linear least-squares problem is solved by conjugate gradients (CGLS: Hestenes and Stiefel 1952, section 10).
    They end, at the latest after STEPS, where the true error on held-out tokens falls no more; that is their penalty.
    """
    start = mlp.weights()
    change = {name: torch.zeros_like(value) for name, value in start.items()}
    pieces = list(sample.fitted.pieces())
    left = [(piece.wanted - mlp.written(start, piece.read)) * piece.root for piece in pieces]
    slope = _backward(mlp, start, pieces, left)
    toward, size = slope, _squares(slope)
    best, missed = start, mlp.missed(start, sample.held)
    for _ in range(STEPS if size else 0):
        ahead = [
            jvp(lambda weights, read=piece.read: mlp.written(weights, read), (start,), (toward,))[1] * piece.root
            for piece in pieces
        ]
        length = size / sum(float(one.double().square().sum()) for one in ahead)
        change = {name: value + length * toward[name] for name, value in change.items()}
        tried = {name: start[name] + value for name, value in change.items()}
        now = mlp.missed(tried, sample.held)
        if not now < missed:
            break
        best, missed = tried, now
        left = [one - length * other for one, other in zip(left, ahead, strict=True)]
        slope = _backward(mlp, start, pieces, left)
        before, size = size, _squares(slope)
        if not size:
            break
        toward = {name: value + size / before * toward[name] for name, value in slope.items()}
    return best


def _backward(mlp: _Mlp, start: Weights, pieces: list[Tokens], errors: list[Tensor]) -> Weights:
    """The transposed linear map: from weighted errors of what is written to the readers' weights."""
    total = {name: torch.zeros_like(value) for name, value in start.items()}
    for piece, error in zip(pieces, errors, strict=True):
        pull = vjp(lambda weights, read=piece.read: mlp.written(weights, read), start)[1]
        for name, value in pull(error * piece.root)[0].items():
            total[name] += value
    return total


def _squares(weights: Weights) -> float:
    return sum(float(value.double().square().sum()) for value in weights.values())


@torch.no_grad()
def _install(work: Work, graft: Graft, mlp: _Mlp, sample: Sample, left: float) -> None:
    """The readers as they are now, and the writer's ridge map of all tokens of the sample."""
    fit = replace(ridge(mlp.sums(sample.fitted), mlp.sums(sample.held)), left=left)
    assert fit.map is not None  # it is what was tried last, and better
    for path in graft.part.readers:
        reader = mlp.shell.get_submodule(graft.part.inner(path))
        bias: Tensor | None = reader.bias  # type: ignore[assignment]
        work.put_projection(graft.place, path, matrix_of(reader), bias, fit)
    inputs = matrix_of(mlp.writer).shape[0]
    bias = None if graft.part.writer.bias is None else fit.map[inputs]
    work.put_projection(graft.place, graft.part.writer.name, fit.map[:inputs], bias, fit)
