"""The commands under one name."""

from __future__ import annotations

from typing import Annotated

import typer

import mka
from mka.cli.analyze import analyze
from mka.cli.compare import compare
from mka.cli.convert import convert
from mka.cli.evaluate import evaluate
from mka.cli.inspect import inspect
from mka.cli.merge import merge
from mka.cli.plan import plan
from mka.cli.store import store
from mka.cli.studio import studio
from mka.cli.sweep import sweep

# Plain help and errors: they read the same in a terminal, a pipe and a log, and load at once.
app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"mka {mka.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """See which layers of a language model repeat each other, merge them, and measure what it cost.

    MODEL is `demo`, a folder, or a hub id with optional @revision. SRC is `demo`, a .txt, .jsonl or .csv file, or a
    folder of MMLU csv files. Exit codes: 0 done, 1 a run failed, 2 bad input, 130 cancelled.
    """


for command in (studio, inspect, analyze, compare, plan, merge, convert, evaluate, sweep, store):
    app.command()(command)
