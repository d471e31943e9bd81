"""What a run that was killed left beside its place, and how it is told from what a living run writes there.

A run writes into a folder `.NAME.1a2b3c4d` and keeps it locked; the system lets go of the lock however the run ends.
What it replaces is called `.NAME.1a2b3c4d.old` for the moment between two renamings.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mka.places import beside, foreign

if sys.platform != "win32":  # which locks no folders, so that nothing is cleared there
    import fcntl

OLD = ".old"
HALF_WRITTEN = ".tmp??????"
"""What safetensors calls a file of weights until it is whole."""
LONGEST = 40
"""Letters of a name that `beside` keeps. Of longer ones it cannot be told whose a leftover is."""


def aside_of(fresh: Path) -> Path:
    """Where what stood at the place goes while `fresh` takes it."""
    return fresh.with_name(fresh.name + OLD)


@contextmanager
def held(fresh: Path) -> Iterator[None]:
    """Make the folder `fresh` and keep it locked while the block runs, as a sign that its run lives."""
    if sys.platform == "win32":
        fresh.mkdir()
        yield
        return
    with ExitStack() as locks:
        with ExitStack() as around:
            with suppress(OSError):  # a disk that knows no locks, where nothing is ever cleared
                around.enter_context(_locked(fresh.parent, fcntl.LOCK_EX))  # so that nobody sees it unlocked
            fresh.mkdir()
            with suppress(OSError):
                locks.enter_context(_locked(fresh, fcntl.LOCK_EX))
        yield


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """The folder locked; OSError where its disk knows no locks, or another holds it and `how` says not to wait."""
    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, how)
        yield
    finally:
        os.close(number)


def clear_leftovers(place: Path, known: Sequence[str]) -> None:
    """Remove what killed runs left beside `place`, and put back what one of them had moved aside and not replaced.

    Folders alone whose name is one of `beside` and that hold nothing but what the patterns `known` name, and weights
    that safetensors had not written to their end.
    """
    if sys.platform == "win32" or len(place.name) > LONGEST or not place.parent.is_dir():
        return
    ours = re.compile(re.escape(beside(place).name[:-8]) + f"[0-9a-f]{{8}}({re.escape(OLD)})?")
    with suppress(OSError), _locked(place.parent, fcntl.LOCK_EX):
        found = [path for path in place.parent.iterdir() if ours.fullmatch(path.name) and _of_a_dead_run(path, known)]
        for path in sorted(found, reverse=True):  # `.old` first, whose fate hangs on the other's lock
            if path.name.endswith(OLD) and not os.path.lexists(place):
                os.rename(path, place)
            else:
                shutil.rmtree(path, ignore_errors=True)


def _of_a_dead_run(path: Path, known: Sequence[str]) -> bool:
    fresh = path.with_name(path.name.removesuffix(OLD))
    try:
        if path.is_symlink() or not path.is_dir() or foreign(path, (*known, HALF_WRITTEN)) is not None:
            return False
        if fresh.is_dir():
            with _locked(fresh, fcntl.LOCK_EX | fcntl.LOCK_NB):
                pass
    except OSError:  # locked, another user's, or gone meanwhile
        return False
    return True
