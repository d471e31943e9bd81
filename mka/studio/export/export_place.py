"""Where an export goes: a new folder of one name, in the folder for exports."""

from __future__ import annotations

from pathlib import Path

from mka.errors import BadInput
from mka.places import check_length


def export_folder(root: Path, name: str) -> Path:
    """Where an export of this name goes. BadInput for a name that would leave `root`, that no disk takes, or that is
    taken."""
    plain = name.isprintable() and "\\" not in name and name == Path(name).name and name == name.strip()
    if not plain or name in ("", ".", ".."):
        raise BadInput(f"{name!r} is no folder name; use one name without slashes and without space around it")
    folder = root / name
    check_length(folder)
    if folder.exists():
        raise BadInput(f"{folder} exists already; choose another name")
    return folder
