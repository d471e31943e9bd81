"""A part of a layer before or behind a cut, and the layers that are gone whose units could stand there."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig

from mka.merging.repair.cuts import Place
from mka.merging.repair.parts import Part, part_of
from mka.merging.repair.passes import Batch, Call, run_up_to, watching
from mka.merging.repair.work import Work
from mka.merging.repair.writers import Writer


@dataclass(frozen=True)
class Graft:
    """One part of one place, and the layers of the source that its units may come from.

    donors:         gone, and of the type and shapes of the place's layer
    before, after:  writers of the layer that run before and after the part's own
    heads:          whether the units are heads; else they are neurons
    told:           whether the part's own units are told anew what to read: they are those of a layer of the source,
                    but the stream is another behind a cut, and in a layer before it that writes something else
    """

    place: Place
    part: Part
    donors: tuple[int, ...]
    before: tuple[Writer, ...]
    after: tuple[Writer, ...]
    heads: bool
    told: bool


def graft_of(work: Work, place: Place, writer: Writer) -> Graft | None:
    """What can move into the part that `writer` ends; None where nothing can: its units are not alike, or no others
    could stand there and its own read what they always did."""
    writers, stack = work.writers(place), work.source.stack
    at = [one.name for one in writers].index(writer.name)
    alike = (stack.layer_types[place.first], stack.shape_classes[place.first])
    donors = tuple(layer for layer in place.gone if (stack.layer_types[layer], stack.shape_classes[layer]) == alike)
    told = place.alone and (place.number > work.cuts[0].number or at > 0)
    last, heads = at == len(writers) - 1, int(getattr(stack.text_config, "num_attention_heads", 0))
    part = part_of(work.layer(place), writer, last, heads) if donors or told else None
    stands_for = stack.layers[place.first : place.target + 1]
    if any(one.name not in dict(layer.named_modules()) for one in writers[at + 1 :] for layer in stands_for):
        return None  # what such a layer adds behind the part cannot be told
    return None if part is None else Graft(place, part, donors, writers[:at], writers[at + 1 :], not last, told)


@dataclass(frozen=True)
class Owed:
    """What one batch shows of a part.

    calls:   the last call of "layer", "part", its "writer" and each of its readers
    wanted:  the source's stream behind the cut (b, t, d)
    found:   what of it comes from elsewhere than the part: the stream that enters the layer, what the layer's earlier
             writers add to it, and what the later writers of all the layers that the place stands for add in the source
    """

    calls: Mapping[str, Call]
    wanted: Tensor
    found: Tensor


def owed(work: Work, graft: Graft, batch: Batch) -> Owed:
    """One run of both models up to the place."""
    layer, place = work.layer(graft.place), graft.place
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
    return Owed(seen, wanted, found)


def shell_of(part: nn.Module) -> nn.Module:
    """A copy of a part of a layer, with tensors of its own."""
    configs = {id(one): one for inner in part.modules() for one in vars(inner).values() if _is_config(one)}
    return copy.deepcopy(part, dict(configs))


def _is_config(value: object) -> bool:
    return isinstance(value, PretrainedConfig)


def said(part: Part, calls: Mapping[str, Call], shells: Sequence[nn.Module]) -> list[Tensor]:
    """What the writer is given: of the part itself, then of each shell when it is called as the part was."""
    found, call = [calls["writer"].input], calls["part"]
    path = part.inner(part.writer.name)
    for shell in shells:
        with watching({"writer": shell.get_submodule(path)}) as seen, torch.no_grad():
            shell(*call.args, **call.kwargs)
        found.append(seen["writer"].input)
    return found


def and_one(x: Tensor) -> Tensor:
    """A 1 beside the features (n, k)."""
    return torch.cat([x, x.new_ones(len(x), 1)], dim=1)
