"""`mka merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mka.cli.command import command
from mka.cli.options import (
    AnyModel,
    Calibration,
    Device,
    Dtype,
    Json,
    ModelArgument,
    Overwrite,
    Revision,
    Seed,
    TrustRemoteCode,
)
from mka.errors import BadInput


def merge(
    model: ModelArgument,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A plan file of `mka plan`.")],
    out: Annotated[str, typer.Option(metavar="DIR", help="The folder of the merged checkpoint.")],
    overwrite: Overwrite = False,
    verify: Annotated[bool, typer.Option("--verify", help="Reload and compare; always done.")] = False,
    any_model: AnyModel = False,
    stream: Annotated[bool, typer.Option("--stream", help="Comes with a later version.")] = False,
    repair: Annotated[
        str | None,
        typer.Option(help="none, scale, linear, linear-cut or replaceme, with --calibration; else what the plan says."),
    ] = None,
    calibration: Calibration = None,
    json: Json = None,
    seed: Seed = 0,
    dtype: Dtype = "auto",
    device: Device = "auto",
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Merge a model's layers by a plan and write a checkpoint that any tool loads, verified by reloading it."""
    with command(json, inputs=(model, plan, calibration), out=out) as run:
        if stream:
            raise BadInput("--stream comes with a later version; leave it out to merge in memory")
        from mka.cli.analyze import warn_of_split
        from mka.cli.tables import show_receipt
        from mka.data.texts import load_texts
        from mka.merging.checkpoint import save
        from mka.merging.folders import check_place
        from mka.merging.merge import merge as merge_layers
        from mka.merging.repair.repairs import check_repair
        from mka.planning.files import read_plan
        from mka.workflows.opening import Opening

        made = read_plan(plan)
        check_repair(made.repair if repair is None else repair, calibration)
        texts = None if calibration is None else load_texts(calibration)
        if texts is not None:
            warn_of_split(run, texts)
        check_place(Path(out).expanduser(), overwrite=overwrite, source=model)
        opened = Opening(dtype, device, revision, trust_remote_code).model(model, progress=run.progress)
        merged = merge_layers(
            opened,
            made,
            repair=repair,
            calibration=texts,
            any_model=any_model,
            progress=run.progress,
            cancel=run.cancel,
        )
        receipt = save(merged, out, overwrite=overwrite, progress=run.progress, cancel=run.cancel)
        run.answer(receipt, lambda console: show_receipt(console, receipt))
