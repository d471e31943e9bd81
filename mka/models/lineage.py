"""What a model was merged by before: the plan in its folder, with the texts that calibrated it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mka.errors import BadInput
from mka.models.files import read_json, weight_files
from mka.models.fingerprint import fingerprint_files
from mka.models.locate import resolve
from mka.objects.plan import MergePlan

PLAN = "mka-plan.json"
"""The file of a checkpoint that holds the plan it was made by."""


def own_plan(folder: Path) -> MergePlan | None:
    """The plan that the model of this folder was made by; None where it holds none, BadInput where it is malformed.

    A plan that would merge this very model did not make it; it was only saved beside it.
    """
    path = folder / PLAN
    if not path.is_file():
        return None
    try:
        plan = MergePlan.from_json(read_json(path))
    except BadInput as error:
        raise BadInput(f"{PLAN} in {folder}: {error}; or remove it if no merge by MKA made this model") from error
    if plan.groups and plan.fingerprint == fingerprint_files(weight_files(folder)):
        return None
    return plan


def plan_behind(source: str) -> MergePlan | None:
    """As `own_plan`, for a model that is not open yet; None where it is no folder, which opening it will tell."""
    try:
        place = resolve(source)
    except BadInput:
        return None
    return own_plan(place) if isinstance(place, Path) else None


def heir(plan: MergePlan, before: MergePlan | None) -> MergePlan:
    """`plan` with the calibration texts of the plan `before` it added to its own.

    Otherwise a model that was merged twice could be evaluated on texts that chose its layers.
    """
    if before is None:
        return plan
    texts = dict.fromkeys((*plan.provenance.text_hashes, *before.provenance.text_hashes))
    return replace(plan, provenance=replace(plan.provenance, text_hashes=tuple(texts)))
