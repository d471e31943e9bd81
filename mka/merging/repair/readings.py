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
class Readings:
    """Maps from what the part reads (and 1) to its readers' outputs, side by side.

    own:     to what is missing in the part's own; None where it is not told anew
    donors:  to what each donor's readers put out in the source
    """

    own: Fit | None
    donors: tuple[Fit, ...]


def readings(work: Work, graft: Graft) -> Readings:
    """One pass of the texts; each map is a ridge, its penalty chosen on held-out texts."""
    tellers = ((graft.place.first,) if graft.told else ()) + graft.donors
    fitted: dict[int, Sums] = {}
    held: dict[int, Sums] = {}
    for batch in work.batches:
        work.step()
        ours, theirs = _calls(work, graft, batch, tellers)
        for sums, at in ((fitted, batch.fitted), (held, batch.held)):
            x = and_one(rows(next(iter(ours.values())).input, at))
            for layer in tellers:
                y = torch.cat([rows(theirs[f"{layer} {path}"].states, at) for path in ours], dim=1)
                if layer not in graft.donors:
                    y = y - torch.cat([rows(call.states, at) for call in ours.values()], dim=1)
                sums.setdefault(layer, Sums(x.shape[1], y.shape[1])).add(x, y, x.new_ones(len(x)))
    fits = {layer: ridge(fitted[layer], held[layer]) for layer in tellers}
    own = fits[graft.place.first] if graft.told else None
    return Readings(own, tuple(fits[donor] for donor in graft.donors))


def _calls(
    work: Work, graft: Graft, batch: Batch, tellers: Sequence[int]
) -> tuple[Mapping[str, Call], Mapping[str, Call]]:
    """The readers' calls in the merged model by name, and in the source by "layer name"."""
    sought = {
        f"{layer} {path}": work.source.stack.layers[layer].get_submodule(path)
        for layer in tellers
        for path in graft.part.readers
    }
    with watching(sought) as theirs:
        run_up_to(work.source, batch, work.source.stack.layers[graft.place.target])
    layer = work.layer(graft.place)
    with watching({path: layer.get_submodule(path) for path in graft.part.readers}) as ours:
        run_up_to(work.merged, batch, layer)
    return ours, theirs


def tell_own(work: Work, graft: Graft, fit: Fit) -> None:
    """The part's readers with the map that was found added; unchanged where none was."""
    if fit.map is None:
        return
    start = 0
    for path in graft.part.readers:
        reader = work.layer(graft.place).get_submodule(path)
        matrix = matrix_of(reader).detach().cpu().double()
        some = fit.map[:, start : start + matrix.shape[1]]
        work.put_projection(graft.place, path, matrix + some[:-1], _added(reader, some[-1]), fit)
        start += matrix.shape[1]


def _added(reader: nn.Module, constant: Tensor) -> Tensor | None:
    """The reader's bias and the map's constant, which has no place where there is no bias."""
    bias: Tensor | None = reader.bias  # type: ignore[assignment]
    return None if bias is None else bias.detach().cpu().double() + constant


def told_anew(work: Work, graft: Graft, fits: Sequence[Fit]) -> list[nn.Module]:
    """For each donor, a copy of its part whose readers read the stream before the cut."""
    shells = []
    for donor, fit in zip(graft.donors, fits, strict=True):
        shell = shell_of(work.source.stack.layers[donor].get_submodule(graft.part.name))
        start = 0
        for path in graft.part.readers:
            reader = shell.get_submodule(graft.part.inner(path))
            outputs = matrix_of(reader).shape[1]
            if fit.map is not None:
                _tell(reader, fit.map[:, start : start + outputs])
            start += outputs
        shells.append(shell)
    return shells


def _tell(reader: nn.Module, found: Tensor) -> None:
    """The map (inputs + 1, outputs) as the weight and bias of `reader`; without a bias the last row has no place."""
    values = {"weight": as_stored(reader, found[:-1]), "bias": found[-1]}
    for name, old in reader.named_parameters():
        old.data = values[name].to(old.device, old.dtype)
