"""What strategies propose, asked from the screen; no torch on this way."""

from __future__ import annotations

import json

from mka.errors import BadInput
from mka.objects.plan import MergePlan
from mka.studio.desk import Desk


def strategies() -> dict[str, str]:
    """Name -> what it does, in one sentence."""
    from mka.planning.strategies import STRATEGIES

    return {name: strategy.sentence for name, strategy in STRATEGIES.items()}


def propose(desk: Desk, strategy: str, remove: int) -> MergePlan:
    """The plan of a strategy that removes `remove` layers of the open model. BadInput as the planner says."""
    from mka.planning.planner import plan

    similarity = desk.similarities.get("npib") or next(iter(desk.similarities.values()), None)
    if strategy == "mka-code":
        similarity = desk.similarities.get("npib-code") or similarity
    return plan(desk.summary, strategy=strategy, remove=remove, similarity=similarity)


def parse_plan(raw: bytes) -> MergePlan:
    """A plan from an uploaded file's bytes; BadInput where it is none."""
    try:
        content = json.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput(f"the file is no JSON ({error}); choose a plan written by MKA") from error
    return MergePlan.from_json(content)
