"""What every command does alike: one answer on stdout, everything else on stderr, an error in one line."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

import mka
from mka.assets import asset
from mka.cli.progress import reporting
from mka.errors import BadInput, Cancelled, MkaError
from mka.objects.progress import Cancel, Progress

if TYPE_CHECKING:
    from rich.console import Console

Show = Callable[["Console"], None]
DEMO = "demo"
VERSION = "mka"
"""The key by which an answer is known again: the version of the program that gave it."""


@dataclass
class Run:
    """One command at work: the callbacks for long steps, and the answer that is given when all of it is done."""

    progress: Progress
    cancel: Cancel
    answered: tuple[Any, Show] | None = field(default=None, init=False)

    def answer(self, payload: Any, show: Show) -> None:
        """What to print at the end: `payload` as JSON where it was asked for, and what `show` draws."""
        self.answered = (payload, show)

    def note(self, text: str) -> None:
        """One line on stderr that the user should know of."""
        typer.echo(f"mka: {text}", err=True)


@contextmanager
def command(json_path: str | None, *, inputs: Sequence[str | None] = (), out: str | None = None) -> Iterator[Run]:
    """Run one command's body.

    The answer's file may be nothing that the command reads (`inputs`) or writes (`out`), nor lie inside it.
    What libraries print goes to stderr. Ctrl-C or SIGTERM stops the work at its next step, a second
    one at once. Any error becomes one line and an exit code; MKA_DEBUG=1 shows where it came from.
    """
    try:
        if json_path is not None and json_path != "-":
            _check_answer_file(Path(json_path), inputs, out)
        cancel = Cancel()
        with _stopped_by_signals(cancel), redirect_stdout(sys.stderr), reporting(cancel) as progress:
            run = Run(progress, cancel)
            yield run
        if run.answered is not None:
            _give(*run.answered, json_path)
    except (KeyboardInterrupt, Exception) as error:
        if os.environ.get("MKA_DEBUG") or isinstance(error, (typer.Exit, BrokenPipeError)):
            raise
        line, code = explained(error)
        typer.echo(f"mka: {line}", err=True)
        raise typer.Exit(code) from None


def explained(error: BaseException) -> tuple[str, int]:
    """An error as one line and an exit code."""
    if isinstance(error, MkaError):
        return _one_line(str(error)), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "cancelled: the run was stopped at once", Cancelled.exit_code
    if isinstance(error, MemoryError) or "out of memory" in str(error) or "can't allocate memory" in str(error):
        return "the memory is full; close other programs, choose a smaller model or a smaller --dtype", 1
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return _one_line(f"{where}{error.strerror}; nothing was left half-written"), 1
    return _one_line(f"failed unexpectedly: {type(error).__name__}: {error} (MKA_DEBUG=1 shows where)"), 1


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _check_answer_file(path: Path, inputs: Sequence[str | None], out: str | None) -> None:
    from mka.workflows.writing import check_new_file

    check_new_file(path)
    for word in inputs:
        if word is not None and any(_lies_in(path, place) for place in _places(word)):
            raise BadInput(f"--json {path} would write into {word}, which this command reads; name another file")
    if out is not None and (_lies_in(path, out) or _lies_in(out, path)):
        raise BadInput(f"--json {path} and --out {out} want the same place; name two that do not lie in each other")
    _check_replaceable(path)


def _places(word: str) -> Sequence[str | Path]:
    """The files and folders that the words MODEL and SRC name on this machine."""
    if word == DEMO:
        return [asset(name) for name in ("demo-model", "demo-texts", "demo-questions")]
    place = os.path.expanduser(word)
    return [place] if os.path.exists(place) else []


def _lies_in(path: str | Path, place: str | Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(place))


def _check_replaceable(path: Path) -> None:
    """BadInput where a file stands that holds anything but an earlier answer of `mka`."""
    if path.is_file() and path.stat().st_size and not _is_answer(path):
        raise BadInput(f"{path} exists and holds no answer of mka, so it is not replaced; name another file")


def _is_answer(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            if file.read(1) != b"{":
                return False
        return VERSION in json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False


def _give(payload: Any, show: Show, json_path: str | None) -> None:
    from mka.objects.jsonable import jsonable

    answer = {VERSION: mka.__version__, **jsonable(payload)}
    text = json.dumps(answer, indent=2, allow_nan=False, ensure_ascii=False) + "\n" if json_path else ""
    if json_path == "-":
        # A file name's bytes that are no UTF-8 become \udcXX, which is how JSON escapes them.
        sys.stdout.write(text.encode("utf-8", "backslashreplace").decode())
        sys.stdout.flush()  # a reader that is gone is met here, not at the interpreter's end
        return
    if json_path is not None:
        from mka.workflows.writing import write_text

        _check_replaceable(Path(json_path))  # what came to stand there meanwhile
        write_text(Path(json_path), text)
    from mka.cli.tables import console

    show(console())


@contextmanager
def _stopped_by_signals(cancel: Cancel) -> Iterator[None]:
    """While the block runs, the first SIGINT or SIGTERM asks `cancel`, the next one interrupts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if cancel.requested:
            raise KeyboardInterrupt
        cancel.request()
        os.write(2, b"mka: stopping after this step; once more to stop at once\n")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
