"""Carry a plan out: model + plan -> a merged model that shares what it did not change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mka.data.calibration import calibration_texts
from mka.errors import RunFailed
from mka.merging.groups import merge_groups
from mka.merging.layer_merge import check_group
from mka.merging.merged import MergedModel
from mka.merging.receipts import receipt_of
from mka.merging.repair.repairs import repaired
from mka.merging.shells import replace_layers, share
from mka.models.fingerprint import fingerprint
from mka.models.lineage import heir
from mka.models.loaded import LoadedModel
from mka.models.stack import DecoderStack, renumber
from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.repairs import check_repair
from mka.planning.files import check_fits

if TYPE_CHECKING:
    from mka.objects.texts import TextSet


def merge(
    model: LoadedModel,
    plan: MergePlan,
    *,
    repair: str | None = None,
    calibration: TextSet | str | Path | Sequence[str] | None = None,
    any_model: bool = False,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> MergedModel:
    """Merge the layers of `model` in memory as `plan` says; `model` itself stays as it was, to the bit.

    A merged layer holds sum_i c_i theta_i of every parameter and saved buffer of its group (float16 and bfloat16
    summed in float32, the rest in float64), the c_i by the group's method as `mka.merging.coefficients` says, and
    stands at the group's first layer's place. Layer numbers
    and the config fields that hang on depth follow. Every other tensor is shared with `model`, not copied.
    The plan of what comes out also names the texts that calibrated earlier merges of `model`.

    repair:      None (what the plan says), "none" or a name of `REPAIRS`: worked out from calibration activations, and
                 folded into weights of its own. The plan of what comes out names it, and its texts.
    calibration: the texts of a repair, as `collect` takes them
    any_model:   take a plan that was made for another model of this depth

    Raises BadInput for a plan that does not fit, layers that differ in type or shape, experts unless the plan
    takes them by index, an architecture whose config cannot say what is left, a repair without texts or of weights
    that it cannot be folded into; RunFailed when memory runs out.
    """
    repair = plan.repair if repair is None else repair
    check_repair(repair, calibration)
    texts = None if calibration is None else calibration_texts(calibration)
    plan = heir(with_repair(plan, repair, texts), model.made_by)
    stack = model.stack
    check_fits(plan, depth=stack.depth, fingerprint=model.fingerprint, any_model=any_model)
    layers = list(stack.layers)
    for group in plan.groups:
        check_group(group, layers, stack.layer_types)
    config, config_changes = stack.remap_config(model.network.config, plan.layer_map)
    network = share(model.network, config)
    shells = list(network.get_submodule(stack.path).children())
    try:
        changes = merge_groups(network, stack.path, layers, plan, progress, cancel)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise RunFailed("memory ran out while merging; close other programs or use --dtype bfloat16") from error
    standing = [shells[place[0]] for place in plan.layer_map]
    renumber(standing)
    replace_layers(network, stack.path, standing)
    merged = LoadedModel(
        network=network,
        tokenizer=model.tokenizer,
        stack=DecoderStack.of(network),
        source=f"{model.source} merged by plan {plan.key}",
        dtype=model.dtype,
        device=model.device,
        fingerprint="",
        made_by=plan,
    )
    mended = () if texts is None else repaired(repair, model, merged, plan, texts, progress, cancel)
    merged = replace(merged, fingerprint=fingerprint(network))
    return MergedModel(merged, plan, receipt_of(model, merged, plan, changes, config_changes, mended), model)


def with_repair(plan: MergePlan, repair: str, texts: TextSet | None) -> MergePlan:
    """The plan as it is carried out. `texts`, which only a repair has, are named beside those that chose the layers:
    they may judge the result no more than those."""
    if texts is None:
        return plan if plan.repair == repair else replace(plan, repair=repair)
    known = plan.provenance
    hashes = tuple(dict.fromkeys((*known.text_hashes, *texts.hashes)))
    return replace(plan, repair=repair, provenance=replace(known, text_hashes=hashes))
