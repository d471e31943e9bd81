"""`mka analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mka.cli.command import Run, command
from mka.cli.options import (
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
    words,
)
from mka.objects.measures import MEASURES
from mka.objects.methods import METHODS

if TYPE_CHECKING:
    from rich.console import Console

    from mka.objects.texts import TextSet
    from mka.workflows.analysis import Analysis


def analyze(
    model: ModelArgument,
    calibration: Calibration = None,
    measure: Annotated[str, typer.Option(help=f"Some of {', '.join(MEASURES)}.")] = "npib",
    embed: Annotated[str | None, typer.Option(help=f"Also map the points: some of {', '.join(METHODS)}.")] = None,
    dims: Annotated[int, typer.Option(min=2, max=3, help="Of the maps.")] = 2,
    points: Annotated[
        str, typer.Option(help="What a text gives: its last token, the mean, or some of its tokens.")
    ] = "last",
    per_text: Annotated[int, typer.Option(min=1, help="How many tokens, for --points tokens.")] = 4,
    longest: Annotated[int | None, typer.Option(min=1, help="Read at most so many tokens of a text.")] = None,
    field: Field = None,
    split: Annotated[str, typer.Option(help="dev, or test, which then can judge nothing any more.")] = "dev",
    limit: Limit = None,
    subsamples: Annotated[
        int, typer.Option(min=0, help="So many halves of the points say how sure each figure is; 0 for none.")
    ] = 32,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Write the analysis into a folder.")] = None,
    overwrite: Overwrite = False,
    json: Json = None,
    seed: Seed = 0,
    dtype: Dtype = "auto",
    device: Device = "auto",
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Compare every pair of layers on calibration texts: which layers repeat each other."""
    with command(json, inputs=(model, calibration), out=out) as run:
        from mka.data.texts import load_texts
        from mka.store import open_store
        from mka.workflows import analysis as workflow
        from mka.workflows.analysis_files import FILES
        from mka.workflows.opening import Opening
        from mka.workflows.sources import calibration_source
        from mka.workflows.writing import check_new_folder

        measures, embeddings = words(measure, "--measure") or (), words(embed, "--embed") or ()
        workflow.check_names(measures, embeddings)
        workflow.check_options(dims, subsamples)
        if out is not None:
            check_new_folder(Path(out), FILES, overwrite=overwrite)
        texts = load_texts(calibration_source(calibration, model), split=split, field=field)
        warn_of_split(run, texts)
        store = open_store()
        made = workflow.analyze(
            Opening(dtype, device, revision, trust_remote_code).on_demand(model), texts,
            measures=measures, embeddings=embeddings, dims=dims, points=points, per_text=per_text, longest=longest,
            limit=limit, seed=seed, subsamples=subsamples, store=store, progress=run.progress, cancel=run.cancel,
        )  # fmt: skip
        note_cut(run, made)
        if out is not None:
            workflow.write_analysis(made, out, overwrite=overwrite)
        run.answer(analysis_json(made), lambda console: _show(console, made, out))
    if store.problem:  # once the answer is given: it matters less
        run.note(store.problem)


def _show(console: Console, made: Analysis, out: str | None) -> None:
    from mka.cli.analysis_tables import show_analysis  # here, because JSON needs no table

    show_analysis(console, made, out)


def warn_of_split(run: Run, texts: TextSet) -> None:
    """Say, so that it cannot be missed, where models are judged by the texts that are to calibrate."""
    if texts.calibration_warning:
        for line in ("!" * 100, f"WARNING: {texts.calibration_warning}", "!" * 100):
            run.note(line)


def note_cut(run: Run, analysis: Analysis) -> None:
    """Say which texts lost their end, if any did."""
    if not analysis.cut:
        return
    some, longest, context = f"{analysis.cut} of {analysis.n_texts} texts", analysis.longest, analysis.summary.context
    if longest is not None and (not context or longest < context):
        run.note(f"{some} are longer than {longest} tokens and were cut to them, as --longest says")
        return
    run.note(
        f"{some} are longer than the model's context of {context} tokens and were cut to it; "
        "shorten or split them to have their ends read"
    )


def analysis_json(analysis: Analysis) -> dict[str, Any]:
    """What other programs read. Coordinates of the points are in the folder's arrays.npz only."""
    return {
        "model": analysis.summary.source,
        "fingerprint": analysis.summary.fingerprint,
        "layers": analysis.summary.layers,
        "measures": {name: _measure_json(analysis, name) for name in analysis.similarities},
        "embeddings": {
            name: {"parameters": one.parameters, "quality": one.quality, "from_store": name in analysis.from_store}
            for name, one in analysis.embeddings.items()
        },
        "layer_maps": {
            name: {"method": one.method, "coordinates": one.coordinates, "stress": one.stress}
            for name, one in analysis.layer_maps.items()
        },
        "points": analysis.n_points,
        "texts": analysis.n_texts,
        "duplicates": analysis.duplicates,
        "kind": analysis.kind,
        "per_text": analysis.per_text,
        "longest": analysis.longest,
        "tokens": analysis.tokens,
        "cut": analysis.cut,
        "block_influence": 1 - analysis.token_cosine,
        "calibration": analysis.calibration,
        "split": analysis.split,
        "warning": analysis.warning,
        "calibration_key": analysis.calibration_key,
        "text_hashes": analysis.text_hashes,
        "seed": analysis.seed,
        "versions": analysis.versions,
        "from_store": {
            name: name in analysis.from_store for name in ("reading", *analysis.similarities, *analysis.embeddings)
        },
    }


def _measure_json(analysis: Analysis, name: str) -> dict[str, Any]:
    """Standard errors, ranks and tau are null where they were not asked for or there are too few points."""
    one = analysis.similarities[name]
    known = one.uncertainty
    return {
        "values": one.values,
        "adjacent": one.adjacent,
        "bounds": one.bounds,
        "higher_is_alike": one.higher_is_alike,
        "parameters": one.parameters,
        "note": one.note,
        "stderr": known.stderr if known else None,
        "ranks": known.ranks if known else None,
        "tau": known.tau if known else None,
        "subsamples": known.subsamples if known else 0,
        "from_store": name in analysis.from_store,
    }
