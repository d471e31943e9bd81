"""Heads and neurons of a layer that is gone, in the place of those before the cut that say least.

A layer keeps its shape: as many heads and neurons as before, chosen from its own and those of the layers that are gone,
so that what they write, by one least-squares map, is nearest to what all these layers together wrote.

Axes: n real tokens of a batch, d features of the residual stream, units of a part (heads, neurons).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from mka.errors import BadInput
from mka.merging.repair.grafts import Graft, and_one, owed, said
from mka.merging.repair.linear import token_weights
from mka.merging.repair.parts import Part
from mka.merging.repair.passes import rows
from mka.merging.repair.readings import as_float64, readings, tell_own, told_anew
from mka.merging.repair.ridge import Fit, Sums, ridge
from mka.merging.repair.select import most_useful
from mka.merging.repair.work import Work
from mka.merging.repair.writers import matrix_of

PASSES = 2
ROUNDINGS, MOST = 1000, 0.1
"""What the chosen units say when they are together may differ so many roundings from what they said apart, and by so
much of it in dtypes of few digits; of a layout that is told wrongly nearly all differs."""


def transplant(work: Work, graft: Graft) -> bool:
    """PASSES passes of the texts: tell units anew what to read, then choose among them and fit what they write.

    Units read the stream as it was where their layer stood. Where it is another now, the ridge map is taken from what
    the part reads to what the units' own projections put out in the source. Where the part's own units with a map added
    to what they write miss less on held-out texts, they stay, and where that misses more than the part as it stands,
    it stays. Returns whether units moved, or their writer was fitted anew.
    """
    found = readings(work, graft)
    if graft.told:
        tell_own(work, graft, found[graft.place.first])
    shells = told_anew(work, graft, found)
    fitted, held = _said(work, graft, shells)
    part, ones = graft.part, int(graft.part.writer.bias is not None)
    units = _units_of_all(part, 1 + len(shells))
    kept = most_useful(fitted.plus(held), units, len(part.inputs), ones)
    moved = _ridge(fitted, held, _features(units[kept], len(fitted.xx), ones))
    mine = _features(units[: len(part.inputs)], len(fitted.xx), ones)
    matrix, bias = as_float64(part.writer.module)
    present = matrix if bias is None else torch.cat([matrix, bias[None]])
    missing = held.only(mine).missed(present)
    mended = ridge(fitted.only(mine).beyond(present), held.only(mine).beyond(present))
    if moved.map is not None and moved.left * held.total < mended.left * missing:
        _install(work, graft, shells, kept, replace(moved, left=moved.left * held.total / missing))
        return True
    if mended.map is not None:
        both = present + mended.map
        work.put_projection(graft.place, part.writer.name, both[: len(matrix)], both[-1] if ones else None, mended)
    return False


def _features(units: Tensor, count: int, ones: int) -> Tensor:
    """int64, the features of these units (units, c), and of the 1 that stands last of `count`."""
    return torch.cat([units.reshape(-1), torch.arange(count - ones, count)])


def _ridge(fitted: Sums, held: Sums, features: Tensor) -> Fit:
    return ridge(fitted.only(features), held.only(features))


def _said(work: Work, graft: Graft, shells: Sequence[nn.Module]) -> tuple[Sums, Sums]:
    """Sums of what all units say (own first, then each donor's; 1 where the writer has a bias) and should write."""
    sums: tuple[Sums, Sums] | None = None
    for batch in work.batches:
        work.step()
        seen = owed(work, graft, batch)
        features = said(graft.part, seen.calls, shells)
        for kind, at in enumerate((batch.fitted, batch.held)):
            x = torch.cat([rows(one, at) for one in features], dim=1)
            x = x if graft.part.writer.bias is None else and_one(x)
            goal = rows(seen.wanted, at)
            if sums is None:
                sums = Sums(x.shape[1], goal.shape[1]), Sums(x.shape[1], goal.shape[1])
            sums[kind].add(x, goal - rows(seen.found, at), token_weights(goal))
    assert sums is not None  # there is at least one batch
    return sums


def _units_of_all(part: Part, layers: int) -> Tensor:
    """int64 (layers * units, c): the features of each unit when those of all layers stand side by side."""
    width = part.inputs.numel()
    return torch.cat([part.inputs + layer * width for layer in range(layers)])


def _install(work: Work, graft: Graft, shells: Sequence[nn.Module], kept: Sequence[int], fit: Fit) -> None:
    """The chosen units take the part's places in their order; the writer gets the map that was fitted."""
    assert fit.map is not None
    part, layer = graft.part, work.layer(graft.place)
    apart = _chosen(work, graft, shells, kept)
    came = Counter(unit // len(part.inputs) for unit in kept)
    given = tuple((donor, came[number]) for number, donor in enumerate(graft.donors, start=1) if came[number])
    work.take_in(graft.place, part, given)
    for name, outputs in part.readers.items() if shells else ():
        all_of_them = [layer.get_submodule(name), *(shell.get_submodule(part.inner(name)) for shell in shells)]
        matrix, bias = _picked(all_of_them, outputs, kept)
        work.put_projection(graft.place, name, matrix, bias, fit)
    inputs = part.writer.matrix.shape[0]
    bias = None if part.writer.bias is None else fit.map[inputs]
    work.put_projection(graft.place, part.writer.name, fit.map[:inputs], bias, fit)
    together = _chosen(work, graft, (), range(len(part.inputs)))
    allowed = min(ROUNDINGS * torch.finfo(work.merged.network.dtype).eps, MOST)
    if not (together - apart).norm() <= allowed * apart.norm():
        raise BadInput(
            f"the units of {part.name} of {type(work.merged.network).__name__} are laid out otherwise than MKA knows, "
            "so none can be transplanted; use the repair linear"
        )


def _chosen(work: Work, graft: Graft, shells: Sequence[nn.Module], kept: Sequence[int]) -> Tensor:
    """What the units `kept` say on the first batch, at its real tokens; float32 (n, kept * c)."""
    batch = work.batches[0]
    features = said(graft.part, owed(work, graft, batch).calls, shells)
    found = torch.cat([rows(one, batch.mask.bool()) for one in features], dim=1)
    units = _units_of_all(graft.part, 1 + len(shells))
    return found[:, torch.cat([units[unit] for unit in kept]).to(found.device)]


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
