"""Tensors outside the layers that hold one slice per layer, cut as the layers are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from mka.merging.averaging import average, dots
from mka.merging.coefficients import coefficients, needs_dots
from mka.merging.ledger import Ledger, change
from mka.merging.shells import set_tensor
from mka.objects.packed import PACKED
from mka.objects.plan import MergeGroup, MergePlan
from mka.objects.receipt import TensorChange


def repack(network: PreTrainedModel, plan: MergePlan, ledger: Ledger) -> list[TensorChange]:
    """Keep the slices of the layers that `plan` leaves, merged where the layers are; returns what changed.

    A group of tensors="projections" keeps its first layer's slice. Changes are measured against the slices of the
    first layers, and noted.
    """
    packed = [
        (name, parameter, *rule)
        for name, parameter in network.named_parameters()
        for ending, rule in PACKED.items()
        if name.endswith(f".{ending}")
    ]
    changes: list[TensorChange] = []
    for name, parameter, axis, size in packed if plan.removed else ():
        slices = parameter.detach().chunk(plan.depth, dim=axis)
        before = torch.cat([slices[sources[0]] for sources in plan.layer_map], dim=axis)
        value = torch.cat(_left(slices, plan), dim=axis)
        set_tensor(network, name, value)
        setattr(network.get_submodule(name.rpartition(".")[0]), size, value.shape[axis])
        changes.append(TensorChange(name, (name,), (1.0,), change(ledger.enter_whole(name, value, before))))
    return changes


def _left(slices: Sequence[Tensor], plan: MergePlan) -> list[Tensor]:
    merging = {group.layers: group for group in plan.groups if group.merges and group.tensors == "all"}
    return [
        _merged(merging[sources], [slices[layer] for layer in sources]) if sources in merging else slices[sources[0]]
        for sources in plan.layer_map
    ]


def _merged(group: MergeGroup, slices: Sequence[Tensor]) -> Tensor:
    return average(slices, coefficients(group, None, dots(*slices) if needs_dots(group) else None))
