"""`mka sweep`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from mka.cli.command import command
from mka.cli.evaluate import data_named
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
from mka.errors import BadInput

_NUMBERS = re.compile(r"(\d{1,4})(?:\s*-\s*(\d{1,4}))?")


def sweep(
    model: ModelArgument,
    strategies: Annotated[str, typer.Option(help="Names of `mka plan`, and drop-keep-last, with commas between.")],
    remove: Annotated[str, typer.Option(metavar="RANGE", help="How many layers fewer: 1-8, or 1,2,4.")],
    repair: Annotated[str, typer.Option(help="none and names of `mka merge`, with commas between.")] = "none",
    calibration: Calibration = None,
    tasks: Annotated[str | None, typer.Option(help="perplexity, choices, divergence.")] = None,
    data: Annotated[str | None, typer.Option(metavar="SRC", help="Texts and questions in one.")] = None,
    text: Annotated[str | None, typer.Option(metavar="SRC", help="Or the texts.")] = None,
    questions: Annotated[str | None, typer.Option(metavar="SRC", help="Or the questions.")] = None,
    shots: Annotated[int, typer.Option(min=0, metavar="K", help="Solved questions before each question.")] = 0,
    limit: Limit = None,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Also write the rows as a .csv file.")] = None,
    overwrite: Overwrite = False,
    json: Json = None,
    seed: Seed = 0,
    dtype: Dtype = "auto",
    device: Device = "auto",
    revision: Revision = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Measure every strategy at every number of layers removed, merged in memory; --limit is of what judges."""
    with command(json, inputs=(model, calibration, data, text, questions), out=out) as run:
        from mka.cli.analyze import warn_of_split
        from mka.cli.sweep_table import csv_text, row_line, show_sweep
        from mka.data.texts import load_texts
        from mka.places import write_file
        from mka.workflows import sweep as workflow
        from mka.workflows.opening import Opening
        from mka.workflows.sources import calibration_source
        from mka.workflows.writing import check_free_file

        chosen, repairs = words(strategies, "--strategies") or (), words(repair, "--repair") or ()
        numbers = numbers_in(remove)
        workflow.check_names(chosen, repairs, numbers)
        source = data_named(data, text, questions, model)
        if out is not None:
            check_free_file(Path(out), overwrite=overwrite)
        texts = None
        if workflow.reads_texts(chosen, repairs, calibration):
            texts = load_texts(calibration_source(calibration, model))
            warn_of_split(run, texts)
        opened = Opening(dtype, device, revision, trust_remote_code).model(model, progress=run.progress)
        found = workflow.sweep(
            opened, chosen, numbers, repairs, calibration=texts, tasks=words(tasks, "--tasks"), data=source, texts=text,
            questions=questions, shots=shots, limit=limit, seed=seed, each=lambda row: run.note(row_line(row)),
            progress=run.progress, cancel=run.cancel,
        )  # fmt: skip
        if out is not None:
            write_file(Path(out), csv_text(found), overwrite=overwrite)
        run.answer(found.to_json(), lambda console: show_sweep(console, found, out))


def numbers_in(text: str) -> tuple[int, ...]:
    """The numbers in "1-3,6", each once; BadInput for anything else."""
    numbers: list[int] = []
    for word in words(text, "--remove") or ():
        found = _NUMBERS.fullmatch(word)
        if found is None or int(found[2] or found[1]) < int(found[1]) or int(found[1]) < 1:
            raise BadInput(f"--remove {word!r} is no number of layers; write numbers from 1 on or ranges, as 1-3,6")
        numbers += range(int(found[1]), int(found[2] or found[1]) + 1)
    return tuple(dict.fromkeys(numbers))
