"""`mka studio`."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

import mka
from mka.cli.command import command
from mka.cli.options import Json, Seed
from mka.errors import BadInput

HOST = "127.0.0.1"
PORTS = range(8501, 8601)
"""The first free one is taken where none is named."""


def studio(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 for any free one; else from 8501 on.")] = None,
    models: Annotated[str | None, typer.Option(metavar="DIR", help="A folder of models to offer.")] = None,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Where exports are written; out by default.")] = None,
    json: Json = None,
    seed: Seed = 0,
) -> None:
    """Open the studio in a browser, on 127.0.0.1. It listens to this machine only and calls nobody."""
    with command(json, inputs=(models,)) as run:
        script = studio_script()
        if models is not None and not Path(models).is_dir():
            raise BadInput(f"{models} is no folder; name the folder that holds the models")
        chosen = free_port(port)
        url = f"http://{HOST}:{chosen}"
        run.answer(
            {"url": url, "port": chosen, "pid": os.getpid()},
            lambda console: console.print(f"The studio is at {url} (Ctrl-C ends it)."),
        )
    sys.stdout.flush()
    # This process becomes the server, so that a signal reaches it and no process stays behind. What Streamlit says is
    # said already; and a word of it to a reader that is gone would keep it from ending.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execve(sys.executable, server_command(script, chosen), environment(models, out))


def studio_script() -> Path:
    """app.py: inside the package where it was installed, else beside it in the repository."""
    package = Path(mka.__file__).resolve().parent
    for folder in (package / "_app", package.parent):
        if (folder / "app.py").is_file() and (folder / "pages").is_dir():
            return folder / "app.py"
    raise BadInput("this installation holds no studio (app.py is missing); install MKA again")


def free_port(asked: int | None) -> int:
    """The port that was asked for, or a free one; BadInput where it is taken."""
    for port in PORTS if asked is None else (asked,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise BadInput(f"port {asked or f'{PORTS[0]} to {PORTS[-1]}'} is in use; name another one with --port")


def server_command(script: Path, port: int) -> list[str]:
    """Streamlit on one port of this machine; the rest is said again here for a folder without its config file."""
    options = {
        "server.address": HOST,
        "server.port": str(port),
        "server.headless": "true",
        "server.showEmailPrompt": "false",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    return [
        sys.executable, "-m", "streamlit", "run", str(script),
        *(word for name, value in options.items() for word in (f"--{name}", value)),
    ]  # fmt: skip


def environment(models: str | None, out: str | None) -> dict[str, str]:
    """This one, and what the studio reads: MKA_MODELS, MKA_OUT."""
    named = {"MKA_MODELS": models, "MKA_OUT": out}
    return {**os.environ, **{name: str(Path(value).resolve()) for name, value in named.items() if value is not None}}
