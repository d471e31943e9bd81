"""The one loaded model of the process, and what was merged from it last.

One slot that evicts before it loads, so that two models are never in memory for want of order.
Only the job queue's single worker calls it, so nothing is evicted under a running job.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress, silent

if TYPE_CHECKING:
    from mka.merging.merged import MergedModel
    from mka.models.loaded import LoadedModel


class ModelStore:
    """Holds one source model and one model merged from it; they share most of their tensors."""

    def __init__(self) -> None:
        self._source = ""
        self._model: LoadedModel | None = None
        self._merged: MergedModel | None = None

    def model(self, source: str, *, progress: Progress = silent) -> LoadedModel:
        """The model of `source`, loaded now if it is not the one held."""
        if self._model is None or self._source != source:
            self.evict()
            from mka.models.loading import load

            self._model = load(source, progress=progress)
            self._source = source
        return self._model

    def merged(self, source: str, plan: MergePlan, *, progress: Progress, cancel: Cancel) -> MergedModel:
        """`source` merged by `plan`, done now unless the very same merge is held."""
        model = self.model(source, progress=progress)
        if self._merged is None or self._merged.plan.key != plan.key:
            self._merged = None
            from mka.workflows.merging import merge

            self._merged = merge(model, plan, progress=progress, cancel=cancel)
        return self._merged

    def evict(self) -> None:
        """Release what is held."""
        self._source, self._model, self._merged = "", None, None
        gc.collect()
