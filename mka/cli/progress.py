"""Progress on stderr: a bar at a terminal; elsewhere a plain line now and then, for a log."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from mka.objects.progress import Cancel, Progress

SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def reporting(cancel: Cancel) -> Iterator[Progress]:
    """A callback that shows where the work is, and stops it when `cancel` was asked for."""
    if sys.stderr.isatty():
        with _bars(cancel) as progress:
            yield progress
    else:
        yield _lines(cancel)


@contextmanager
def _bars(cancel: Cancel) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        shown = bars.add_task("starting", total=None)
        stage_shown = ""

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal stage_shown
            cancel.check()
            if stage != stage_shown:
                bars.reset(shown, description=stage, total=total)
                stage_shown = stage
            bars.update(shown, completed=done, total=total)

        yield progress


def _lines(cancel: Cancel) -> Progress:
    last = math.nan  # no step yet; until then libraries are imported, which says nothing

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal last
        cancel.check()
        now = time.monotonic()
        if math.isnan(last):
            last = now
        elif now - last >= SECONDS_BETWEEN_LINES:
            last = now
            typer.echo(f"mka: {stage} {done}/{total}", err=True)

    return progress
