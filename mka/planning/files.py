"""Plans on disk, and whether a plan fits a model."""

from __future__ import annotations

import json
from pathlib import Path

from mka.errors import BadInput
from mka.objects.jsonable import jsonable
from mka.objects.plan import MergePlan
from mka.places import check_length, write_file


def read_plan(path: str | Path) -> MergePlan:
    """The plan in a file of format mka-plan/1. BadInput for a missing or malformed file."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such plan file; make one with `mka plan`") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; name a plan file") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is no JSON ({error}); make the plan anew with `mka plan`") from error
    try:
        return MergePlan.from_json(content)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def write_plan(plan: MergePlan, path: str | Path, *, overwrite: bool = False) -> None:
    """Write the plan as JSON, beside its place and then renamed into it; missing folders are made.

    BadInput for an existing file unless `overwrite`; RunFailed where the disk refuses or a file came to exist
    meanwhile, and then nothing is left.
    """
    path = Path(path)
    check_length(path)
    if path.is_dir() or (path.exists() and not overwrite):
        raise BadInput(f"{path} exists already; name another file{'' if path.is_dir() else ' or allow overwriting'}")
    write_file(path, plan_text(plan), overwrite=overwrite)


def plan_text(plan: MergePlan) -> str:
    """The content of a plan file."""
    return json.dumps(jsonable(plan.to_json()), indent=2, ensure_ascii=False) + "\n"


def check_fits(plan: MergePlan, *, depth: int, fingerprint: str | None, any_model: bool = False) -> None:
    """BadInput where the plan was made for another depth, or for another model of this depth.

    A plan without a fingerprint fits any model of its depth; `any_model` lets a plan for another model pass,
    never one for another depth.
    """
    if plan.depth != depth:
        raise BadInput(f"the plan is for {plan.depth} layers, but the model has {depth}; make a plan for this model")
    if plan.fingerprint and fingerprint and plan.fingerprint != fingerprint and not any_model:
        made_for = f"{plan.source} ({plan.fingerprint})" if plan.source else plan.fingerprint
        raise BadInput(
            f"the plan was made for another model, {made_for}, not for {fingerprint}; "
            "make a plan for this model, or allow any model of this depth (--any-model)"
        )
