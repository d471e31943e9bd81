"""Where answers may be written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mka.errors import BadInput
from mka.places import check_length, foreign, standing_parent, write_file


def check_new_folder(folder: Path, files: Sequence[str], *, overwrite: bool = False) -> None:
    """BadInput where `folder` may not be written: it is a file, or holds something and `overwrite` is False.

    With `overwrite` it must hold the first of `files` and nothing but these, so that a slip of the path never
    deletes what this program did not write.
    """
    _check_parent(folder)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise BadInput(f"{folder} is not a folder; choose another place")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise BadInput(f"{folder} exists and is not empty; choose another folder or say --overwrite")
    if not (folder / files[0]).is_file():
        raise BadInput(f"{folder} holds no {files[0]}, so it is not overwritten; choose another folder")
    stranger = foreign(folder, files)
    if stranger is not None:
        raise BadInput(f"{folder} also holds {stranger}, so it is not overwritten; move that, or choose another folder")


def check_new_file(path: Path) -> None:
    """BadInput where no file can be put: at a folder or device, or below something that is a file."""
    _check_parent(path)
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name a file in it")
    if path.exists() and not path.is_file():  # renaming onto a device would replace it
        raise BadInput(f"{path} is no ordinary file; name one")


def check_free_file(path: Path, *, overwrite: bool) -> None:
    """BadInput where no new file can be put, or one is there and `overwrite` is False."""
    check_new_file(path)
    if path.exists() and not overwrite:
        raise BadInput(f"{path} exists; choose another file or say --overwrite")


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, replacing what was there. Raises as `check_new_file` and `write_file` do."""
    check_new_file(path)
    write_file(path, text, overwrite=True)


def _check_parent(path: Path) -> None:
    if path.name in ("", ".."):
        raise BadInput(f"{str(path)!r} names nothing that can be written; choose a name")
    check_length(path)
    parent = standing_parent(path)
    if not parent.is_dir():
        raise BadInput(f"{parent} is a file, so {path} cannot be written; choose another place")
