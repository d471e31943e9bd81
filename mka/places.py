"""Places on disk: whether one may be written, and files that stand there whole or not at all.

What is written stands beside its place first, under the name of `beside`, and is then renamed into it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path

from mka.errors import BadInput, RunFailed

ROOM = 64
"""Bytes of a path kept free for the names of files in a folder."""


def check_length(path: Path) -> None:
    """BadInput where the path, or one name in it, is longer than its file system takes."""
    if not hasattr(os, "pathconf"):
        return
    whole, there = path.absolute(), standing_parent(path)
    name, total = os.pathconf(there, "PC_NAME_MAX"), os.pathconf(there, "PC_PATH_MAX")
    # -1 is no limit.
    if any(0 < name < len(os.fsencode(part)) for part in whole.parts):
        raise BadInput(f"a name in {_shown(path)} is longer than the {name} bytes that the disk takes; shorten it")
    if 0 < total < len(os.fsencode(whole)) + ROOM:
        raise BadInput(f"the path {_shown(path)} is longer than the {total} bytes that the system takes; shorten it")


def _shown(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 100 else f"{text[:100]}..."


def standing_parent(path: Path) -> Path:
    """The nearest parent that exists."""
    return next(parent for parent in path.absolute().parents if os.path.exists(parent))


def foreign(folder: Path, known: Sequence[str]) -> str | None:
    """The first name in `folder` that fits none of the patterns `known`; a folder's name ends with a slash."""
    names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in folder.iterdir())
    return next((name for name in names if not any(fnmatchcase(name, pattern) for pattern in known)), None)


def beside(path: Path) -> Path:
    """A new hidden name beside `path`, never too long where that is not."""
    return path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}")


def taken(path: Path) -> RunFailed:
    """The error of a place that was free before the work and is not after it."""
    return RunFailed(
        f"{path} came to exist meanwhile, so it was not replaced; nothing was left behind, choose another place"
    )


@contextmanager
def parents_made(path: Path) -> Iterator[None]:
    """Make the folders above `path` that are missing; where the block fails, they go again."""
    made: list[Path] = []
    try:
        for parent in reversed(path.absolute().parents):
            if not parent.is_dir():
                parent.mkdir(exist_ok=True)
                made.append(parent)
        yield
    except BaseException:
        for parent in reversed(made):
            with suppress(OSError):  # another program has put something there
                parent.rmdir()
        raise


def write_file(path: Path, text: str, *, overwrite: bool) -> None:
    """Write a whole text file as UTF-8; missing folders are made.

    What stands for bytes of a file name that are no UTF-8 is written `\\udcXX`, as JSON writes it. RunFailed where
    the disk refuses, or where the place is taken and `overwrite` is False; then nothing is left.
    """
    fresh = beside(path)
    try:
        with parents_made(path):
            try:
                fresh.write_text(text, encoding="utf-8", errors="backslashreplace")
                os.replace(fresh, path) if overwrite else _take(fresh, path)
            finally:
                fresh.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunFailed(
            f"{path} could not be written ({reason}); nothing was left behind, free some space or choose another place"
        ) from error


def _take(fresh: Path, path: Path) -> None:
    """Rename onto a name that is free: making it first fails where another program was quicker."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError as error:
        raise taken(path) from error
    try:
        os.replace(fresh, path)
    except BaseException:
        path.unlink()
        raise
