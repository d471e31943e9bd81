"""Heads and neurons of a layer that is gone, in the place of those before the cut that say least.

A layer keeps its shape: as many heads and neurons as before, chosen from its own and those of the layers that are gone,
so that what they write, by one least-squares map, is nearest to what all these layers together wrote.

Axes: n real tokens of a batch, d features of the residual stream, units of a part (heads, neurons).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig

from mka.errors import BadInput
from mka.merging.repair.cuts import Place
from mka.merging.repair.linear import token_weights
from mka.merging.repair.parts import Part, part_of
from mka.merging.repair.passes import Batch, Call, rows, run_up_to, watching
from mka.merging.repair.ridge import Fit, Sums, ridge
from mka.merging.repair.select import most_useful
from mka.merging.repair.work import Work
from mka.merging.repair.writers import Writer, as_stored, matrix_of

PASSES = 2
ROUNDINGS = 1000
"""What the chosen units say when they are together may differ so many roundings from what they said apart."""


@dataclass(frozen=True)
class Graft:
    """One part of one place, and the layers of the source that its units may come from.

    before, after:  writers of the layer that run before and after the part's own
    """

    place: Place
    part: Part
    donors: tuple[int, ...]
    before: tuple[Writer, ...]
    after: tuple[Writer, ...]


def graft_of(work: Work, place: Place, writer: Writer) -> Graft | None:
    """What can move into the part that `writer` ends; None where none of its units or of the layers gone can."""
    writers, stack = work.writers(place), work.source.stack
    at = [one.name for one in writers].index(writer.name)
    alike = (stack.layer_types[place.first], stack.shape_classes[place.first])
    donors = tuple(layer for layer in place.gone if (stack.layer_types[layer], stack.shape_classes[layer]) == alike)
    layer, heads = work.merged.stack.layers[place.number], int(stack.text_config.num_attention_heads)
    part = part_of(layer, writer, at == len(writers) - 1, heads) if donors else None
    return None if part is None else Graft(place, part, donors, writers[:at], writers[at + 1 :])


def transplant(work: Work, graft: Graft) -> None:
    """PASSES passes of the texts: read the donors' units off the stream before the cut, then choose and fit.

    A donor's units are told anew what to read: the ridge map from what the part reads to what the donor's own
    projections put out in the source. Nothing changes where no map does better than none on held-out texts.
    """
    shells = _told_anew(work, graft, _readings(work, graft))
    fitted, held = _said(work, graft, shells)
    part, ones = graft.part, int(graft.part.writer.bias is not None)
    units = _units_of_all(part, 1 + len(shells))
    kept = most_useful(fitted, units, len(part.inputs), ones)
    index = torch.cat([*(units[unit] for unit in kept), torch.arange(len(fitted.xx) - ones, len(fitted.xx))])
    fit = ridge(fitted.only(index), held.only(index))
    if fit.map is not None:
        _install(work, graft, shells, kept, fit)


def _readings(work: Work, graft: Graft) -> list[Fit]:
    """For each donor, the map from what the part reads (and 1) to what the donor's readers put out, side by side."""
    layer = work.merged.stack.layers[graft.place.number]
    first = next(iter(graft.part.readers))
    sums: list[tuple[Sums, Sums]] = []
    for batch in work.batches:
        work.step()
        sought = {
            f"{donor} {path}": work.source.stack.layers[donor].get_submodule(path)
            for donor in graft.donors
            for path in graft.part.readers
        }
        with watching(sought) as theirs:
            run_up_to(work.source, batch, work.source.stack.layers[graft.place.target])
        with watching({"reader": layer.get_submodule(first)}) as ours:
            run_up_to(work.merged, batch, layer)
        for number, donor in enumerate(graft.donors):
            for kind, at in enumerate((batch.fitted, batch.held)):
                x = _and_one(rows(ours["reader"].input, at))
                y = torch.cat([rows(theirs[f"{donor} {path}"].states, at) for path in graft.part.readers], dim=1)
                if number == len(sums):
                    sums.append((Sums(x.shape[1], y.shape[1]), Sums(x.shape[1], y.shape[1])))
                sums[number][kind].add(x, y, torch.ones(len(x), device=x.device))
    return [ridge(*one) for one in sums]


def _told_anew(work: Work, graft: Graft, readings: Sequence[Fit]) -> list[nn.Module]:
    """For each donor, a copy of its part whose readers read the stream before the cut."""
    shells = []
    for donor, reading in zip(graft.donors, readings, strict=True):
        source = work.source.stack.layers[donor].get_submodule(graft.part.name)
        configs = {id(one): one for part in source.modules() for one in vars(part).values() if _is_config(one)}
        shell = copy.deepcopy(source, dict(configs))
        start = 0
        for path in graft.part.readers:
            reader = shell.get_submodule(path.split(".", 1)[1])
            outputs = matrix_of(reader).shape[1]
            if reading.map is not None:
                _tell(reader, reading.map[:, start : start + outputs])
            start += outputs
        shells.append(shell)
    return shells


def _is_config(value: object) -> bool:
    return isinstance(value, PretrainedConfig)


def _tell(reader: nn.Module, found: Tensor) -> None:
    """The map (inputs + 1, outputs) as the weight and bias of `reader`; without a bias the last row has no place."""
    values = {"weight": as_stored(reader, found[:-1]), "bias": found[-1]}
    for name, old in reader.named_parameters():
        old.data = values[name].to(old.device, old.dtype)


