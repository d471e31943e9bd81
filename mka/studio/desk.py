"""What lies on the desk of one session: a model's description and the analysis made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mka.objects.embedding import Embedding
from mka.objects.model_summary import ModelSummary
from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt
from mka.objects.report import Report
from mka.objects.similarity import Similarity
from mka.workflows.analysis_files import Analysis

DEMO = "demo"


@dataclass(frozen=True)
class Desk:
    """summary: the open model; analysis: what was computed of it, None before; bundled: it came with the program."""

    summary: ModelSummary
    analysis: Analysis | None = None
    bundled: bool = False

    def joined(self, old: Desk) -> Desk:
        """This desk with what `old` knew of the same model: its analysis where there is no newer one, or both where
        they read the same texts in the same way."""
        new, before = self.analysis, old.analysis
        if new is None or before is None:
            return replace(self, analysis=new or before)
        if (new.calibration_key, new.kind) != (before.calibration_key, before.kind):
            return self
        both = replace(
            new,
            similarities={**before.similarities, **new.similarities},
            embeddings={**before.embeddings, **new.embeddings},
        )
        return replace(self, analysis=both)

    @property
    def similarities(self) -> Mapping[str, Similarity]:
        """By measure; empty before an analysis."""
        return self.analysis.similarities if self.analysis else {}

    @property
    def embeddings(self) -> Mapping[str, Embedding]:
        """By method; empty before an analysis."""
        return self.analysis.embeddings if self.analysis else {}

    @property
    def texts(self) -> int:
        """How many calibration texts the analysis read; 0 before one."""
        return self.analysis.n_points if self.analysis else 0

    @property
    def own_data(self) -> str:
        """The word that names this model's own texts and questions; "" where a person must name them."""
        return DEMO if self.summary.source == DEMO else ""


@dataclass(frozen=True)
class Trial:
    """What to measure: tasks, the data word or path, at most so many texts and questions, exemplars per question."""

    tasks: tuple[str, ...]
    data: str
    limit: int
    shots: int


@dataclass(frozen=True)
class Outcome:
    """What is known of one plan on one model; a part that was not run is None."""

    plan: MergePlan
    receipt: Receipt | None = None
    report: Report | None = None
    trial: Trial | None = None
    saved: Receipt | None = None
    seconds: float = 0.0
