"""For each tensor of the new checkpoint, the stored tensors that it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from transformers import PreTrainedModel

from mka.errors import BadInput
from mka.merging.coefficients import coefficients, kind_of, needs_dots
from mka.merging.layer_merge import MATRIX
from mka.merging.shells import tensors_of
from mka.merging.streaming.layer_names import LayerNames, layer_names
from mka.merging.streaming.passes import dots_of_stored, same_bytes
from mka.merging.streaming.source import FLOATING, StreamSource
from mka.models.files import BITS, StoredTensor
from mka.models.weightless import stored_form
from mka.objects.plan import MergeGroup, MergePlan

IN_MEMORY = "merge in memory (without --stream)"


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


@dataclass(frozen=True)
class TensorPlan:
    """Every tensor of a new checkpoint.

    targets:  in the order in which transformers stores them
    changed:  those that are computed, in the order in which a merge in memory computes them
    """

    targets: tuple[Target, ...]
    changed: tuple[Target, ...]


def tensor_plan(source: StreamSource, plan: MergePlan, network: PreTrainedModel) -> TensorPlan:
    """What `plan` makes of `source`, `network` being the model that comes out.

    BadInput for tensors that cannot be merged because they hold codes, and where a merge in memory would do something
    that cannot be told from the files' tensors alone.
    """
    names = layer_names(source.network, source.stack)
    _check_told_apart(source, plan, names)
    made = {target.name: target for target in _targets(source, plan, names)}
    asked = stored_form(network)
    for name, tensor in asked.items():
        if name not in made or made[name].shape != tuple(tensor.shape):
            raise BadInput(
                f"a {type(network).__name__} with other layers holds the tensor {name}, which no tensor of the files "
                f"becomes by itself; {IN_MEMORY}"
            )
    spare = tuple(target for name, target in made.items() if name not in asked)
    return TensorPlan(
        targets=tuple(made[name] for name in asked) + spare,
        changed=tuple(target for target in made.values() if target.before is not None),
    )


def _check_told_apart(source: StreamSource, plan: MergePlan, names: LayerNames) -> None:
    """BadInput where a group's sums hang on whole tensors that the files hold in parts.

    The angle of slerp is one of a whole tensor; "projections" goes by the dimensions that a tensor has in memory.
    """
    for group in plan.groups:
        layer = group.layers[0]
        kept = tensors_of(source.stack.layers[layer])
        parts = [suffix for suffix in names.suffixes[layer] if suffix not in kept]
        flat = [suffix for suffix in parts if len(source.tensors[names.name(layer, suffix)].shape) < MATRIX]
        if group.merges and parts and (needs_dots(group) or (group.tensors == "projections" and flat)):
            raise BadInput(
                f"{group.cannot} as a stream: the files of {type(source.network).__name__} hold {parts[0]} in another "
                f"form than the model does; {IN_MEMORY}"
            )


def _targets(source: StreamSource, plan: MergePlan, names: LayerNames) -> Iterator[Target]:
    in_layers = names.places
    for name, tensor in source.tensors.items():
        if name not in in_layers:
            yield _same(name, tensor)
    groups: Mapping[tuple[int, ...], MergeGroup] = {group.layers: group for group in plan.groups if group.merges}
    for place, layers in enumerate(plan.layer_map):
        for suffix in names.suffixes[layers[0]]:
            stored = [source.tensors[names.name(layer, suffix)] for layer in layers]
            group = groups.get(layers)
            name = names.name(place, suffix)
            yield _same(name, stored[0]) if group is None else merged_target(name, suffix, group, stored)


def _same(name: str, tensor: StoredTensor) -> Target:
    return Target(name, tensor.dtype, tensor.shape, (tensor,), (1.0,))


def merged_target(name: str, suffix: str, group: MergeGroup, stored: Sequence[StoredTensor]) -> Target:
    """What `group` makes of its layers' tensors `suffix`, to be called `name`; BadInput for codes that differ."""
    first = stored[0]
    if group.tensors == "projections" and len(first.shape) < MATRIX:
        return _same(name, first)
    if not all(tensor.dtype in FLOATING for tensor in stored):
        _check_same_codes(group, stored)
        return _same(name, first)
    found = dots_of_stored(first, stored[1]) if needs_dots(group) else None
    weights = coefficients(group, kind_of(suffix, len(first.shape)), found)
    used = [(tensor, weight) for tensor, weight in zip(stored, weights, strict=True) if weight != 0]
    if [tensor for tensor, _ in used] == [first]:
        return _same(name, first)
    sources, shares = zip(*used, strict=True)
    dtype = sources[0].dtype if len(used) == 1 else first.dtype
    return Target(name, dtype, first.shape, sources, shares, before=first)


def _check_same_codes(group: MergeGroup, stored: Sequence[StoredTensor]) -> None:
    first = stored[0]
    for other in stored[1:]:
        if not same_bytes(first, other):
            raise BadInput(
                f"{group.cannot}: {first.name} and {other.name} hold {first.dtype} and differ; "
                "use unquantised weights, or drop or keep a layer"
            )
