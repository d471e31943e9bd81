"""`mka plan`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mka.cli.command import Run, command
from mka.cli.options import (
    AnyModel,
    Calibration,
    Device,
    Dtype,
    Field,
    Json,
    Limit,
    ModelArgument,
    Overwrite,
    Revision,
    Seed,
    TrustRemoteCode,
)
from mka.errors import BadInput

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel
    from mka.objects.similarity import Similarity
    from mka.objects.texts import TextSet


def plan(
    model: ModelArgument,
    strategy: Annotated[
        str | None, typer.Option(help="mka, mka-code, truncate, shortgpt, angular, laco or greedy.")
    ] = None,
    remove: Annotated[int | None, typer.Option(min=1, metavar="K", help="How many layers fewer.")] = None,
    groups: Annotated[str | None, typer.Option(help="Or by hand: 18-21,25-26, averaged with equal weights.")] = None,
    analysis: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="What `mka analyze` wrote: the layers are chosen by it, also by hand."),
    ] = None,
    calibration: Calibration = None,
    measure: Annotated[
        str | None, typer.Option(help="What a similarity is read of; by default the strategy's own.")
    ] = None,
    limit: Limit = None,
    field: Field = None,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Write the plan file.")] = None,
    overwrite: Overwrite = False,
    any_model: AnyModel = False,
    json: Json = None,
    seed: Seed = 0,
    dtype: Dtype = "auto",
    device: Device = "auto",
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Plan which layers merge: by a strategy, or by hand."""
    with command(json, inputs=(model, analysis, calibration), out=out) as run:
        from mka.cli.tables import show_plan
        from mka.planning.files import write_plan
        from mka.workflows import planning
        from mka.workflows.opening import Opening
        from mka.workflows.writing import check_free_file

        if out is not None:
            check_free_file(Path(out), overwrite=overwrite)
        opening = Opening(dtype, device, revision, trust_remote_code)
        if groups is not None:
            _check_by_hand(strategy, remove, analysis, calibration, field, measure)
            found = _found(analysis, measure or planning.MEASURE) if analysis is not None else None
            opened = opening.model(model, progress=run.progress)
            made = planning.by_hand(opened, groups, similarity=found, any_model=any_model)
        elif strategy is None or remove is None:
            raise BadInput("a plan needs --strategy and --remove, or --groups; give one or the other")
        elif strategy in planning.GUIDED:
            texts = _tried_on(strategy, analysis, calibration, field, measure, limit, seed, model, run)
            opened = opening.model(model, progress=run.progress)
            made = planning.by_trying(
                opened, strategy, remove, texts, seed=seed, progress=run.progress, cancel=run.cancel
            )
        else:
            basis = _basis(planning.measure_of(strategy, measure), analysis, calibration, field, model, run)
            opened = opening.model(model, progress=run.progress)
            similarity = basis(opened, limit, seed)
            _tell_note(similarity, run)
            made = planning.by_strategy(opened, strategy, remove, similarity=similarity, seed=seed, any_model=any_model)
        if out is not None:
            write_plan(made, out, overwrite=overwrite)
        saved = planning.savings(opened, made)
        run.answer(made.to_json() | {"savings": saved}, lambda console: show_plan(console, made, saved, out))


def _tell_note(similarity: Similarity | None, run: Run) -> None:
    if similarity is not None and similarity.note:
        run.note(f"{similarity.measure}: {similarity.note}")


def _check_by_hand(
    strategy: str | None,
    remove: int | None,
    analysis: str | None,
    calibration: str | None,
    field: str | None,
    measure: str | None,
) -> None:
    """BadInput for an option that says nothing about groups chosen by hand."""
    if (strategy, remove) != (None, None):
        raise BadInput("--groups says which layers merge; leave out --strategy and --remove")
    if (calibration, field) != (None, None):
        raise BadInput(
            "--groups compares no layers, so it reads no --calibration and no --field of one; name what they were "
            "chosen by with --analysis"
        )
    if measure is not None and analysis is None:
        raise BadInput("--measure names one of an analysis; give that with --analysis, or leave --measure out")


def _tried_on(
    strategy: str,
    analysis: str | None,
    calibration: str | None,
    field: str | None,
    measure: str | None,
    limit: int | None,
    seed: int,
    model: str,
    run: Run,
) -> TextSet:
    """The texts that a strategy tries plans on; BadInput for options that name a similarity."""
    if analysis is not None or measure is not None:
        raise BadInput(
            f"{strategy} tries plans on texts and reads no similarity; leave out --analysis and --measure, "
            "and name texts with --calibration"
        )
    from mka.data.calibration import calibration_texts

    return calibration_texts(_read(calibration, field, model, run), limit=limit, seed=seed)


def _read(calibration: str | None, field: str | None, model: str, run: Run) -> TextSet:
    """All calibration texts that are named, or the model's own."""
    from mka.cli.analyze import warn_of_split
    from mka.data.texts import load_texts
    from mka.workflows.sources import calibration_source

    texts = load_texts(calibration_source(calibration, model), field=field)
    warn_of_split(run, texts)
    return texts


def _found(analysis: str, measure: str) -> Similarity:
    from mka.workflows import planning
    from mka.workflows.analysis_files import read_analysis

    return planning.similarity_from(read_analysis(analysis), measure)


def _basis(
    measure: str | None, analysis: str | None, calibration: str | None, field: str | None, model: str, run: Run
) -> Callable[[LoadedModel, int | None, int], Similarity | None]:
    """How to get the similarity once the model is open; everything that is on disk is read and checked now."""
    if measure is None:
        return lambda opened, limit, seed: None
    if analysis is not None:
        if (calibration, field) != (None, None):
            raise BadInput(
                "the analysis has its calibration; give --analysis, or --calibration and its --field, not both"
            )
        found = _found(analysis, measure)
        return lambda opened, limit, seed: found
    from mka.cli.analyze import note_cut
    from mka.workflows.analysis import analyze

    texts = _read(calibration, field, model, run)

    def measured(opened: LoadedModel, limit: int | None, seed: int) -> Similarity:
        made = analyze(
            opened,
            texts,
            measures=(measure,),
            limit=limit,
            seed=seed,
            subsamples=0,
            progress=run.progress,
            cancel=run.cancel,
        )
        note_cut(run, made)
        return made.similarities[measure]

    return measured
