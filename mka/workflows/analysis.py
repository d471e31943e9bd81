"""Read the calibration texts once, then compare and map every layer by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mka.data.texts import load_texts
from mka.errors import BadInput
from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.texts import TextSet
from mka.store import Store, open_store
from mka.workflows.analysis_files import Analysis, read_analysis, write_analysis
from mka.workflows.kept import Kept, common_ingredients
from mka.workflows.opening import ModelOnDemand
from mka.workflows.pieces import Pieces, Reading
from mka.workflows.versions import versions

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

__all__ = ["Analysis", "analyze", "check_names", "read_analysis", "warnings", "write_analysis"]

JUDGING_SPLIT = "test"
"""The split that scores are reported on."""


def analyze(
    model: LoadedModel | ModelOnDemand,
    calibration: str | Path | TextSet,
    *,
    measures: Sequence[str] = ("npib",),
    embeddings: Sequence[str] = (),
    dims: int = 2,
    points: str = "last",
    limit: int | None = None,
    seed: int = 0,
    parameters: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    store: Store | None = None,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Analysis:
    """Every measure of `MEASURES` and every embedding of `METHODS` that is named.

    model:       one on demand (`Opening.on_demand`) is opened only where the store lacks a piece; of a loaded one,
                 which may have been changed in memory, nothing is kept or found
    calibration, points, limit: as `mka.collect` takes them; `seed` draws texts and starts what is random
    dims:        2 or 3, of the embeddings
    parameters:  measure or method -> its parameters, plain numbers and words, where they are not the defaults
    store:       where pieces are kept; by default the user's own (`mka.store.open_store`)

    Raises BadInput as `collect`, `similarity` and `embed` do, an unknown name before any work.
    """
    check_names(measures, embeddings)
    check_dims(dims)
    texts = calibration if isinstance(calibration, TextSet) else load_texts(calibration, seed=seed)
    demanded = model if isinstance(model, ModelOnDemand) else ModelOnDemand(model.source, None, lambda _: model)
    kept = Kept(open_store() if store is None else store, common_ingredients(demanded.identity))
    pieces = Pieces(demanded, texts, Reading(points, limit, seed), parameters, kept, progress, cancel)
    reading = pieces.reading
    return Analysis(
        summary=pieces.summary,
        similarities={name: pieces.similarity(name) for name in dict.fromkeys(measures)},
        embeddings={name: pieces.embedding(name, dims) for name in dict.fromkeys(embeddings)},
        calibration=texts.source,
        calibration_key=reading.calibration_key,
        text_hashes=reading.text_hashes,
        points=reading.points,
        kind=reading.kind,
        tokens=reading.tokens,
        cut=reading.cut,
        token_cosine=reading.token_cosine,
        seed=seed,
        versions=versions(),
        split=texts.split,
        from_store=kept.found,
    )


def check_names(measures: Sequence[str], embeddings: Sequence[str]) -> None:
    """BadInput for an unknown measure or embedding, or where nothing is asked for."""
    for what, names, known in (("measure", measures, MEASURES), ("embedding", embeddings, METHODS)):
        for name in names:
            if name not in known:
                raise BadInput(f"{what} {name!r} is unknown; use some of {', '.join(known)}")
    if not measures and not embeddings:
        raise BadInput("nothing to compute; name at least one measure or embedding")


def check_dims(dims: int) -> None:
    """BadInput unless a map of so many dimensions can be drawn."""
    if dims not in (2, 3) or isinstance(dims, bool):
        raise BadInput(f"dims must be 2 or 3, got {dims!r}")


def warnings(split: str, source: str) -> tuple[str, ...]:
    """What must be said of calibration texts of this split, in sentences of one line; none where all is well."""
    if split != JUDGING_SPLIT:
        return ()
    return (
        f"these calibration texts are the {split} split of {source}: a score measured on that split afterwards says "
        "nothing, because the layers were chosen by its questions; use --split dev unless you know why not",
    )
