"""Where answers may be written, and text files that are never half-written."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from mka.errors import BadInput, RunFailed


def check_new_folder(folder: Path, marker: str, *, overwrite: bool = False) -> None:
    """BadInput where `folder` may not be written: it is a file, or holds something and `overwrite` is False.

    With `overwrite` it must hold the file `marker`, so that a slip of the path never deletes a
    folder that this program did not write.
    """
    _check_parent(folder)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise BadInput(f"{folder} is not a folder; choose another place")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise BadInput(f"{folder} exists and is not empty; choose another folder or say --overwrite")
    if not (folder / marker).is_file():
        raise BadInput(f"{folder} holds no {marker}, so it is not overwritten; choose another folder")


def check_new_file(path: Path) -> None:
    """BadInput where no file can be put: at a folder or device, or below something that is a file."""
    _check_parent(path)
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name a file in it")
    if path.exists() and not path.is_file():  # renaming onto a device would replace it
        raise BadInput(f"{path} is no ordinary file; name one")


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, replacing what was there; parent folders are made."""
    check_new_file(path)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunFailed(f"could not write {path}: {reason}; free some space or choose another place") from error
    finally:
        with suppress(OSError):  # where its folder could not be made, there is nothing to remove
            fresh.unlink(missing_ok=True)


def _check_parent(path: Path) -> None:
    if path.name in ("", ".."):
        raise BadInput(f"{str(path)!r} names nothing that can be written; choose a name")
    for parent in path.parents:
        if parent.exists():
            if not parent.is_dir():
                raise BadInput(f"{parent} is a file, so {path} cannot be written; choose another place")
            return
