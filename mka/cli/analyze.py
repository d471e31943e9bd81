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
    Json,
    Limit,
    ModelArgument,
    Overwrite,
    Revision,
    Seed,
    TrustRemoteCode,
    words,
)

if TYPE_CHECKING:
    from mka.workflows.analysis import Analysis


def analyze(
    model: ModelArgument,
    calibration: Calibration = None,
    measure: Annotated[str, typer.Option(help="npib, npib-code, cosine, block-influence; some of them.")] = "npib",
    embed: Annotated[str | None, typer.Option(help="Also map the texts: diffusion, umap, pca.")] = None,
    points: Annotated[str, typer.Option(help="One vector per text: its last token, or the mean.")] = "last",
    limit: Limit = None,
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
        from mka.cli.tables import show_analysis
        from mka.data.texts import load_texts
        from mka.workflows import analysis as workflow
        from mka.workflows.analysis_files import FILES
        from mka.workflows.opening import Opening
        from mka.workflows.sources import calibration_source
        from mka.workflows.writing import check_new_folder

        measures, embeddings = words(measure, "--measure") or (), words(embed, "--embed") or ()
        workflow.check_names(measures, embeddings)
        if out is not None:
            check_new_folder(Path(out), FILES, overwrite=overwrite)
        texts = load_texts(calibration_source(calibration, model))
        opened = Opening(dtype, device, revision, trust_remote_code).model(model, progress=run.progress)
        made = workflow.analyze(
            opened, texts, measures=measures, embeddings=embeddings, points=points, limit=limit, seed=seed,
            progress=run.progress, cancel=run.cancel,
        )  # fmt: skip
        note_cut(run, made)
        if out is not None:
            workflow.write_analysis(made, out, overwrite=overwrite)
        run.answer(analysis_json(made), lambda console: show_analysis(console, made, out))


def note_cut(run: Run, analysis: Analysis) -> None:
    """Say which texts lost their end, if any did."""
    if analysis.cut:
        run.note(
            f"{analysis.cut} of {analysis.n_points} texts are longer than the model's context of "
            f"{analysis.summary.context} tokens and were cut to it; shorten or split them to have their ends read"
        )


def analysis_json(analysis: Analysis) -> dict[str, Any]:
    """What other programs read. Coordinates of the maps are in the folder's arrays.npz only."""
    return {
        "model": analysis.summary.source,
        "fingerprint": analysis.summary.fingerprint,
        "layers": analysis.summary.layers,
        "measures": {
            name: {
                "values": one.values,
                "adjacent": one.adjacent,
                "bounds": one.bounds,
                "higher_is_alike": one.higher_is_alike,
                "parameters": one.parameters,
                "note": one.note,
            }
            for name, one in analysis.similarities.items()
        },
        "embeddings": {
            name: {"parameters": one.parameters, "quality": one.quality} for name, one in analysis.embeddings.items()
        },
        "points": analysis.n_points,
        "kind": analysis.kind,
        "tokens": analysis.tokens,
        "cut": analysis.cut,
        "block_influence": 1 - analysis.token_cosine,
        "calibration": analysis.calibration,
        "calibration_key": analysis.calibration_key,
        "text_hashes": analysis.text_hashes,
        "seed": analysis.seed,
        "versions": analysis.versions,
    }
