"""The options that several commands share, word for word."""

from __future__ import annotations

from typing import Annotated

import typer

from mka.errors import BadInput
from mka.objects.seeds import LARGEST_SEED

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="demo, a folder, or a hub id with optional @revision.")
]
Json = Annotated[
    str | None,
    typer.Option("--json", metavar="PATH", help="Write the answer as JSON, over an earlier one; - for stdout alone."),
]
Seed = Annotated[
    int, typer.Option(min=0, max=LARGEST_SEED, help="Draws texts and questions, and starts whatever is random.")
]
Dtype = Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit of MODEL on the hub.")]
TrustRemoteCode = Annotated[bool, typer.Option("--trust-remote-code", help="Run Python code that comes with MODEL.")]
Calibration = Annotated[
    str | None, typer.Option(metavar="SRC", help="Texts that the layers are compared on; demo for the demo model.")
]
Field = Annotated[str | None, typer.Option(metavar="NAME", help="Which field of a .jsonl or .csv file has the text.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many, drawn with --seed.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier run wrote there.")]
AnyModel = Annotated[
    bool, typer.Option("--any-model", help="Accept what was made for another model of the same depth.")
]


def words(text: str | None, option: str) -> tuple[str, ...] | None:
    """The names in "a,b,c", each once; None for None. BadInput for an empty name."""
    if text is None:
        return None
    names = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    if "" in names:
        raise BadInput(f"{option} {text!r} names nothing in one place; write names with a comma between them")
    return names
