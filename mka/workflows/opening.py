"""How a model is opened: the same options for every verb that loads one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mka.objects.progress import Progress, silent

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel


@dataclass(frozen=True)
class Opening:
    """dtype and device as `mka.load` takes them; `revision` names a branch, tag or commit of a hub model."""

    dtype: str = "auto"
    device: str = "auto"
    revision: str | None = None
    trust_remote_code: bool = False

    def model(self, source: str, *, progress: Progress = silent) -> LoadedModel:
        """The model that a command is about. Raises as `mka.load`."""
        return self._load(source, self.revision, progress)

    def baseline(self, source: str, *, progress: Progress = silent) -> LoadedModel:
        """A model to compare with, loaded alike; a revision of its own is written behind `@`."""
        return self._load(source, None, progress)

    def on_demand(self, source: str) -> ModelOnDemand:
        """The same model, opened only if it has to be. Raises BadInput as finding the model does."""
        from mka.workflows.identity import identity

        return ModelOnDemand(source, identity(source, self), lambda progress: self.model(source, progress=progress))

    def _load(self, source: str, revision: str | None, progress: Progress) -> LoadedModel:
        from mka.models.loading import load

        return load(
            source,
            revision=revision,
            dtype=self.dtype,
            device=self.device,
            trust_remote_code=self.trust_remote_code,
            progress=progress,
        )


@dataclass(frozen=True)
class ModelOnDemand:
    """A model that is opened only where figures of it are not in the store.

    identity:  which model it is (see `mka.workflows.identity`); None where nothing is to be kept or found of it
    open:      gives the model; raises as `mka.load`
    """

    source: str
    identity: Mapping[str, Any] | None
    open: Callable[[Progress], LoadedModel]
