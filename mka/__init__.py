"""MKA: a visual laboratory for the layers of a language model.

    model + calibration text -> activations -> manifold embeddings -> similarity -> plan
    -> merged model -> evaluation -> checkpoint

Each arrow is one function, imported on first use so that ``import mka`` stays quick. Importing it sets the
environment variable OMP_WAIT_POLICY to PASSIVE, unless it is set.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# Before torch loads: threads that wait for work sleep, so that other programs get the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

_HOME = {
    "load": "mka.models.loading",
    "collect": "mka.analysis.collection",
    "embed": "mka.analysis.embedding",
    "similarity": "mka.analysis.measures",
    "plan": "mka.planning.planner",
    "merge": "mka.merging.merge",
    "save": "mka.merging.checkpoint",
    "merge_checkpoint": "mka.merging.streaming.checkpoint",
    "evaluate": "mka.workflows.evaluation",
    "sweep": "mka.workflows.sweep",
    "MergePlan": "mka.objects.plan",
    "MergeGroup": "mka.objects.plan",
    "MkaError": "mka.errors",
    "BadInput": "mka.errors",
    "RunFailed": "mka.errors",
}

__all__ = [
    "BadInput",
    "MergeGroup",
    "MergePlan",
    "MkaError",
    "RunFailed",
    "__version__",
    "collect",
    "embed",
    "evaluate",
    "load",
    "merge",
    "merge_checkpoint",
    "plan",
    "save",
    "similarity",
    "sweep",
]

if TYPE_CHECKING:
    from mka.analysis.collection import collect
    from mka.analysis.embedding import embed
    from mka.analysis.measures import similarity
    from mka.errors import BadInput, MkaError, RunFailed
    from mka.merging.checkpoint import save
    from mka.merging.merge import merge
    from mka.merging.streaming.checkpoint import merge_checkpoint
    from mka.models.loading import load
    from mka.objects.plan import MergeGroup, MergePlan
    from mka.planning.planner import plan
    from mka.workflows.evaluation import evaluate
    from mka.workflows.sweep import sweep


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mka' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
