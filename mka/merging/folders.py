"""A folder that is written beside its place and takes it only when it is whole."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from mka.errors import BadInput, RunFailed
from mka.models.files import first_line

MARKER = "config.json"
"""A folder without this file holds no model, and is never overwritten."""


def check_place(folder: Path, *, overwrite: bool, source: str) -> None:
    """BadInput where a checkpoint may not be written to `folder`.

    Nothing that exists is replaced unless `overwrite`; even then only an empty folder or one that holds a model,
    and never the folder `source`, which the model was read from, nor one around it. `source` may be no folder.
    """
    if folder.name in ("", ".."):
        raise BadInput(f"{str(folder)!r} names no folder to write; choose a name")
    if not os.path.lexists(folder):
        if not _standing(folder).is_dir():
            raise BadInput(f"{folder} would lie below a file, {_standing(folder)}; choose another place")
        return
    if folder.is_symlink() or not folder.is_dir():
        raise BadInput(f"{folder} exists and is not a folder; choose another place")
    if not overwrite:
        raise BadInput(f"{folder} exists already; choose another folder or allow overwriting (--overwrite)")
    if source and Path(source).is_dir() and Path(source).resolve().is_relative_to(folder.resolve()):
        raise BadInput(f"{folder} holds the model that was merged; choose another folder")
    if any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise BadInput(f"{folder} holds files but no model ({MARKER}), so it is not overwritten; choose another folder")


def check_space(folder: Path, needed: int) -> None:
    """RunFailed where the disk of `folder` has fewer than `needed` bytes left."""
    free = shutil.disk_usage(_standing(folder)).free
    if free < needed:
        raise RunFailed(
            f"{folder} needs {needed / 1e6:,.0f} MB and the disk has {free / 1e6:,.0f} MB left; "
            "free some space or choose another place"
        )


def _standing(folder: Path) -> Path:
    """The nearest parent that exists."""
    return next(parent for parent in folder.absolute().parents if parent.exists())


@contextmanager
def taking_place(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder` to write into, which takes its place when the block ends without an error.

    RunFailed in one line where the disk refuses. Whatever goes wrong, also on cancelling, what stood at `folder`
    stays and nothing else is left.
    """
    fresh, aside = (folder.with_name(f".{folder.name}.{secrets.token_hex(4)}") for _ in range(2))
    try:
        fresh.mkdir(parents=True)
        yield fresh
        if folder.exists():
            os.rename(folder, aside)
        os.rename(fresh, folder)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise RunFailed(
            f"{folder} could not be written ({reason}); nothing was left behind, "
            "free some space or choose another place"
        ) from error
    finally:
        if aside.exists() and not folder.exists():
            os.rename(aside, folder)
        for leftover in (fresh, aside):
            shutil.rmtree(leftover, ignore_errors=True)
