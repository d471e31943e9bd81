"""The merged layers of a plan, computed in memory: shared out over the cores, measured and hashed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from torch import Tensor, nn
from transformers import PreTrainedModel

from mka.merging.averaging import Rooms, fresh, pieces, weighted_sum
from mka.merging.crew import ahead, crew
from mka.merging.layer_merge import Sum, sums
from mka.merging.ledger import Ledger, Noted, change
from mka.merging.packed import repack
from mka.merging.receipts import Changes
from mka.merging.shells import set_tensor, tensors_of
from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress
from mka.objects.receipt import TensorChange


def merge_groups(
    network: PreTrainedModel,
    path: str,
    layers: Sequence[nn.Module],
    plan: MergePlan,
    progress: Progress,
    cancel: Cancel | None,
) -> Changes:
    """Put what each group of `layers` becomes into the layer of `network` that stands where the group's first did.

    Also what a plan makes of tensors outside the layers that hold something for each layer.
    """
    shells = list(network.get_submodule(path).children())
    total = sum(len(tensors_of(shells[group.layers[0]])) for group in plan.groups if group.merges)
    told: list[TensorChange] = []
    progress("merge", 0, total)
    with crew(network.device) as workers:
        ledger = Ledger(workers)
        for name, one, notes in ahead(_begin(path, layers, shells, plan, ledger)):
            if cancel is not None:
                cancel.check()
            sources = tuple(f"{path}.{layer}.{one.name}" for layer in one.sources)
            told.append(TensorChange(name, sources, one.weights, change(notes)))
            progress("merge", len(told), total)
        told += repack(network, plan, ledger)
    progress("merge", total, total)
    return Changes(tuple(told), ledger.hash)


def _begin(
    path: str, layers: Sequence[nn.Module], shells: Sequence[nn.Module], plan: MergePlan, ledger: Ledger
) -> Iterator[tuple[str, Sum, list[Noted]]]:
    """Begin one tensor after the other, and put it into its place: its name there, what it is, and its notes."""
    for group in plan.groups:
        if not group.merges:
            continue
        place = plan.layer_map.index(group.layers)
        for one in sums(group, layers):
            name = f"{path}.{place}.{one.name}"
            value, notes = _summed(one, name, ledger)
            set_tensor(shells[group.layers[0]], one.name, value)
            yield name, one, notes


def _summed(one: Sum, name: str, ledger: Ledger) -> tuple[Tensor, list[Noted]]:
    """A tensor that is what it should be when its notes are done."""
    if len(one.tensors) == 1:
        return one.tensors[0], ledger.enter_whole(name, one.tensors[0], one.before)
    value = fresh(one.before)
    made = (
        partial(_sum, list(zip(terms, one.weights, strict=True)), new, old)
        for new, old, *terms in pieces([value, one.before, *one.tensors])
    )
    return value, ledger.enter(name, made)


def _sum(terms: Sequence[tuple[Tensor, float]], new: Tensor, old: Tensor, rooms: Rooms) -> tuple[Tensor, Tensor]:
    weighted_sum(terms, rooms.of((term.dtype for term, _ in terms), new.device), new)
    return new, old
