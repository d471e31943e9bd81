"""Projections told anew what to read: from the stream as the merged model has it, what they read in the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mka.merging.repair.grafts import Graft, and_one, shell_of
from mka.merging.repair.passes import Batch, Call, rows, run_up_to, watching
from mka.merging.repair.ridge import Fit, Sums, ridge
from mka.merging.repair.work import Work
from mka.merging.repair.writers import as_stored, matrix_of


@dataclass(frozen=True)
class Told:
    """What a reader is told to read: float64 matrix (inputs, outputs) and bias (outputs,), if it has one.

    fit: of the ridge map that made it so; without a map the reader is as in the source
    """

    matrix: Tensor
    bias: Tensor | None
    fit: Fit


Readings = Mapping[int, Mapping[str, Told]]
"""Source layer -> its readers."""


def readings(work: Work, graft: Graft) -> Readings:
    """One pass of the texts; each reader's map is a ridge, its penalty chosen on held-out texts.

    From what the part reads in the merged model (and 1) to what the reader put out in the source. A ridge draws towards
    the reader as it was, its inputs scaled one by one to what it was given in the source.
    """
    seen = {layer: _Seen(work, graft, layer) for layer in ((graft.place.first,) if graft.told else ()) + graft.donors}
    for batch in work.batches:
        work.step()
        _look(work, graft, batch, seen)
    return {layer: one.told() for layer, one in seen.items()}


def _look(work: Work, graft: Graft, batch: Batch, seen: Mapping[int, _Seen]) -> None:
    sought = {f"{layer} {path}": reader for layer, one in seen.items() for path, reader in one.readers.items()}
    with watching(sought) as theirs:
        run_up_to(work.source, batch, work.source.stack.layers[graft.place.target])
    layer, first = work.layer(graft.place), next(iter(graft.part.readers))
    with watching({"reader": layer.get_submodule(first)}) as ours:
        run_up_to(work.merged, batch, layer)
    for number, one in seen.items():
        calls = [theirs[f"{number} {path}"] for path in one.readers]
        one.add(batch, ours["reader"].input, calls)


class _Seen:
    """Sums of what one layer's readers read and put out in the source, beside what the part reads."""

    def __init__(self, work: Work, graft: Graft, layer: int) -> None:
        part = work.source.stack.layers[layer]
        self.readers = {path: part.get_submodule(path) for path in graft.part.readers}
        shapes = [matrix_of(reader).shape for reader in self.readers.values()]
        inputs, outputs = shapes[0][0], sum(shape[1] for shape in shapes)
        self.fitted, self.held = Sums(inputs + 1, outputs), Sums(inputs + 1, outputs)
        self.both = torch.zeros(inputs, dtype=torch.float64)

    def add(self, batch: Batch, read: Tensor, calls: Sequence[Call]) -> None:
        for sums, at in ((self.fitted, batch.fitted), (self.held, batch.held)):
            x = rows(read, at)
            y = torch.cat([rows(call.states, at) for call in calls], dim=1)
            sums.add(and_one(x), y, x.new_ones(len(x)))
            self.both += (x.double() * rows(calls[0].input, at).double()).sum(dim=0).cpu()

    def told(self) -> Mapping[str, Told]:
        squares = (self.fitted.xx + self.held.xx).diagonal()[:-1]
        scale = torch.where(squares > 0, self.both / squares, 1.0)
        found: dict[str, Told] = {}
        start = 0
        for path, reader in self.readers.items():
            matrix, bias = as_float64(reader)
            outputs = slice(start, start + matrix.shape[1])
            start = outputs.stop
            known = scale[:, None] * matrix
            known = known if bias is None else torch.cat([known, bias[None]])
            features = torch.arange(len(known))  # without a bias a constant would have no place
            fit = ridge(*(one.of(outputs).only(features).beyond(known) for one in (self.fitted, self.held)))
            if fit.map is not None:
                matrix = (known + fit.map)[: len(matrix)]
                bias = None if bias is None else (known + fit.map)[-1]
            found[path] = Told(matrix, bias, fit)
        return found


def as_float64(module: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Copies of a projection's matrix (inputs, outputs) and bias, on the CPU."""
    bias: Tensor | None = module.bias  # type: ignore[assignment]
    matrix = matrix_of(module).detach().cpu().double().clone()
    return matrix, None if bias is None else bias.detach().cpu().double().clone()


def tell_own(work: Work, graft: Graft, readers: Mapping[str, Told]) -> None:
    """The part's readers as they are told, where a map was found."""
    for path, told in readers.items():
        if told.fit.map is not None:
            work.put_projection(graft.place, path, told.matrix, told.bias, told.fit)


def told_anew(work: Work, graft: Graft, found: Readings) -> list[nn.Module]:
    """For each donor, a copy of its part whose readers are as they are told."""
    shells = []
    for donor in graft.donors:
        shell = shell_of(work.source.stack.layers[donor].get_submodule(graft.part.name))
        for path, told in found[donor].items():
            reader = shell.get_submodule(graft.part.inner(path))
            for name, value in (("weight", as_stored(reader, told.matrix)), ("bias", told.bias)):
                old = getattr(reader, name)
                if value is not None:
                    old.data = value.to(old.device, old.dtype)
        shells.append(shell)
    return shells
