"""Read the calibration texts once, then compare and map every layer by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mka.data.calibration import calibration_texts
from mka.errors import BadInput
from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS, check_dims
from mka.objects.progress import Cancel, Progress, silent
from mka.objects.seeds import check_seed
from mka.objects.texts import TextSet
from mka.store import Store, open_store
from mka.workflows.analysis_files import Analysis, read_analysis, write_analysis
from mka.workflows.kept import Kept, common_ingredients
from mka.workflows.opening import ModelOnDemand
from mka.workflows.pieces import Pieces, Reading, has_map
from mka.workflows.versions import versions

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

__all__ = ["Analysis", "analyze", "check_names", "read_analysis", "write_analysis"]

SUBSAMPLES = 32


def analyze(
    model: LoadedModel | ModelOnDemand,
    calibration: str | Path | TextSet,
    *,
    measures: Sequence[str] = ("npib",),
    embeddings: Sequence[str] = (),
    dims: int = 2,
    points: str = "last",
    per_text: int = 4,
    longest: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    subsamples: int = SUBSAMPLES,
    parameters: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    store: Store | None = None,
    progress: Progress = silent,
    cancel: Cancel | None = None,
) -> Analysis:
    """Every measure of `MEASURES` and every embedding of `METHODS` that is named.

    model:       one on demand (`Opening.on_demand`) is opened only where the store lacks a piece; of a loaded one,
                 which may have been changed in memory, nothing is kept or found
    calibration, points, per_text, longest, limit: as `mka.collect` takes them; `seed` draws texts and points and
                 starts what is random
    subsamples:  so many say how sure each measure is (see `Uncertainty`); 0 for none
    dims:        2 or 3, of the embeddings
    parameters:  measure or method -> its parameters, plain numbers and words, where they are not the defaults
    store:       where pieces are kept; by default the user's own (`mka.store.open_store`)

    Raises BadInput as `collect`, `similarity` and `embed` do, an unknown name before any work.
    """
    check_names(measures, embeddings)
    check_options(dims, subsamples, parameters)
    dims, seed = check_dims(dims), check_seed(seed)
    texts = calibration_texts(calibration, limit=limit, seed=seed)
    demanded = model if isinstance(model, ModelOnDemand) else ModelOnDemand(model.source, None, lambda _: model)
    kept = Kept(open_store() if store is None else store, common_ingredients(demanded.identity))
    pieces = Pieces(demanded, texts, Reading(points, per_text, longest, seed), parameters, kept, progress, cancel)
    pieces.warm_up(embeddings, dims)
    return _put_together(pieces, measures, embeddings, dims, subsamples)


def _put_together(
    pieces: Pieces, measures: Sequence[str], embeddings: Sequence[str], dims: int, subsamples: int
) -> Analysis:
    """Each piece that an analysis consists of, found or computed now."""
    reading, texts = pieces.reading, pieces.texts
    similarities = {name: pieces.similarity(name) for name in dict.fromkeys(measures)}
    return Analysis(
        summary=pieces.summary,
        similarities={
            name: replace(one, uncertainty=pieces.uncertainty(name, subsamples)) for name, one in similarities.items()
        },
        embeddings={name: pieces.embedding(name, dims) for name in dict.fromkeys(embeddings)},
        calibration=texts.source,
        calibration_key=reading.calibration_key,
        text_hashes=reading.text_hashes,
        points=reading.points,
        kind=reading.kind,
        tokens=reading.tokens,
        cut=reading.cut,
        token_cosine=reading.token_cosine,
        seed=pieces.how.seed,
        versions=versions(),
        layer_maps={name: pieces.layer_map(one) for name, one in similarities.items() if has_map(one)},
        split=texts.split,
        field=texts.field,
        duplicates=reading.duplicates,
        longest=reading.longest,
        per_text=reading.per_text,
        from_store=pieces.kept.found,
    )


def check_names(measures: Sequence[str], embeddings: Sequence[str]) -> None:
    """BadInput for an unknown measure or embedding, or where nothing is asked for."""
    for what, names, known in (("measure", measures, MEASURES), ("embedding", embeddings, METHODS)):
        for name in names:
            if name not in known:
                raise BadInput(f"{what} {name!r} is unknown; use some of {', '.join(known)}")
    if not measures and not embeddings:
        raise BadInput("nothing to compute; name at least one measure or embedding")


def check_options(dims: object, subsamples: object, parameters: Iterable[str] = ()) -> None:
    """BadInput unless maps of so many dimensions can be drawn, so many subsamples be halves of the points, and
    `parameters` are of measures and embeddings that there are."""
    unknown = [name for name in parameters if name not in (*MEASURES, *METHODS)]
    if unknown:
        raise BadInput(f"parameters are given for {unknown[0]!r}, which is neither a measure nor an embedding")
    check_dims(dims)
    if not isinstance(subsamples, int) or isinstance(subsamples, bool) or subsamples < 0 or subsamples % 2:
        raise BadInput(f"subsamples must be an even number, half of them the other halves, or 0, got {subsamples}")
