"""The receipt of a merge, read off the two networks and not off the plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from blake3 import blake3
from torch import Tensor, nn

from mka.merging.averaging import pieces, relative_change
from mka.merging.layer_merge import doubt
from mka.merging.shells import tensors_of
from mka.models.loaded import LoadedModel
from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt, Repaired, TensorChange

HASH_DIGITS = 16


@dataclass(frozen=True)
class Changes:
    """Every tensor that changed, and the hash of all of them as `hash_tensors` makes it."""

    told: tuple[TensorChange, ...]
    hash: str


def receipt_of(
    source: LoadedModel,
    merged: LoadedModel,
    plan: MergePlan,
    made: Changes,
    config_changes: tuple[tuple[str, str, str], ...],
    repaired: tuple[Repaired, ...] = (),
) -> Receipt:
    """Count and hash what stands in `merged`, which `plan` made of `source`; parameters that are tied count once.

    `made` are the changes of the merge itself; those of a repair are read off here.
    """
    places = [place[0] for place in plan.layer_map]
    tensors = tensors_of(merged.network)
    if repaired:
        changes = with_repaired(source, merged, plan, made.told, repaired)
        made = Changes(changes, hash_tensors((change.name, tensors[change.name]) for change in changes))
    before, after = _parameters(source.network), _parameters(merged.network)
    return Receipt(
        plan_key=plan.key,
        source=source.source,
        source_fingerprint=source.fingerprint,
        layers_before=source.stack.depth,
        layers_after=merged.stack.depth,
        parameters_before=sum(tensor.numel() for tensor in before),
        parameters_after=sum(tensor.numel() for tensor in after),
        bytes_before=sum(tensor.numel() * tensor.element_size() for tensor in before),
        bytes_after=sum(tensor.numel() * tensor.element_size() for tensor in after),
        layer_map=plan.layer_map,
        removed=tuple(layer for layer in range(plan.depth) if layer not in places),
        renumbered=tuple((old, new) for new, old in enumerate(places) if old != new),
        config_changes=config_changes,
        changes=made.told,
        shared_tensors=_count_shared(tensors_of(source.network).values(), tensors.values()),
        hash=made.hash,
        warnings=tuple(filter(None, (doubt(group, list(source.stack.layers)) for group in plan.groups))),
        repair=plan.repair,
        repaired=repaired,
    )


def with_repaired(
    source: LoadedModel,
    merged: LoadedModel,
    plan: MergePlan,
    changes: Sequence[TensorChange],
    repaired: Sequence[Repaired],
) -> tuple[TensorChange, ...]:
    """`changes` with how far each repaired tensor moved from the one of its place's first source layer."""
    before, after = tensors_of(source.network), tensors_of(merged.network)
    told = {change.name: change for change in changes}
    for one in repaired:
        origin = _origin(one.name, merged.stack.path, plan)
        change = told.get(one.name) or TensorChange(one.name, (origin,), (1.0,), 0.0)
        told[one.name] = replace(change, relative_change=relative_change(after[one.name], before[origin]))
    return tuple(told.values())


def _origin(name: str, path: str, plan: MergePlan) -> str:
    """The name in the source of the tensor that stood in this place before; outside the layers, the same."""
    if not name.startswith(f"{path}."):
        return name
    place, rest = name.removeprefix(f"{path}.").split(".", 1)
    return f"{path}.{plan.layer_map[int(place)][0]}.{rest}"


def hash_tensors(named: Iterable[tuple[str, Tensor]]) -> str:
    """BLAKE3 over each tensor's name, a zero byte and its pieces' digests, in the order given; first 16 hex digits.

    A piece is PIECE numbers of the tensor, row by row, the last one what is left; its digest is BLAKE3 of its bytes.
    An empty tensor is one empty piece. So pieces are hashed by whoever makes them, and in any order.
    """
    return hash_digests((name, (digest_of(piece) for (piece,) in pieces([tensor]))) for name, tensor in named)


def hash_digests(named: Iterable[tuple[str, Iterable[bytes]]]) -> str:
    """`hash_tensors` of tensors whose pieces were hashed by `digest_of`: (name, their digests) of each."""
    whole = blake3()
    for name, digests in named:
        whole.update(name.encode() + b"\0" + b"".join(digests))
    return whole.hexdigest()[:HASH_DIGITS]


def digest_of(piece: Tensor) -> bytes:
    """BLAKE3 of the bytes of a flat tensor that is contiguous."""
    here = piece if piece.is_cpu else piece.cpu()
    return blake3(here.view(torch.uint8).numpy().data).digest()


def _parameters(network: nn.Module) -> list[nn.Parameter]:
    return list(network.parameters())


def _count_shared(ours: Iterable[Tensor], theirs: Iterable[Tensor]) -> int:
    """How many different tensors lie at the same place in memory in both."""
    return len({_place(tensor) for tensor in ours} & {_place(tensor) for tensor in theirs})


def _place(tensor: Tensor) -> tuple[torch.device, int, torch.Size]:
    return tensor.device, tensor.data_ptr(), tensor.shape
