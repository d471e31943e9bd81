"""What a merge really changed, and what a checkpoint really holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TensorChange:
    """One tensor of a merged layer.

    `name` is its name in the merged model; `sources` are the names it was made from in the source model, by the merge
    alone: a repair may have put parts of layers that are gone into it. `relative_change` is ||new - old|| / ||old||
    against the tensor of the group's first layer: of float16 and bfloat16 summed in float32 and good to 1e-6, of others
    summed in float64; 0 where the group's first layer stayed as it was.
    """

    name: str
    sources: tuple[str, ...]
    weights: tuple[float, ...]
    relative_change: float


@dataclass(frozen=True)
class Repaired:
    """One tensor of the merged model that a repair changed.

    strength: the penalty of a linear repair's ridge, in mean squares of a feature; the factor of a scaling; 0 of a
              refit, which is held back by ending early alone
    left:     share of the held-out squared error that the last step found there and that is left after it, in [0, 1]
    given:    of a transplant, or the one that a refit begins with, (source layer that is gone, how many of its heads or
              neurons stand here now), without those that gave none; the others are those that stood here before
    """

    name: str
    strength: float
    left: float
    given: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Receipt:
    """What was merged, tensor by tensor.

    layer_map:      new index -> the source layers that stand there now
    removed:        source layers that have no place of their own any more
    renumbered:     source layers whose index moved, as (old, new)
    config_changes: config field -> (old, new) as short text
    shared_tensors: number of tensors that the merged model shares with its source
    repair:         the repair that was carried out, "none" without one; `repaired` lists its tensors, which also stand
                    in `changes`
    hash:           BLAKE3 of every changed tensor's name and bytes, as `mka.merging.receipts.hash_tensors` makes it
    verified:       largest absolute logit difference after reloading the saved folder;
                    None before it was saved
    folder:         where it was saved; "" before
    warnings:       what the plan asked for that is doubtful, and why; one sentence each
    """

    plan_key: str
    source: str
    source_fingerprint: str
    layers_before: int
    layers_after: int
    parameters_before: int
    parameters_after: int
    bytes_before: int
    bytes_after: int
    layer_map: tuple[tuple[int, ...], ...]
    removed: tuple[int, ...]
    renumbered: tuple[tuple[int, int], ...]
    config_changes: tuple[tuple[str, str, str], ...]
    changes: tuple[TensorChange, ...]
    shared_tensors: int
    hash: str
    repair: str = "none"
    repaired: tuple[Repaired, ...] = ()
    verified: float | None = None
    folder: str = ""
    warnings: tuple[str, ...] = ()
