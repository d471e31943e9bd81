"""The parts of a layer that are made of like units: attention of heads, an MLP of neurons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mka.merging.repair.writers import PROJECTIONS, Writer, matrix_of

BY_HEAD, BY_KIND = "by head", "by kind"
FUSED: Mapping[str, str] = {"query_key_value": BY_HEAD, "c_attn": BY_KIND, "qkv_proj": BY_KIND}
"""How projections that hold queries, keys and values lay them out: q k v of one head after the other, or all q, k, v.

A layout that is told wrongly is found out before it does harm: see `transplant`."""


@dataclass(frozen=True)
class Part:
    """A part of a layer whose units can change places with those of another layer's.

    name:     of the module, from the layer
    readers:  its projections that read the stream, by name from the layer; for each, int64 (units, r), the outputs that
              belong to a unit
    writer:   the projection that writes what the units say
    inputs:   int64 (units, c), the writer's inputs that belong to a unit
    """

    name: str
    readers: Mapping[str, Tensor]
    writer: Writer
    inputs: Tensor

    def inner(self, name: str) -> str:
        """The name from this part of a module that is named from the layer."""
        return name.removeprefix(f"{self.name}.")


def part_of(layer: nn.Module, writer: Writer, last: bool, heads: int) -> Part | None:
    """The part that `writer` ends; None where its units are not alike or hold weights beside projections.

    last:   whether it is the MLP, whose units are single neurons; else attention, of so many heads

    Grouped queries share keys among heads, and norms of queries and keys are of a layer, so such heads stay.
    """
    name = writer.name.split(".")[0]
    module = layer.get_submodule(name)
    found = {
        f"{name}.{path}": part
        for path, part in module.named_modules()
        if isinstance(part, PROJECTIONS) and f"{name}.{path}" != writer.name
    }
    held = sum(1 for one in (*found.values(), writer.module) for _ in one.parameters())
    if not found or held != sum(1 for _ in module.parameters()):
        return None
    width = writer.matrix.shape[0]
    units = width if last else heads
    if not units or width % units:
        return None  # a config that knows no heads is of a recurrence
    inputs = torch.arange(width).reshape(units, -1)
    readers = {path: _rows(path, part, inputs) for path, part in found.items()}
    if any(rows is None for rows in readers.values()):
        return None
    return Part(name, {path: rows for path, rows in readers.items() if rows is not None}, writer, inputs)


def _rows(path: str, reader: nn.Module, inputs: Tensor) -> Tensor | None:
    """The reader's outputs by unit; None where they are not as many for each."""
    outputs, width = matrix_of(reader).shape[1], inputs.numel()
    if outputs == width:
        return inputs
    layout = FUSED.get(path.rpartition(".")[2])
    if outputs != 3 * width or layout is None:
        return None
    if layout == BY_HEAD:
        return torch.arange(outputs).reshape(len(inputs), -1)
    return torch.cat([inputs, inputs + width, inputs + 2 * width], dim=1)
