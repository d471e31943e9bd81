"""Read the calibration texts once, then compare and map every layer by them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mka.errors import BadInput
from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.texts import TextSet
from mka.workflows.analysis_files import Analysis, read_analysis, write_analysis
from mka.workflows.versions import versions

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

__all__ = ["Analysis", "analyze", "check_names", "read_analysis", "write_analysis"]


def analyze(
    model: LoadedModel,
    calibration: str | Path | TextSet,
    *,
    measures: Sequence[str] = ("npib",),
    embeddings: Sequence[str] = (),
    points: str = "last",
    limit: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Analysis:
    """Every measure of `MEASURES` and every embedding of `METHODS` that is named, with their defaults.

    calibration, points, limit: as `mka.collect` takes them; `seed` draws texts and starts what is random.
    Raises BadInput as `collect`, `similarity` and `embed` do, an unknown name before any work.
    """
    from mka.analysis.collection import collect
    from mka.analysis.embedding import embed
    from mka.analysis.measures import similarity
    from mka.models.summary import summarize

    check_names(measures, embeddings)
    read = collect(model, calibration, points=points, limit=limit, seed=seed, progress=progress, cancel=cancel)
    return Analysis(
        summary=summarize(model),
        similarities={
            name: similarity(read, name, seed=seed, progress=progress, cancel=cancel)
            for name in dict.fromkeys(measures)
        },
        embeddings={
            name: embed(read, name, seed=seed, progress=progress, cancel=cancel) for name in dict.fromkeys(embeddings)
        },
        calibration=calibration.source if isinstance(calibration, TextSet) else str(calibration),
        calibration_key=read.calibration_key,
        text_hashes=read.text_hashes,
        points=read.points,
        kind=read.kind,
        tokens=read.tokens,
        cut=read.cut,
        token_cosine=read.token_cosine,
        seed=seed,
        versions=versions(),
    )


def check_names(measures: Sequence[str], embeddings: Sequence[str]) -> None:
    """BadInput for an unknown measure or embedding, or where nothing is asked for."""
    for what, names, known in (("measure", measures, MEASURES), ("embedding", embeddings, METHODS)):
        for name in names:
            if name not in known:
                raise BadInput(f"{what} {name!r} is unknown; use some of {', '.join(known)}")
    if not measures and not embeddings:
        raise BadInput("nothing to compute; name at least one measure or embedding")
