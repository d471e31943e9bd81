"""The one loaded model of the process, and what was merged from it last.

One slot that evicts before it loads, so that two models are never in memory for want of order.
Only the job queue's single worker calls it, so nothing is evicted under a running job.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress, silent
from mka.workflows.opening import ModelOnDemand, Opening

if TYPE_CHECKING:
    from mka.merging.merged import MergedModel
    from mka.models.loaded import LoadedModel


class ModelStore:
    """Holds one source model and one model merged from it; they share most of their tensors."""

    def __init__(self) -> None:
        self._source = ""
        self._identity: Mapping[str, Any] | None = None
        self._model: LoadedModel | None = None
        self._plan: MergePlan | None = None
        self._merged: MergedModel | None = None

    def opened(self, source: str, *, progress: Progress = silent) -> LoadedModel:
        """The model of `source` as it is there now: always read anew."""
        self.evict()
        progress("loading the libraries", 0, 0)
        import mka.models.loading  # noqa: F401  # torch: seconds, on the first job only

        progress("loading the model", 0, 0)
        self._identity = Opening().on_demand(source).identity
        self._model = Opening().model(source, progress=progress)
        self._source = source
        return self._model

    def on_demand(self, source: str) -> ModelOnDemand:
        """The model of `source`, loaded only if it has to be; the one held, as its files were when it was read."""
        held = self._model is not None and self._source == source
        identity = self._identity if held else Opening().on_demand(source).identity
        return ModelOnDemand(source, identity, lambda progress: self.model(source, progress=progress))

    def model(self, source: str, *, progress: Progress = silent) -> LoadedModel:
        """The model of `source`, loaded now if it is not the one held."""
        if self._model is not None and self._source == source:
            return self._model
        return self.opened(source, progress=progress)

    def merged(self, source: str, plan: MergePlan, *, progress: Progress, cancel: Cancel) -> MergedModel:
        """`source` merged by `plan`, done now unless the very same merge is held."""
        model = self.model(source, progress=progress)
        if self._merged is None or self._plan != plan:
            from mka.merging.merge import merge

            self._merged = None
            self._merged = merge(model, plan, progress=progress, cancel=cancel)
            self._plan = plan  # the merged model's own plan may name more texts than this one
        return self._merged

    def evict(self) -> None:
        """Release what is held."""
        self._source, self._identity, self._model, self._plan, self._merged = "", None, None, None, None
        gc.collect()
