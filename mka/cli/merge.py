"""`mka merge`."""

from __future__ import annotations

from dataclasses import replace
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
from mka.workflows.opening import Opening

if TYPE_CHECKING:
    from mka.objects.plan import MergePlan
    from mka.objects.receipt import Receipt
    from mka.objects.texts import TextSet


def merge(
    model: ModelArgument,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A plan file of `mka plan`.")],
    out: Annotated[str, typer.Option(metavar="DIR", help="The folder of the merged checkpoint.")],
    overwrite: Overwrite = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Reload and compare logits; always done unless --stream.")
    ] = False,
    any_model: AnyModel = False,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream", help="Merge file to file, without loading the model; every name, shape, dtype checked."
        ),
    ] = False,
    repair: Annotated[
        str | None,
        typer.Option(
            help="none, scale, linear, linear-cut, replaceme, transplant or refit, with --calibration; else the plan's."
        ),
    ] = None,
    calibration: Calibration = None,
    limit: Limit = None,
    field: Field = None,
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
            _check_streams(dtype, device, trust_remote_code)
        from mka.cli.tables import show_receipt
        from mka.objects.repairs import NONE, check_repair
        from mka.planning.files import read_plan

        made = read_plan(plan)
        made = made if repair is None else replace(made, repair=repair)
        if stream and (made.repair != NONE or calibration is not None):
            raise BadInput("a repair needs activations: leave --stream out")
        check_repair(made.repair, calibration)
        _check_chosen(calibration, limit, field)
        if stream:
            receipt = _streamed(run, model, made, out, overwrite, verify, any_model, revision)
        else:
            opening = Opening(dtype, device, revision, trust_remote_code)
            texts = None if calibration is None else _calibration(run, calibration, field, limit, seed)
            receipt = _in_memory(run, model, made, out, overwrite, any_model, opening, texts)
        run.answer(receipt, lambda console: show_receipt(console, receipt))


def _check_streams(dtype: str, device: str, trust_remote_code: bool) -> None:
    """BadInput for what only a loaded model can do."""
    if dtype != "auto" or device not in ("auto", "cpu"):
        raise BadInput(
            "--stream keeps the stored dtype and computes on the CPU: leave --dtype and --device out, or --stream"
        )
    if trust_remote_code:
        raise BadInput("--stream runs no code of a model's own: leave --stream out")


def _check_chosen(calibration: str | None, limit: int | None, field: str | None) -> None:
    """BadInput for options that choose among calibration texts where there are none."""
    if calibration is None and (limit, field) != (None, None):
        raise BadInput("--limit and --field choose among the texts of a repair; name those with --calibration")


def _calibration(run: Run, source: str, field: str | None, limit: int | None, seed: int) -> TextSet:
    """The texts that a repair is worked out from."""
    from mka.cli.analyze import warn_of_split
    from mka.data.calibration import calibration_texts
    from mka.data.texts import load_texts

    texts = load_texts(source, field=field)
    warn_of_split(run, texts)
    return calibration_texts(texts, limit=limit, seed=seed)


def _streamed(
    run: Run,
    model: str,
    plan: MergePlan,
    out: str,
    overwrite: bool,
    verify: bool,
    any_model: bool,
    revision: str | None,
) -> Receipt:
    from mka.merging.streaming.checkpoint import merge_checkpoint

    return merge_checkpoint(
        model,
        plan,
        out,
        overwrite=overwrite,
        verify=verify,
        any_model=any_model,
        revision=revision,
        progress=run.progress,
        cancel=run.cancel,
    )


def _in_memory(
    run: Run,
    model: str,
    plan: MergePlan,
    out: str,
    overwrite: bool,
    any_model: bool,
    opening: Opening,
    texts: TextSet | None,
) -> Receipt:
    from mka.merging.folders import check_place

    check_place(Path(out).expanduser(), overwrite=overwrite, source=model)
    # After the check: torch and transformers take seconds to import, and a mistake is told at once.
    from mka.merging.checkpoint import save
    from mka.merging.merge import merge as merge_layers

    opened = opening.model(model, progress=run.progress)
    merged = merge_layers(
        opened, plan, calibration=texts, any_model=any_model, progress=run.progress, cancel=run.cancel
    )
    return save(merged, out, overwrite=overwrite, progress=run.progress, cancel=run.cancel)
