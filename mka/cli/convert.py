"""`mka convert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mka.cli.command import Run, command
from mka.cli.options import Device, Dtype, Json, Overwrite, Revision, Seed, TrustRemoteCode
from mka.errors import BadInput

if TYPE_CHECKING:
    from mka.workflows.opening import Opening

MERGEKIT = "mergekit"


def convert(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A plan file, or with --from a config.")],
    out: Annotated[str, typer.Option(metavar="FILE", help="The file to write.")],
    to: Annotated[str | None, typer.Option("--to", help="mergekit: a plan becomes a config.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="mergekit: a config becomes a plan.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The model; by default the one that FILE names.")
    ] = None,
    overwrite: Overwrite = False,
    json: Json = None,
    seed: Seed = 0,
    dtype: Dtype = "auto",
    device: Device = "auto",
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Turn a plan into a config of mergekit 0.1.5, or one of its passthrough and linear configs into a plan."""
    with command(json, inputs=(file, model), out=out) as run:
        if {to, source} != {MERGEKIT, None}:
            raise BadInput("convert goes one way, to or from mergekit; say --to mergekit or --from mergekit")
        from mka.workflows.opening import Opening
        from mka.workflows.writing import check_free_file

        check_free_file(Path(out), overwrite=overwrite)
        if to is not None:
            _to_config(file, model, out, overwrite, run)
        else:
            _to_plan(file, model, out, overwrite, Opening(dtype, device, revision, trust_remote_code), run)


def _to_config(file: str, model: str | None, out: str, overwrite: bool, run: Run) -> None:
    from mka.cli.tables import written
    from mka.places import write_file
    from mka.planning.files import read_plan
    from mka.workflows.mergekit import config_text

    text = config_text(read_plan(file), model)
    write_file(Path(out), text, overwrite=overwrite)
    run.answer({"config": text}, lambda console: written(console, out))


def _to_plan(file: str, model: str | None, out: str, overwrite: bool, opening: Opening, run: Run) -> None:
    from mka.cli.tables import show_plan
    from mka.planning.files import write_plan
    from mka.planning.mergekit import model_of
    from mka.workflows.mergekit import plan_of, read_config
    from mka.workflows.planning import savings

    config = read_config(file)
    opened = opening.model(model or model_of(config), progress=run.progress)
    made = plan_of(config, opened)
    write_plan(made, out, overwrite=overwrite)
    saved = savings(opened, made)
    run.answer(made.to_json() | {"savings": saved}, lambda console: show_plan(console, made, saved, out))
