"""One evaluation as it is kept: what was asked of which plan, and what came out."""

from __future__ import annotations

from dataclasses import dataclass

from mka.objects.plan import MergePlan
from mka.objects.receipt import Receipt
from mka.objects.report import Report


@dataclass(frozen=True)
class Trial:
    """What to measure: tasks, the data word or path, at most so many texts and questions, exemplars per question."""

    tasks: tuple[str, ...]
    data: str
    limit: int
    shots: int


@dataclass(frozen=True)
class Run:
    """A plan that was merged and measured.

    key:         SHA-256 of model, dtype, plan, trial, seed, calibration and texts: the same evaluation again is the
                 same run
    source, fingerprint: the model's name, and what tells it from others
    seconds:     how long merging and measuring took
    when:        when it ended, as "2026-01-31 12:00:05 UTC"
    calibration: from which texts the plan's repair was worked out, in words; "" without one
    texts:       content key of those texts (`TextSet.key`); "" without a repair, and in what an earlier version wrote
    """

    key: str
    source: str
    fingerprint: str
    plan: MergePlan
    trial: Trial
    report: Report
    receipt: Receipt | None
    seconds: float
    when: str
    calibration: str = ""
    texts: str = ""

    @property
    def weights(self) -> tuple[str, str]:
        """Fingerprint of the model and the dtype it was held in: of which weights the figures are."""
        return self.fingerprint, self.report.dtype
