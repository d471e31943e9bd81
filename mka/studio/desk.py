"""What lies on the desk of one session: a model's description and the analyses made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mka.objects.embedding import Embedding
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt
from mka.objects.report import Report
from mka.objects.similarity import Similarity


@dataclass(frozen=True)
class Desk:
    """summary: the open model; similarities and embeddings by name; calibration: the word or path they come from."""

    summary: ModelSummary
    similarities: Mapping[str, Similarity] = field(default_factory=dict)
    embeddings: Mapping[str, Embedding] = field(default_factory=dict)
    calibration: str = ""
    bundled: bool = False


@dataclass(frozen=True)
class Outcome:
    """What is known of one plan on one model; a part that was not run is None."""

    plan: MergePlan
    receipt: Receipt | None = None
    report: Report | None = None
    saved: Receipt | None = None
    seconds: float = 0.0
