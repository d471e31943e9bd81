"""What a link comes back to after a restart: plans, and models as they were analyzed, in the user's store.

Nothing is computed and no model is opened here. What is not kept any more is None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from mka.errors import BadInput
from mka.objects.jsonable import jsonable
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergePlan
from mka.store import DAMAGE, Artifact, Store, key_of
from mka.workflows.analysis_files import Analysis, analysis_of, analysis_parts
from mka.workflows.opening import Opening
from mka.workflows.parts import summary_of, summary_parts

PLAN, DESK, LATEST = "plan", "desk", "desk-latest"
FORMAT = "mka-desk/1"
PLAN_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class KeptModel:
    """A model that was open: its description, how it was opened, and its analyses, the latest first."""

    summary: ModelSummary
    opening: Opening
    analyses: tuple[Analysis, ...]


def plan_id(plan: MergePlan) -> str:
    """16 hexadecimal digits that tell a plan from others, where it came from included: the texts that chose its layers
    stay named. (`MergePlan.key` tells what a plan does.)"""
    return key_of(plan.to_json())[:16]


def keep_plan(store: Store, plan: MergePlan) -> str:
    """Put a plan into the store; returns its id."""
    name = plan_id(plan)
    if not store.holds(PLAN, _plan_key(name)):
        store.put(PLAN, _plan_key(name), plan.to_json(), {})
    return name


def kept_plan(store: Store, name: str) -> MergePlan | None:
    """The plan of this id."""
    artifact = store.get(PLAN, _plan_key(name))
    if artifact is None:
        return None
    try:
        plan = MergePlan.from_json(artifact.meta)
    except (BadInput, *DAMAGE):
        plan = None
    if plan is None or plan_id(plan) != name:
        store.drop(PLAN, _plan_key(name))
        return None
    return plan


def keep_model(store: Store, model: KeptModel) -> None:
    """Put a model's description and analyses into the store, in the place of what it held of the same source and
    fingerprint."""
    source, version = model.summary.source, model.summary.fingerprint
    analyses = [analysis_parts(one) for one in model.analyses]
    meta = {
        "format": FORMAT,
        "summary": summary_parts(model.summary)[0],
        "opening": jsonable(asdict(model.opening)),
        "analyses": [content for content, _ in analyses],
    }
    arrays = {f"{n}/{name}": array for n, (_, held) in enumerate(analyses) for name, array in held.items()}
    store.put(DESK, _desk_key(source, version), meta, arrays)
    store.put(LATEST, _desk_key(source), {"version": version}, {})


def kept_model(store: Store, source: str, version: str = "") -> KeptModel | None:
    """The model of this source and fingerprint as it was kept last; with version "" that of the source that was kept
    last."""
    return _read(store, _desk_key(source, version or _latest(store, source)))


def _latest(store: Store, source: str) -> str:
    """The fingerprint of this source that was kept last; "" where none is known."""
    found = store.get(LATEST, _desk_key(source))
    try:
        return "" if found is None else str(found.meta["version"])
    except DAMAGE:
        store.drop(LATEST, _desk_key(source))
        return ""


def _read(store: Store, key: str) -> KeptModel | None:
    artifact = store.get(DESK, key)
    if artifact is None:
        return None
    try:
        return _model_of(artifact)
    except (BadInput, *DAMAGE):
        store.drop(DESK, key)
        return None


def _model_of(artifact: Artifact) -> KeptModel:
    """KeyError, TypeError or ValueError where it does not hold what it should."""
    meta = artifact.meta
    if meta["format"] != FORMAT:
        raise ValueError(f"not of format {FORMAT}")
    contents: Sequence[dict[str, object]] = meta["analyses"]
    analyses = tuple(
        analysis_of(content, {name.removeprefix(f"{n}/"): array for name, array in artifact.arrays.items()
                              if name.startswith(f"{n}/")})
        for n, content in enumerate(contents)
    )  # fmt: skip
    return KeptModel(summary_of(meta["summary"]), Opening(**meta["opening"]), analyses)


def _plan_key(name: str) -> str:
    return key_of({"plan": name})


def _desk_key(source: str, version: str = "") -> str:
    return key_of({"desk": source, "version": version})
