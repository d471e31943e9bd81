"""Merge an open model by a plan, and keep in the plan what its layers were ever chosen by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress, silent

if TYPE_CHECKING:
    from mka.merging.merged import MergedModel
    from mka.models.loaded import LoadedModel


def merge(
    model: LoadedModel,
    plan: MergePlan,
    *,
    any_model: bool = False,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> MergedModel:
    """As `mka.merge`, with the plan made heir to the calibration of a model that was merged before.

    Otherwise a checkpoint of a checkpoint could be evaluated on texts that chose its layers.
    """
    from mka.merging.merge import merge as merge_layers

    return merge_layers(model, inherit(plan, model.source), any_model=any_model, progress=progress, cancel=cancel)


def own_plan(source: str) -> MergePlan | None:
    """The plan that the checkpoint folder `source` was made by; None where it is no folder or holds none."""
    from mka.merging.checkpoint import read_checkpoint_plan

    folder = Path(source)
    return read_checkpoint_plan(folder) if folder.is_dir() else None


def inherit(plan: MergePlan, source: str) -> MergePlan:
    """`plan` with the calibration texts of its source's own plan added to its own."""
    before = own_plan(source)
    if before is None:
        return plan
    texts = dict.fromkeys((*plan.provenance.text_hashes, *before.provenance.text_hashes))
    return replace(plan, provenance=replace(plan.provenance, text_hashes=tuple(texts)))
