"""Open a model and describe it."""

from __future__ import annotations

from mka.objects.model_summary import ModelSummary
from mka.objects.progress import Progress, silent
from mka.workflows.opening import Opening


def inspect(source: str, opening: Opening | None = None, *, progress: Progress = silent) -> ModelSummary:
    """What the model of `source` ("demo", a folder or a hub id) is made of. Raises as `mka.load`."""
    from mka.models.summary import summarize

    return summarize((opening or Opening()).model(source, progress=progress))
