"""What heads carry: the values and the output map of attention, fitted anew under the patterns that its heads have.

A head writes A V O: its pattern A mixes what its values V read of the tokens. With A as it is, the map V O is linear
in the mixed tokens and of the rank of a head's width; those of all heads together are found by least squares.

Axes: n real tokens of a batch, e features that values are read from, c of a head, d of the stream.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mka.merging.repair.grafts import Graft, and_one, owed, said, shell_of
from mka.merging.repair.linear import token_weights
from mka.merging.repair.lowrank import LowRank, low_rank
from mka.merging.repair.passes import rows
from mka.merging.repair.readings import as_float64
from mka.merging.repair.ridge import Fit, Sums
from mka.merging.repair.work import Work
from mka.merging.repair.writers import matrix_of

WIDEST = 8192
"""Features of all heads together beyond which the sums would take gigabytes; wider attention keeps its values."""


@dataclass(frozen=True)
class Values:
    """The reader whose outputs the patterns mix.

    path:     its name from the layer
    outputs:  int64 (heads, c), those that are a head's values
    """

    path: str
    outputs: Tensor


@torch.no_grad()
def values_of(work: Work, graft: Graft) -> Values | None:
    """Found by trying: what attention says doubles with its values. None where nothing is of which this holds, where
    a constant in the values would have no place behind them, or all heads together are wider than WIDEST."""
    part, calls = graft.part, owed(work, graft, work.batches[0]).calls
    heads, width = part.inputs.shape
    twice = 2 * calls["writer"].input
    for path, outputs in part.readers.items():
        values = Values(path, outputs[:, -width:])
        shell = shell_of(work.layer(graft.place).get_submodule(part.name))
        reader = shell.get_submodule(part.inner(path))
        if heads * matrix_of(reader).shape[0] > WIDEST or (reader.bias is not None and part.writer.bias is None):
            continue
        for parameter in reader.parameters():
            _columns(reader, parameter)[..., values.outputs.reshape(-1)] *= 2
        doubled = said(part, calls, [shell])[1]
        if torch.allclose(doubled, twice, rtol=1e-2, atol=1e-3 * float(twice.abs().max())):
            return values
    return None


def _columns(reader: nn.Module, parameter: Tensor) -> Tensor:
    """A reader's weight (inputs, outputs) or bias (outputs,), in the same memory."""
    return matrix_of(reader) if parameter.dim() > 1 else parameter


def enrich(work: Work, graft: Graft, values: Values) -> None:
    """One pass of the texts; values and writer change where others miss less on held-out texts."""
    fitted, held = _mixed(work, graft, values)
    blocks, present = _present(work, graft, values)
    found = low_rank(fitted, held, blocks, graft.part.inputs.shape[1], present)
    if found is not None:
        _install(work, graft, values, found)


def _mixed(work: Work, graft: Graft, values: Values) -> tuple[Sums, Sums]:
    """Sums of the tokens as each head mixes them (and 1 where the writer has a bias) and of what all should write."""
    slices = _slices(work, graft, values)
    sums: tuple[Sums, Sums] | None = None
    for batch in work.batches:
        work.step()
        seen = owed(work, graft, batch)
        mixed = said(graft.part, seen.calls, slices)[1:]
        for kind, at in enumerate((batch.fitted, batch.held)):
            x, goal = _by_head(graft, values, work, mixed, at), rows(seen.wanted, at)
            if sums is None:
                sums = Sums(x.shape[1], goal.shape[1]), Sums(x.shape[1], goal.shape[1])
            sums[kind].add(x, goal - rows(seen.found, at), token_weights(goal))
    assert sums is not None  # there is at least one batch
    return sums


@torch.no_grad()
def _slices(work: Work, graft: Graft, values: Values) -> list[nn.Module]:
    """Copies of the part whose values are the states themselves, a head's width of them in each copy."""
    width = values.outputs.shape[1]
    part = work.layer(graft.place).get_submodule(graft.part.name)
    shells = []
    for start in range(0, _states(work, graft, values), width):
        shell = shell_of(part)
        reader = shell.get_submodule(graft.part.inner(values.path))
        for parameter in reader.parameters():
            _columns(reader, parameter)[..., values.outputs.reshape(-1)] = 0
        for head in values.outputs:
            for number, output in enumerate(head[: _states(work, graft, values) - start]):
                matrix_of(reader)[start + number, output] = 1
        shells.append(shell)
    return shells


def _states(work: Work, graft: Graft, values: Values) -> int:
    """How many features the values are read from."""
    return matrix_of(work.layer(graft.place).get_submodule(values.path)).shape[0]


def _by_head(graft: Graft, values: Values, work: Work, mixed: list[Tensor], at: Tensor) -> Tensor:
    """Float32 (n, heads * e and maybe 1): of each head, all the states that it mixes."""
    slices = torch.stack([rows(one, at) for one in mixed], dim=1)  # (n, slices, heads * c)
    heads, width = graft.part.inputs.shape
    by_head = slices.reshape(len(slices), len(mixed), heads, width).transpose(1, 2)
    states = _states(work, graft, values)
    x = by_head.reshape(len(slices), heads, len(mixed) * width)[..., :states].reshape(len(slices), heads * states)
    return x if graft.part.writer.bias is None else and_one(x)


def _present(work: Work, graft: Graft, values: Values) -> tuple[list[slice], Tensor]:
    """The features of each head (and the 1), and the map of all of them as it stands, float64."""
    part, reader = graft.part, work.layer(graft.place).get_submodule(values.path)
    (read, bias), (write, constant) = as_float64(reader), as_float64(part.writer.module)
    maps = [read[:, outputs] @ write[inputs] for outputs, inputs in zip(values.outputs, part.inputs, strict=True)]
    blocks = [slice(head * len(read), (head + 1) * len(read)) for head in range(len(maps))]
    if constant is not None:
        if bias is not None:  # a pattern's shares add up to 1, so it hands on what all tokens have in common
            for outputs, inputs in zip(values.outputs, part.inputs, strict=True):
                constant = constant + bias[outputs] @ write[inputs]
        maps.append(constant[None])
        blocks.append(slice(blocks[-1].stop, blocks[-1].stop + 1))
    return blocks, torch.cat(maps)


def _install(work: Work, graft: Graft, values: Values, found: LowRank) -> None:
    """The factors of each head as its values and its rows of the writer; the values' bias goes over to the writer's."""
    part, reader = graft.part, work.layer(graft.place).get_submodule(values.path)
    (read, bias), (write, _) = as_float64(reader), as_float64(part.writer.module)
    for factors, outputs, inputs in zip(found.blocks, values.outputs, part.inputs, strict=False):
        read[:, outputs], write[inputs] = factors.read, factors.write
    if bias is not None:
        bias[values.outputs.reshape(-1)] = 0
    fit = Fit(None, found.penalty, found.left)
    work.put_projection(graft.place, values.path, read, bias, fit)
    constant = None if part.writer.bias is None else found.blocks[-1].map[0]
    work.put_projection(graft.place, part.writer.name, write, constant, fit)
