"""The one loaded model of the process, and what was merged from it last.

One slot that evicts before it loads, so that two models are never in memory for want of order.
Only the job queue's single worker calls it, so nothing is evicted under a running job.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mka.objects.plan import MergePlan
from mka.objects.progress import Cancel, Progress, silent
from mka.studio.visits.desk import OpenOrder
from mka.workflows.opening import ModelOnDemand

if TYPE_CHECKING:
    from mka.merging.merged import MergedModel
    from mka.models.loaded import LoadedModel
    from mka.objects.texts import TextSet


NEEDS_KEPT = 50
"""Of so many models it is remembered how much memory they take."""


@dataclass(frozen=True)
class Held:
    """The model in memory: as it was asked for, and how many bytes its weights take."""

    order: OpenOrder
    bytes: int


class ModelStore:
    """Holds one source model and one model merged from it; they share most of their tensors.

    held:  what is in memory now, None where nothing is; any thread may read it
    needs: bytes that models of the hub will take, as far as it was asked lately; any thread may read it
    """

    def __init__(self) -> None:
        self.held: Held | None = None
        self.needs: dict[OpenOrder, int] = {}
        self._identity: Mapping[str, Any] | None = None
        self._model: LoadedModel | None = None
        self._plan: MergePlan | None = None
        self._texts = ""
        self._merged: MergedModel | None = None

    def note_need(self, order: OpenOrder, needed: int) -> None:
        """Remember how many bytes a model takes; what was asked for longest ago is forgotten."""
        latest = {**self.needs, order: needed}
        self.needs = dict(list(latest.items())[-NEEDS_KEPT:])

    def opened(self, order: OpenOrder, *, progress: Progress = silent) -> LoadedModel:
        """The model of `order` as it is there now: always read anew.

        What is held stays until the new model's files are found, and is gone before they are read.
        """
        progress("looking for the model", 0, 0)
        identity = order.opening.on_demand(order.source).identity
        if self.held is not None:
            progress(f"releasing {self.held.order.source}", 0, 0)
        self.evict()
        progress("loading the libraries", 0, 0)
        import mka.models.loading  # noqa: F401  # torch: seconds, on the first job only
        from mka.analysis.parallel import spare_a_core

        spare_a_core()
        progress("loading the model", 0, 0)
        self._model = order.opening.model(order.source, progress=progress)
        self._identity, self.held = (
            identity,
            Held(order, self._model.network.get_memory_footprint(return_buffers=False)),
        )
        return self._model

    def on_demand(self, order: OpenOrder) -> ModelOnDemand:
        """The model of `order`, loaded only if it has to be; the one held, as its files were when it was read."""
        identity = self._identity if self._holds(order) else order.opening.on_demand(order.source).identity
        return ModelOnDemand(order.source, identity, lambda progress: self.model(order, progress=progress))

    def model(self, order: OpenOrder, *, progress: Progress = silent) -> LoadedModel:
        """The model of `order`, loaded now if it is not the one held."""
        if self._model is not None and self._holds(order):
            return self._model
        return self.opened(order, progress=progress)

    def merged(
        self, order: OpenOrder, plan: MergePlan, texts: TextSet | None, *, progress: Progress, cancel: Cancel
    ) -> MergedModel:
        """The model of `order` merged by `plan`, and repaired from `texts` where it asks for that; done now unless the
        very same merge is held. BadInput as `mka.merge`."""
        model = self.model(order, progress=progress)
        key = "" if texts is None else texts.key
        if self._merged is None or (self._plan, self._texts) != (plan, key):
            from mka.merging.merge import merge

            self._merged = None
            self._merged = merge(model, plan, calibration=texts, progress=progress, cancel=cancel)
            self._plan, self._texts = plan, key
        return self._merged

    def evict(self) -> None:
        """Release what is held."""
        self.held, self._identity, self._model = None, None, None
        self._plan, self._texts, self._merged = None, "", None
        gc.collect()

    def _holds(self, order: OpenOrder) -> bool:
        return self.held is not None and self.held.order == order