def _said(work: Work, graft: Graft, shells: Sequence[nn.Module]) -> tuple[Sums, Sums]:
    """Sums of what all units say (own first, then each donor's; 1 where the writer has a bias) and should write."""
    sums: tuple[Sums, Sums] | None = None
    for batch in work.batches:
        work.step()
        said, wanted, found = _owed(work, graft, batch)
        features = _features(graft.part, said, shells)
        for kind, at in enumerate((batch.fitted, batch.held)):
            x = torch.cat([rows(one, at) for one in features], dim=1)
            x = x if graft.part.writer.bias is None else _and_one(x)
            goal = rows(wanted, at)
            if sums is None:
                sums = Sums(x.shape[1], goal.shape[1]), Sums(x.shape[1], goal.shape[1])
            sums[kind].add(x, goal - rows(found, at), token_weights(goal))
    assert sums is not None  # there is at least one batch
    return sums


def _owed(work: Work, graft: Graft, batch: Batch) -> tuple[dict[str, Call], Tensor, Tensor]:
    """The part's calls, the source's stream behind the cut, and what of it comes from elsewhere than the part.

    Elsewhere is: the stream that enters the layer, what the layer's earlier writers add to it, and what the later
    writers of all the layers that the place stands for add to it in the source.
    """
    layer, place = work.merged.stack.layers[graft.place.number], graft.place
    theirs = {
        f"{number} {writer.name}": work.source.stack.layers[number].get_submodule(writer.name)
        for number in range(place.first, place.target + 1)
        for writer in graft.after
    }
    with watching(theirs) as added:
        wanted = run_up_to(work.source, batch, work.source.stack.layers[place.target])
    ours = {writer.name: writer.module for writer in graft.before}
    own = {"layer": layer, "part": layer.get_submodule(graft.part.name), "writer": graft.part.writer.module}
    with watching(own | ours) as seen:
        # The layer's own call is seen only if its hook runs before the one that ends the run.
        run_up_to(work.merged, batch, layer)
    found = seen["layer"].input
    for call in (*(seen[name] for name in ours), *added.values()):
        found = found + call.states.reshape(found.shape)
    return seen, wanted, found


def _features(part: Part, seen: dict[str, Call], shells: Sequence[nn.Module]) -> list[Tensor]:
    """What the writer is given: of the part itself, then of each shell when it is called as the part was."""
    found, call = [seen["writer"].input], seen["part"]
    path = part.writer.name.split(".", 1)[1]
    for shell in shells:
        with watching({"writer": shell.get_submodule(path)}) as said, torch.no_grad():
            shell(*call.args, **call.kwargs)
        found.append(said["writer"].input)
    return found


def _and_one(x: Tensor) -> Tensor:
    return torch.cat([x, x.new_ones(len(x), 1)], dim=1)


def _units_of_all(part: Part, layers: int) -> Tensor:
    """int64 (layers * units, c): the features of each unit when those of all layers stand side by side."""
    width = part.inputs.numel()
    return torch.cat([part.inputs + layer * width for layer in range(layers)])


def _install(work: Work, graft: Graft, shells: Sequence[nn.Module], kept: Sequence[int], fit: Fit) -> None:
    """The chosen units take the part's places in their order; the writer gets the map that was fitted."""
    assert fit.map is not None
    part, layer = graft.part, work.merged.stack.layers[graft.place.number]
    apart = _chosen(work, graft, shells, kept)
    path = f"{work.merged.stack.path}.{graft.place.number}"
    for name, outputs in part.readers.items():
        inner = name.split(".", 1)[1]
        all_of_them = [layer.get_submodule(name), *(shell.get_submodule(inner) for shell in shells)]
        matrix, bias = _picked(all_of_them, outputs, kept)
        _put(work, f"{path}.{name}", as_stored(all_of_them[0], matrix), bias, fit)
    inputs = part.writer.matrix.shape[0]
    bias = None if part.writer.bias is None else fit.map[inputs]
    _put(work, f"{path}.{part.writer.name}", part.writer.as_stored(fit.map[:inputs]), bias, fit)
    together = _chosen(work, graft, (), range(len(part.inputs)))
    if not (together - apart).norm() <= ROUNDINGS * torch.finfo(work.merged.network.dtype).eps * apart.norm():
        raise BadInput(
            f"the units of {part.name} of {type(work.merged.network).__name__} are laid out otherwise than MKA knows, "
            "so none can be transplanted; use the repair linear"
        )


def _chosen(work: Work, graft: Graft, shells: Sequence[nn.Module], kept: Sequence[int]) -> Tensor:
    """What the units `kept` say on the first batch, at its real tokens; float32 (n, kept * c)."""
    batch = work.batches[0]
    seen, _, _ = _owed(work, graft, batch)
    said = torch.cat([rows(one, batch.mask.bool()) for one in _features(graft.part, seen, shells)], dim=1)
    units = _units_of_all(graft.part, 1 + len(shells))
    return said[:, torch.cat([units[unit] for unit in kept]).to(said.device)]


def _picked(modules: Sequence[nn.Module], outputs: Tensor, kept: Sequence[int]) -> tuple[Tensor, Tensor | None]:
    """The matrix (inputs, outputs) and bias of a reader whose unit i is unit kept[i] of all `modules`'."""
    matrix = matrix_of(modules[0]).detach().clone()
    bias = None if modules[0].bias is None else modules[0].bias.detach().clone()  # type: ignore[union-attr,operator]
    for place, unit in enumerate(kept):
        module, number = modules[unit // len(outputs)], unit % len(outputs)
        matrix[:, outputs[place]] = matrix_of(module)[:, outputs[number]].detach()
        if bias is not None:
            bias[outputs[place]] = module.bias[outputs[number]].detach()  # type: ignore[index]
    return matrix, bias


def _put(work: Work, path: str, weight: Tensor, bias: Tensor | None, fit: Fit) -> None:
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None:
            work.put(f"{path}.{name}", value, fit.penalty, fit.left)
