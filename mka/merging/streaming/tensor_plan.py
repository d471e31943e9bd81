"""For each tensor of the new checkpoint, the stored tensors that it is made of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from transformers import PreTrainedModel

from mka.errors import BadInput
from mka.merging.layer_merge import MATRIX
from mka.merging.streaming.layer_names import LayerNames, layer_names
from mka.merging.streaming.source import FLOATING, StreamSource
from mka.models.files import BITS, StoredTensor
from mka.models.weightless import stored_form
from mka.objects.plan import MergeGroup, MergePlan

COMPARED = 1 << 20
"""Bytes compared at once."""


@dataclass(frozen=True)
class Target:
    """A tensor of the new checkpoint.

    sources, weights:  what it is the weighted sum of; one source means its very bytes
    before:            for a tensor of a merged layer that is no longer its first layer's own, that layer's own
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    sources: tuple[StoredTensor, ...]
    weights: tuple[float, ...]
    before: StoredTensor | None = None

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * BITS[self.dtype] // 8

    @property
    def copied(self) -> bool:
        """Whether its bytes are those of a stored tensor."""
        return len(self.sources) == 1


def tensor_plan(source: StreamSource, plan: MergePlan, network: PreTrainedModel) -> tuple[Target, ...]:
    """Every tensor of `network`, which `plan` makes of `source`, in the order in which transformers stores them.

    BadInput for tensors that cannot be averaged because they hold codes, and for an architecture whose files are not
    named alike before and after.
    """
    names = layer_names(source.network, source.stack)
    made = {target.name: target for target in _targets(source, plan, names)}
    asked = stored_form(network)
    if asked.keys() - made.keys():
        raise BadInput(
            f"the weight files of a {type(network).__name__} with other layers go by other names "
            f"({min(asked.keys() - made.keys())}); merge in memory (without --stream)"
        )
    return tuple(made.pop(name) for name in asked) + tuple(made.values())


def _targets(source: StreamSource, plan: MergePlan, names: LayerNames) -> Iterator[Target]:
    in_layers = names.places
    for name, tensor in source.tensors.items():
        if name not in in_layers:
            yield _same(name, tensor)
    groups = {group.layers: group for group in plan.groups if group.method == "average"}
    for place, layers in enumerate(plan.layer_map):
        for suffix in names.suffixes[layers[0]]:
            stored = [source.tensors[names.name(layer, suffix)] for layer in layers]
            yield _made(names.name(place, suffix), groups.get(layers), stored)


def _same(name: str, tensor: StoredTensor) -> Target:
    return Target(name, tensor.dtype, tensor.shape, (tensor,), (1.0,))


def _made(name: str, group: MergeGroup | None, stored: Sequence[StoredTensor]) -> Target:
    first = stored[0]
    if group is None or (group.tensors == "projections" and len(first.shape) < MATRIX):
        return _same(name, first)
    if not all(tensor.dtype in FLOATING for tensor in stored):
        _check_same_codes(group, stored)
        return _same(name, first)
    used = [(tensor, weight) for tensor, weight in zip(stored, group.weights, strict=True) if weight != 0]
    if [tensor for tensor, _ in used] == [first]:
        return _same(name, first)
    sources, weights = zip(*used, strict=True)
    dtype = sources[0].dtype if len(used) == 1 else first.dtype
    return Target(name, dtype, first.shape, sources, weights, before=first)


def _check_same_codes(group: MergeGroup, stored: Sequence[StoredTensor]) -> None:
    for one, other in pairwise(stored):
        if not _same_bytes(one, other):
            raise BadInput(
                f"group {list(group.layers)} cannot be averaged: {one.name} and {other.name} hold {one.dtype} and "
                "differ; use unquantised weights, or drop or keep a layer"
            )


def _same_bytes(one: StoredTensor, other: StoredTensor) -> bool:
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    with one.file.open("rb") as first, other.file.open("rb") as second:
        return all(
            os.pread(first.fileno(), size, one.begin + at) == os.pread(second.fileno(), size, other.begin + at)
            for at, size in _ranges(one.end - one.begin)
        )


def _ranges(length: int) -> Iterator[tuple[int, int]]:
    return ((at, min(COMPARED, length - at)) for at in range(0, length, COMPARED))
